"""The copies of the stack's files at the checkout's top; `python -m otel_recmon.stack.copies` makes them."""

from collections.abc import Iterator
from pathlib import Path

from otel_recmon.stack.files import FILES


def stale(root: Path) -> list[Path]:
    """The copies below `root` that are missing or differ from what the package ships."""
    return [copy for copy, content in _copies(root) if not copy.is_file() or copy.read_bytes() != content]


def write(root: Path) -> None:
    """Make the copies below `root` what the package ships."""
    for copy, content in _copies(root):
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)


def _copies(root: Path) -> Iterator[tuple[Path, bytes]]:
    for file in sorted(FILES.rglob("*.*")):
        yield root / file.relative_to(FILES), file.read_bytes()


if __name__ == "__main__":
    write(Path.cwd())
