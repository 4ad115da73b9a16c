"""The folder of an export: the state of its files, and the record of the files that earlier exports wrote."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Final

LEDGER: Final = ".otel-recmon-export"
"""The name of the file that lists each exported file with its SHA-256, in the format of sha256sum.

The name has no extension, so that `kubectl apply` ignores the file.
"""


class State(Enum):
    """The result of comparing a file in the folder with its expected content."""

    CURRENT = "current"
    MISSING = "missing"
    OUTDATED = "outdated"
    FOREIGN = "edited, or not written by export"


@dataclass(frozen=True)
class Folder:
    """A folder and the files that it should contain.

    Attributes:
        path: The path of the folder.
        files: The expected content of each file, by its path in the folder.
    """

    path: Path
    files: Mapping[str, str]

    @cached_property
    def states(self) -> dict[str, State]:
        """The state of each expected file.

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
        """The SHA-256 of the expected content of each file, by its path in the folder."""
        return {name: digest(text.encode()) for name, text in self.files.items()}

    @cached_property
    def written(self) -> dict[str, str]:
        """The SHA-256 of each file as an earlier export wrote it, by the path of the file in the folder."""
        ledger = self.path / LEDGER
        lines = ledger.read_text(encoding="utf-8", errors="replace").splitlines() if ledger.exists() else []
        pairs = (line.split("  ", 1) for line in lines if "  " in line)
        return {name: found for found, name in pairs}

    def leftover(self, names: Iterable[str]) -> list[str]:
        """Return the paths of the existing files that an earlier export wrote and that are not in `names`."""
        return sorted(name for name in self.written.keys() - set(names) if (self.path / name).exists())

    def write(self) -> list[str]:
        """Write each file whose state is not CURRENT, and then the record. Each file is replaced atomically.

        Return the paths of the written files, without the record.

        Raises:
            OSError: A file cannot be written.
        """
        changed = [name for name, state in self.states.items() if state is not State.CURRENT]
        for name in changed:
            _replace(self.path / name, self.files[name])
        entries = sorted({**self.written, **self.digests}.items())
        kept = [f"{found}  {name}\n" for name, found in entries if (self.path / name).exists()]
        _replace(self.path / LEDGER, "".join(kept))
        return changed


def digest(content: bytes) -> str:
    """Return the SHA-256 of the content of a file, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(text.encode())
    part.replace(path)
