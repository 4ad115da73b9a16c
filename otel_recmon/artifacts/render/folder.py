"""A folder that files are exported to: what is there, what it takes to have them, and what was written."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Final

LEDGER: Final = ".otel-recmon-export"
"""The file that keeps what was written, as sha256sum has it; without an extension, so that kubectl does not read it."""


class State(Enum):
    """How a file in the folder compares with what it should be."""

    CURRENT = "current"
    MISSING = "missing"
    OUTDATED = "outdated"
    FOREIGN = "not as it was written"


@dataclass(frozen=True)
class Folder:
    """Files by their names from the folder, and the folder."""

    path: Path
    files: Mapping[str, str]

    @cached_property
    def states(self) -> dict[str, State]:
        """How each file compares.

        Raises:
            OSError: A file cannot be read.
        """
        return {name: self._state(name) for name in self.files}

    def _state(self, name: str) -> State:
        path = self.path / name
        if not path.exists():
            return State.MISSING
        found = digest(path.read_bytes())
        if found == self.digests[name]:
            return State.CURRENT
        return State.OUTDATED if found == self.written.get(name) else State.FOREIGN

    @cached_property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of each file, as it should be."""
        return {name: digest(text.encode()) for name, text in self.files.items()}

    @cached_property
    def written(self) -> dict[str, str]:
        """The SHA-256 of each file that was written here, as it was then."""
        ledger = self.path / LEDGER
        lines = ledger.read_text(encoding="utf-8", errors="replace").splitlines() if ledger.exists() else []
        pairs = (line.split("  ", 1) for line in lines if "  " in line)
        return {name: found for found, name in pairs}

    def leftover(self, names: Iterable[str]) -> list[str]:
        """Return what was written here once, is still there, and is not among the names."""
        return sorted(name for name in self.written.keys() - set(names) if (self.path / name).exists())

    def write(self) -> list[str]:
        """Write what is not current, each file as a whole or not at all, and return the names.

        Raises:
            OSError: Something cannot be written.
        """
        changed = [name for name, state in self.states.items() if state is not State.CURRENT]
        for name in changed:
            _replace(self.path / name, self.files[name])
        entries = sorted({**self.written, **self.digests}.items())
        kept = [f"{found}  {name}\n" for name, found in entries if (self.path / name).exists()]
        _replace(self.path / LEDGER, "".join(kept))
        return changed


def digest(content: bytes) -> str:
    """Return the SHA-256 of a content."""
    return hashlib.sha256(content).hexdigest()


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(text.encode())
    part.replace(path)
