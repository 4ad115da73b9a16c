"""A folder and a process group that do not outlive the process that asked for them."""

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
    """A folder, and the process group whose members are killed at the end, or when this process dies before.

    Args:
        directory: the folder to use, and to leave; by default a temporary one, which goes with the processes.
        keeping: exceptions after which a temporary folder stays, for they name files in there.
    """
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
