"""The copies of the stack's configuration files in the root of the checkout.

`python -m otel_recmon.stack.copies` writes them. Users and docker compose use the copies; the package uses its own
files.
"""

from collections.abc import Iterator
from pathlib import Path

from otel_recmon.stack.files import FILES


def stale(root: Path) -> list[Path]:
    """Return the copies below `root` that are missing or differ from the files in the package."""
    return [copy for copy, content in _copies(root) if not copy.is_file() or copy.read_bytes() != content]


def write(root: Path) -> None:
    """Write the copies below `root`."""
    for copy, content in _copies(root):
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)


def _copies(root: Path) -> Iterator[tuple[Path, bytes]]:
    for file in sorted(FILES.rglob("*.*")):
        yield root / file.relative_to(FILES), file.read_bytes()


if __name__ == "__main__":
    write(Path.cwd())
