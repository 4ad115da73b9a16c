"""The age of the model, and the check for a newer model on disk that is not loaded yet."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

MOST_FILES = 1_000
"""The maximum number of examined files of a model folder. Each file costs a system call at every export."""


class ModelFile:
    """The file or folder of the model, and its newest modification time when this process loaded the model."""

    def __init__(self, path: str) -> None:
        """Store the newest modification time in ``loaded_at``; see ``newest``."""
        self._path = Path(path)
        self.loaded_at = newest(self._path)

    def pending(self) -> bool:
        """Return whether the newest modification time differs from ``loaded_at``; False without readable files."""
        now = newest(self._path)
        return now is not None and now != self.loaded_at


def newest(path: Path) -> float | None:
    """Return the newest modification time of a file, or of the files in a folder and its subfolders.

    The time is in seconds since 1970; None without readable files.
    """
    try:
        times = [file.stat().st_mtime for file in islice(_files(path), MOST_FILES)]
    except (OSError, ValueError):  # unreadable, or deleted meanwhile
        return None
    return max(times, default=None)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())
    elif path.exists():
        yield path


def timestamp(moment: object) -> float | None:
    """Return a datetime (UTC if naive), or a number of seconds since 1970, as seconds since 1970.

    Return None for other types, and for times that are not between 0 and 1e11 seconds.
    """
    if isinstance(moment, datetime):
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if isinstance(moment, int | float) and not isinstance(moment, bool) and 0 < moment < 1e11:
        return float(moment)
    return None
