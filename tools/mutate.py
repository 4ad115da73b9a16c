"""Mutation tests: apply small changes to a copy of the checkout, and list the changes that no test notices.

`make mutate` runs this on tools/mutations.toml, in the virtual environment of the project.
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
"""The time limit for the tests of one mutation, because a mutation may cause an endless loop."""
FAILED: Final = 1
"""pytest's exit code for failed tests; a code other than this and 0 means that the tests did not run correctly."""


class ListError(Exception):
    """The list of mutations does not match the checkout; the message names the mutation."""


@dataclass(frozen=True)
class Mutation:
    """A change of the code, and the tests that must notice it.

    Attributes:
        why: The bug that the change creates.
        file: The path of the file.
        old: The text to replace, which must occur exactly once.
        new: The text to put in its place.
        tests: The arguments of pytest: paths and options.
    """

    why: str
    file: str
    old: str
    new: str
    tests: list[str]

    def changed(self, root: Path) -> str:
        """Return the content of the file with the change.

        Raises:
            ListError: The old text does not occur exactly once.
        """
        content = (root / self.file).read_text(encoding="utf-8")
        if content.count(self.old) != 1:
            times = content.count(self.old)
            raise ListError(
                f"{self.why}: {self.file} must contain this text once, but has it {times} times: {self.old!r}"
            )
        return content.replace(self.old, self.new)


def load_mutations(path: Path = LIST) -> list[Mutation]:
    """Return the mutations of a list file."""
    return [Mutation(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]]


def copy_checkout(root: Path, folder: Path) -> None:
    """Copy the tracked and the untracked files of the checkout with their current content, without ignored files."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)


@contextmanager
def applied(mutation: Mutation, folder: Path) -> Iterator[None]:
    """Apply a mutation to the copy while the context lasts."""
    file = folder / mutation.file
    before, after = file.read_text(encoding="utf-8"), mutation.changed(folder)
    file.write_text(after, encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")


def run_tests(tests: list[str], folder: Path) -> int:
    """Run tests in the copy and return pytest's exit code."""
    # With `-m`, Python puts the working directory first on sys.path, so the copy is imported instead of the installed
    # package. -B, because bytecode of the same second and file size would hide a mutation.
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", *tests]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=DEADLINE_S).returncode


def check_sound(mutations: list[Mutation], folder: Path) -> None:
    """Check that all tests pass without a mutation, because otherwise their failures would prove nothing.

    Raises:
        ListError: A test does not pass.
    """
    for tests in dict.fromkeys(tuple(mutation.tests) for mutation in mutations):
        code = run_tests(list(tests), folder)
        if code:
            raise ListError(f"without any mutation, pytest ended with {code} on {' '.join(tests)}")


def survivors(mutations: list[Mutation], folder: Path) -> list[Mutation]:
    """Return the mutations that their tests do not notice.

    Raises:
        ListError: The tests of a mutation did not run.
    """
    alive = []
    for number, mutation in enumerate(mutations, 1):
        with applied(mutation, folder):
            code = run_tests(mutation.tests, folder)
        if code not in (0, FAILED):
            raise ListError(f"{mutation.why}: pytest ended with {code} on {' '.join(mutation.tests)}")
        print(f"{number:3}/{len(mutations)}  {'noticed ' if code else 'SURVIVED'}  {mutation.why}", flush=True)
        alive += [] if code else [mutation]
    return alive


def main() -> int:
    """Run all mutations; return 0 if all are noticed, 1 if one survives, 2 if the list does not match the checkout."""
    mutations = load_mutations()
    with tempfile.TemporaryDirectory(prefix="otel-recmon-mutate-") as scratch:
        folder = Path(scratch)
        copy_checkout(ROOT, folder)
        try:
            for mutation in mutations:
                mutation.changed(folder)
            print(f"{len(mutations)} mutations; first their tests on the unchanged code", flush=True)
            check_sound(mutations, folder)
            alive = survivors(mutations, folder)
        except ListError as error:
            print(f"tools/mutations.toml: {error}", file=sys.stderr)
            return 2
    print(f"{len(mutations) - len(alive)} of {len(mutations)} mutations were noticed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
