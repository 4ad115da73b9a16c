"""Breaks a copy of the checkout in one small way after another, and says which of them no test notices.

`make mutate` runs it on the list in tools/mutations.toml. Uses what is in the virtual environment.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LIST: Final = Path(__file__).with_name("mutations.toml")
DEADLINE_S: Final = 300
FAILED: Final = 1
"""pytest's exit code where tests ran and some failed; every other means that they did not run as they should."""


class ListError(Exception):
    """The list does not fit the checkout; says where."""


@dataclass(frozen=True)
class Mutation:
    """A text of a file, what it becomes, and the tests that must notice: paths, and options of pytest."""

    why: str
    file: str
    old: str
    new: str
    tests: list[str]

    def changed(self, root: Path) -> str:
        """Return the file's content with the change.

        Raises:
            ListError: The old text does not occur exactly once.
        """
        content = (root / self.file).read_text(encoding="utf-8")
        if content.count(self.old) != 1:
            raise ListError(f"{self.why}: {self.file} has {content.count(self.old)} times, not once: {self.old!r}")
        return content.replace(self.old, self.new)


def listed(path: Path = LIST) -> list[Mutation]:
    """Return the mutations of a list."""
    return [Mutation(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]]


def copied(root: Path, folder: Path) -> None:
    """Copy what git knows or would take, as it is now."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)


@contextmanager
def applied(mutation: Mutation, folder: Path) -> Iterator[None]:
    """Change the copy while the context lasts."""
    file = folder / mutation.file
    before, after = file.read_text(encoding="utf-8"), mutation.changed(folder)
    file.write_text(after, encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")


def outcome(tests: list[str], folder: Path) -> int:
    """Return pytest's exit code for tests in the copy, which it imports before what is installed."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", *tests]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=DEADLINE_S).returncode


def check_sound(mutations: list[Mutation], folder: Path) -> None:
    """Make sure that what the tests notice is the change: without it they pass.

    Raises:
        ListError: Some do not.
    """
    for tests in dict.fromkeys(tuple(mutation.tests) for mutation in mutations):
        code = outcome(list(tests), folder)
        if code:
            raise ListError(f"nothing is changed yet, and pytest ended with {code} on {' '.join(tests)}")


def survivors(mutations: list[Mutation], folder: Path) -> list[Mutation]:
    """Return the mutations that their tests do not notice.

    Raises:
        ListError: The tests of one did not run.
    """
    alive = []
    for number, mutation in enumerate(mutations, 1):
        with applied(mutation, folder):
            code = outcome(mutation.tests, folder)
        if code not in (0, FAILED):
            raise ListError(f"{mutation.why}: pytest ended with {code} on {' '.join(mutation.tests)}")
        print(f"{number:3}/{len(mutations)}  {'noticed ' if code else 'SURVIVED'}  {mutation.why}", flush=True)
        alive += [] if code else [mutation]
    return alive


def main() -> int:
    """Run the list: 0 if all are noticed, 1 if one survives, 2 if the list does not fit."""
    mutations = listed()
    with tempfile.TemporaryDirectory(prefix="otel-recmon-mutate-") as scratch:
        folder = Path(scratch)
        copied(ROOT, folder)
        try:
            for mutation in mutations:
                mutation.changed(folder)
            print(f"{len(mutations)} mutations; first their tests on what is not changed", flush=True)
            check_sound(mutations, folder)
            alive = survivors(mutations, folder)
        except ListError as error:
            print(f"tools/mutations.toml: {error}", file=sys.stderr)
            return 2
    print(f"{len(mutations) - len(alive)} of {len(mutations)} mutations were noticed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
