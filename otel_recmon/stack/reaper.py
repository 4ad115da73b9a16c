"""The program that kills the processes of a stack after the process that started the stack has ended.

It is a separate process, because a killed parent cannot run any code. It leads the process group of the stack's
processes and waits until its standard input, a pipe from the parent, closes. PR_SET_PDEATHSIG is no alternative: it
follows the parent's thread instead of its process, needs code between fork and exec, and exists only on Linux.
"""

import os
import select
import shutil
import signal
import sys
from contextlib import suppress


def _wait_for_end(parent: int) -> None:
    # A forked child of the parent may keep the pipe open after the parent's end. So check the parent's id as well,
    # once a second.
    while os.getppid() == parent and not select.select([sys.stdin], [], [], 1.0)[0]:
        pass


def _kill(group: int, directory: str) -> None:
    os.setsid()  # leave the group, so that killing the group does not kill this process
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    shutil.rmtree(directory, ignore_errors=True)


def main(parent: int, directory: str) -> None:
    """Wait until `parent` ends, then kill the process group and remove `directory`; "" removes nothing."""
    _wait_for_end(parent)
    group = os.getpgrp()
    child = os.fork()  # the leader of a group cannot leave it with setsid, so its child does the rest
    if child:
        os.waitpid(child, 0)
    else:
        _kill(group, directory)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
