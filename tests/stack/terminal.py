"""A terminal with a command in it: what it draws, the keys that are pressed, and how it is left."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.speed import eventually

SHOWN, HIDDEN = b"\x1b[?1049h", b"\x1b[?1049l"
"""The screen of its own that a program asks for, and gives back."""
CURSOR = b"\x1b[?25h"


@dataclass
class Terminal:
    """A command, and what it has drawn so far."""

    process: "subprocess.Popen[bytes]"
    master: int
    slave: int
    before: list[Any]
    drawn: bytes = field(default=b"", init=False)

    def until(self, words: str) -> None:
        """Wait until words have been drawn."""
        eventually(lambda: words.encode() in self._read())

    def press(self, key: str) -> None:
        """Press a key."""
        os.write(self.master, key.encode())

    def ended(self) -> int:
        """Wait for the end, and return the exit code."""
        eventually(lambda: self._read() and self.process.poll() is not None)
        return self.process.returncode

    @property
    def restored(self) -> bool:
        """Whether the terminal was left as it was found."""
        modes = termios.tcgetattr(self.slave) == self.before
        return modes and self.drawn.count(SHOWN) == self.drawn.count(HIDDEN) == 1 and CURSOR in self.drawn[-40:]

    def _read(self) -> bytes:
        while select.select([self.master], [], [], 0.05)[0]:
            self.drawn += os.read(self.master, 65_536)
        return self.drawn


@contextmanager
def terminal(command: Sequence[str], columns: int = 100, lines: int = 40) -> Iterator[Terminal]:
    """Run a command in a terminal of its own."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    before = termios.tcgetattr(slave)
    environment = os.environ | {"TERM": "xterm-256color"}
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment) as process:
        try:
            yield Terminal(process, master, slave, before)
        finally:
            process.kill()
    os.close(master)
    os.close(slave)
