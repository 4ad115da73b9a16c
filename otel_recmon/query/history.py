"""What one page has shown so far: a few looks back, each with what every counter has risen by since the first."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.samples import Sample

from otel_recmon.query.vectors import Vector
from otel_recmon.stats.histogram import rise

LOOKS: Final = 200
"""How many looks are kept at most, evenly spread over the time that is looked back on."""
STARTED: Final = "process_start_time_seconds"
"""When the process started, where its page says so."""


@dataclass(frozen=True)
class Look:
    """The series of a moment.

    Attributes:
        at: When, in seconds since 1970; NaN for a start that nobody knows.
        values: The values of the series, by name and labels.
        risen: By how much each has risen since the process started, restarts included.
    """

    at: float
    values: Mapping[str, Vector] = field(default_factory=dict)
    risen: Mapping[str, Vector] = field(default_factory=dict)


@dataclass(frozen=True)
class Span:
    """The time between two looks."""

    first: Look
    last: Look
    since_start: bool = False

    @property
    def seconds(self) -> float:
        """How long it is; NaN where nobody knows when it began."""
        return self.last.at - self.first.at

    def increase(self, name: str) -> Vector:
        """Return by how much the series of a name rose within it."""
        before = self.first.risen.get(name, {})
        return {labels: risen - before.get(labels, 0.0) for labels, risen in self.last.risen.get(name, {}).items()}


class History:
    """The looks at one page, over the last so many seconds."""

    def __init__(self, keep_s: float) -> None:
        """Have seen nothing."""
        self.keep_s = keep_s
        self._looks: list[Look] = []
        self._raw: dict[str, Vector] = defaultdict(dict)
        self._risen: dict[str, Vector] = defaultdict(dict)

    def add(self, at: float, samples: Iterable[Sample]) -> None:
        """Take in what the page shows."""
        values: dict[str, Vector] = defaultdict(dict)
        for sample in samples:
            labels = frozenset((name, value) for name, value in sample.labels.items() if value)
            values[sample.name][labels] = sample.value
        self._rise(values)
        self._looks.append(Look(at, values, {name: dict(risen) for name, risen in self._risen.items()}))
        self._forget(at)

    def span(self, at: float, window_s: float) -> Span | None:
        """Return the time until a moment, as long as a window or as what has been seen of it.

        Before there is a second look, that is the time since the process started.
        """
        looks = [look for look in self._looks if look.at <= at]
        if not looks:
            return None
        *earlier, last = looks
        if len(self._looks) == 1:
            return Span(Look(_started(last)), last, since_start=True)
        return Span(min(earlier, key=lambda look: abs(look.at - (at - window_s))), last) if earlier else None

    def _rise(self, values: Mapping[str, Vector]) -> None:
        for name, vector in values.items():
            raw, risen = self._raw[name], self._risen[name]
            for labels, value in vector.items():
                risen[labels] = risen.get(labels, 0.0) + rise(raw.get(labels, 0.0), value)
                raw[labels] = value

    def _forget(self, now: float) -> None:
        """Forget what is too old, and of looks that follow each other too closely the one in the middle."""
        looks = self._looks
        if len(looks) > 2 and looks[-2].at - looks[-3].at < self.keep_s / LOOKS:
            del looks[-2]
        while len(looks) > 2 and looks[1].at <= now - self.keep_s:
            del looks[0]


def _started(look: Look) -> float:
    return next(iter(look.values.get(STARTED, {}).values()), math.nan)
