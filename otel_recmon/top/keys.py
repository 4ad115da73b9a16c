"""Single keys from a terminal, without Enter, on systems with termios."""

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

try:
    import termios
    import tty
except ImportError:  # pragma: no cover - Windows
    termios = None  # type: ignore[assignment]

Pressed = Callable[[float], str]
"""A function that waits at most a number of seconds for a key, and returns the key or ""."""
NONE: Final = ""


@contextmanager
def keyboard(wait: Callable[[float], object]) -> Iterator[Pressed]:
    """Switch the terminal to single keys, yield a function that reads them, and restore the terminal.

    Args:
        wait: A function that sleeps for a number of seconds, used if no key can be read.
    """
    if termios is None or not sys.stdin.isatty():
        yield lambda seconds: _waited(wait, seconds)
        return
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number)
        yield lambda seconds: _pressed(number, seconds)
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def _waited(wait: Callable[[float], object], seconds: float) -> str:
    wait(seconds)
    return NONE


def _pressed(number: int, seconds: float) -> str:
    ready, _, _ = select.select([number], [], [], seconds)
    return os.read(number, 1).decode(errors="replace") if ready else NONE
