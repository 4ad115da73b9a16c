"""Ends the processes of a stack when the process that started it is gone, however it went.

A process of its own, because nothing inside the parent runs when that is killed. It leads the process group
that the stack's processes are put in, and waits for its standard input, a pipe from the parent, to close.
Chosen over PR_SET_PDEATHSIG, which follows the thread that started a process, runs code between fork and
exec, and exists on Linux only.
"""

import os
import select
import shutil
import signal
import sys
from contextlib import suppress


def _wait_for_the_end_of(parent: int) -> None:
    # A child that the parent forked may hold the pipe open beyond its death: look who the parent is, too.
    while os.getppid() == parent and not select.select([sys.stdin], [], [], 1.0)[0]:
        pass


def _end(group: int, directory: str) -> None:
    os.setsid()  # out of the group, to survive it
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    shutil.rmtree(directory, ignore_errors=True)


def main(parent: int, directory: str) -> None:
    """Wait for `parent` to end; then kill this process's group and remove `directory`, if it is not empty."""
    _wait_for_the_end_of(parent)
    group = os.getpgrp()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    else:
        _end(group, directory)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
