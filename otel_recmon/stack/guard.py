"""A folder and a process group that end with the process that created them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otel_recmon.stack import reaper
from otel_recmon.stack.component import StackError


@contextmanager
def guarded(directory: Path | None, keeping: tuple[type[Exception], ...] = ()) -> Iterator[tuple[Path, int]]:
    """Yield a folder and a process group. Kill the group at the end, or as soon as the current process is killed.

    Args:
        directory: The folder to use; it is kept at the end. By default a temporary folder, which is removed.
        keeping: Exceptions that keep a temporary folder, because their messages name files in it.

    Raises:
        StackError: The folder cannot be created.
    """
    # The reaper is a separate process that leads the group. Its stdin is a pipe from this process. The pipe closes when
    # this process ends. -I and -S, because the reaper needs no packages and must not depend on PYTHON* variables.
    folder = Path(tempfile.mkdtemp(prefix="otel-recmon-")) if directory is None else _usable(directory)
    temporary = "" if directory else str(folder)
    command = [sys.executable, "-I", "-S", reaper.__file__, str(os.getpid()), temporary]
    with subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0) as leader:
        try:
            yield folder, leader.pid
        except keeping:
            temporary = ""
            raise
        finally:
            os.killpg(leader.pid, signal.SIGKILL)
            shutil.rmtree(temporary, ignore_errors=True)


def _usable(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"{directory} cannot hold the stack's data: {error.strerror}") from error
    return directory.absolute()
