"""Live screen of ``otel-recmon top``."""

from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Final, Self

from rich.console import Console
from rich.live import Live

from otel_recmon.artifacts.alerts.rule import AlertRule
from otel_recmon.top import format as write
from otel_recmon.top.follow import Pace, told
from otel_recmon.top.keys import keyboard
from otel_recmon.top.reading import LOST, Reading, Watch
from otel_recmon.top.screen import Screen

TICK_S: Final = 0.1
"""The longest wait for a key, in seconds; then the screen is redrawn if its content or size has changed."""
QUIT: Final = ("q", "Q", "\x1b")


@dataclass
class _Seen:
    """The last successful reading, and the error of the reading after it, if it failed."""

    reading: Reading
    error: Exception | None = None

    def take(self, found: Reading | Exception) -> None:
        """Store a reading or an error of the source. Raise any other error, because it is a bug."""
        if isinstance(found, Reading):
            self.reading, self.error = found, None
        elif isinstance(found, LOST):
            self.error = found
        else:
            raise found


class _Looks:
    """A thread that reads in intervals, so that keys are noticed while a query is slow."""

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
    """Draw each reading until the user quits with q, Esc or Ctrl-C. Show the error of a later failure and go on.

    Raises:
        PageError, PrometheusError, ServiceError: If the first reading fails.
    """
    seen, drawn = _Seen(watch.look()), None
    hint = f"q or Ctrl-C quits; refreshed every {write.time(pace.interval_s)}"
    with (
        keyboard(pace.sleep) as pressed,
        Live(console=console, screen=True, auto_refresh=False) as screen,
        _Looks(watch, pace.interval_s) as looks,
    ):
        while pressed(TICK_S if drawn else 0) not in QUIT:
            found = looks.next()
            if found:
                seen.take(found)
            trouble = told(seen.reading, seen.error, pace.clock()) if seen.error else ""
            if drawn != (seen.reading.at, trouble, console.size):
                drawn = (seen.reading.at, trouble, console.size)
                screen.update(Screen(seen.reading, rules, trouble, hint).drawn(console.width), refresh=True)
