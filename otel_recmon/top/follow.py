"""Output of ``otel-recmon top`` without a screen: one block of text or one JSON object per reading."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console

from otel_recmon import formatting as write
from otel_recmon.artifacts.alerts.rule import AlertRule
from otel_recmon.errors import RecmonError
from otel_recmon.top.document import document, failure
from otel_recmon.top.format import printable
from otel_recmon.top.reading import Reading, Watch
from otel_recmon.top.screen import Screen


@dataclass(frozen=True)
class Pace:
    """The seconds between two readings, and the number of readings, ``count``: None for no limit."""

    interval_s: float
    count: int | None = None
    sleep: Callable[[float], object] = field(default=time.sleep, repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)

    def looks(self) -> Iterator[int]:
        """Yield the number of each reading (from 0) when it is due."""
        number = 0
        while self.count is None or number < self.count:
            if number:
                self.sleep(self.interval_s)
            yield number
            number += 1


def follow(watch: Watch, rules: Sequence[AlertRule], pace: Pace, console: Console, *, as_json: bool) -> Reading:
    """Print each reading, and return the last successful reading. If a later reading fails, print its error and go on.

    Raises:
        PageError, PrometheusError, ServiceError: If the first reading fails.
    """
    last: Reading | None = None
    for _ in pace.looks():
        try:
            last = watch.look()
        except RecmonError as error:
            if last is None:
                raise
            _print_trouble(last, error, pace, console, as_json=as_json)
        else:
            _print(last, rules, console, as_json=as_json)
    assert last is not None  # noqa: S101 - a pace has at least one reading, and a failure of the first is raised
    return last


def _print(reading: Reading, rules: Sequence[AlertRule], console: Console, *, as_json: bool) -> None:
    if as_json:
        console.out(json.dumps(document(reading), allow_nan=False), highlight=False)
    else:
        console.print(Screen(reading, rules).drawn(console.width))
        console.print()


def _print_trouble(last: Reading, error: Exception, pace: Pace, console: Console, *, as_json: bool) -> None:
    now = pace.clock()
    trouble = describe_trouble(last, error, now)
    if as_json:
        console.out(json.dumps(failure(last.source, now, trouble)), highlight=False)
    else:
        console.print(printable(trouble), style="bold red", markup=False, highlight=False, soft_wrap=True)


def describe_trouble(last: Reading, error: Exception, now: float) -> str:
    """Return the message for a failed reading: the time since the last successful one, and the error."""
    return f"no answer since {write.elapsed(now - last.at)}: {error}"
