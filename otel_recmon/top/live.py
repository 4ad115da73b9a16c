"""Live screen of ``otel-recmon top``."""

import os
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Final, Self

from rich.console import Console
from rich.live import Live

from otel_recmon import formatting as write
from otel_recmon.artifacts.alerts.rule import AlertRule
from otel_recmon.errors import RecmonError
from otel_recmon.top.follow import Pace, describe_trouble
from otel_recmon.top.reading import Reading, Watch
from otel_recmon.top.screen import Screen

try:
    import termios
    import tty
except ImportError:  # pragma: no cover - Windows
    termios = None  # type: ignore[assignment]

TICK_S: Final = 0.1
"""The longest wait for a key, in seconds; then the screen is redrawn if its content or size has changed."""
QUIT: Final = ("q", "Q", "\x1b")
NO_KEY: Final = ""
Pressed = Callable[[float], str]
"""A function that waits at most a number of seconds for a key, and returns the key or NO_KEY."""


@dataclass
class _Seen:
    """The last successful reading. If a later reading failed, also the error."""

    reading: Reading
    error: Exception | None = None

    def take(self, found: Reading | Exception) -> None:
        """Store a reading or an error of the source. Raise any other error, because it is a bug."""
        if isinstance(found, Reading):
            self.reading, self.error = found, None
        elif isinstance(found, RecmonError):
            self.error = found
        else:
            raise found


class _Looks:
    """A thread that reads at intervals, so that the main thread can react to keys during a slow query."""

    def __init__(self, watch: Watch, interval_s: float) -> None:
        self._watch, self._interval_s = watch, interval_s
        self._found: SimpleQueue[Reading | Exception] = SimpleQueue()
        self._stop = Event()

    def __enter__(self) -> Self:
        Thread(target=self._run, daemon=True).start()  # a daemon, so that a slow query does not delay the exit
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def next(self) -> Reading | Exception | None:
        """Return the next reading or error; None if there is none yet."""
        try:
            return self._found.get_nowait()
        except Empty:
            return None

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            try:
                self._found.put(self._watch.look())
            except Exception as error:  # noqa: BLE001 - the main thread raises it
                self._found.put(error)


def live(watch: Watch, rules: Sequence[AlertRule], pace: Pace, console: Console) -> None:
    """Draw each reading until the user quits with q, Esc or Ctrl-C. If a later reading fails, show its error and go on.

    Raises:
        PageError, PrometheusError, ServiceError: If the first reading fails.
    """
    seen, drawn = _Seen(watch.look()), None
    hint = f"q or Ctrl-C quits; refreshed every {write.elapsed(pace.interval_s)}"
    with (
        keyboard(pace.sleep) as pressed,
        Live(console=console, screen=True, auto_refresh=False) as screen,
        _Looks(watch, pace.interval_s) as looks,
    ):
        while pressed(TICK_S if drawn else 0) not in QUIT:
            found = looks.next()
            if found:
                seen.take(found)
            trouble = describe_trouble(seen.reading, seen.error, pace.clock()) if seen.error else ""
            if drawn != (seen.reading.at, trouble, console.size):
                drawn = (seen.reading.at, trouble, console.size)
                screen.update(Screen(seen.reading, rules, trouble, hint).drawn(console.width), refresh=True)


@contextmanager
def keyboard(wait: Callable[[float], object]) -> Iterator[Pressed]:
    """Let the terminal deliver single keys, yield a function that reads a key, and restore the terminal at the end.

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
    return NO_KEY


def _pressed(number: int, seconds: float) -> str:
    ready, _, _ = select.select([number], [], [], seconds)
    return os.read(number, 1).decode(errors="replace") if ready else NO_KEY
