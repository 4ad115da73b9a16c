"""Exact increases of counters in each hour, from raw samples, with resets and without extrapolation.

An event belongs to the hour of the export that first contains it. If a series has no sample in the day before the
period, it starts at 0: the plugin exports a new counter once as 0, and Prometheus adds a zero at the start time of a
new histogram.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Final

from otel_recmon.query.client import LabelMap, Prometheus, Series
from otel_recmon.report.period import Period
from otel_recmon.stats.histogram import rise

LOOKBACK: Final = "1d"
"""The window before the period in which the last value of a counter is searched."""
PIECE: Final = 7 * 24
"""The maximum number of hours in one query."""
Identity = frozenset[tuple[str, str]]
"""The labels of a series without its name."""
Samples = tuple[float, ...]


@dataclass(frozen=True)
class Rise:
    """The increase of a series in one hour. An increase of 0 means an hour with samples but without events."""

    hour: int
    labels: LabelMap
    by: float


@dataclass
class Rises:
    """A reader of increases, for the series that a selector selects.

    For an hour without a reset, the reader queries only the first and the last value of a series. For an hour with a
    reset, the reader queries all samples.
    """

    prometheus: Prometheus
    selector: str
    _last: dict[Identity, float] = field(default_factory=dict, init=False)

    def within(self, hours: Sequence[Period], read: Callable[[int], None] = lambda _: None) -> Iterator[Rise]:
        """Yield, for each hour, the increase of each series that has a sample in this hour.

        Args:
            hours: Consecutive hours.
            read: A callback for progress. It gets the number of hours read since the last call.

        Raises:
            PrometheusError: If Prometheus does not answer.
        """
        before = self.prometheus.instant(f"last_over_time({self.selector}[{LOOKBACK}])", hours[0].start.timestamp())
        self._last = {_identity(series): series.value for series in before}
        for piece in pieces(hours):
            yield from self._piece(piece)
            read(len(piece.hours))

    @property
    def known(self) -> bool:
        """Whether the selector has any sample in the hours read so far, or in the day before them."""
        return bool(self._last)

    def _piece(self, piece: "Piece") -> Iterator[Rise]:
        window = f"{self.selector}[{piece.window_ms}ms]"
        newest = self._asked(f"last_over_time({window})", piece)
        first = self._asked(f"min_over_time({window}) and resets({window}) == 0", piece)
        for hour in sorted(newest):
            raw: dict[Identity, Samples] = {}
            if newest[hour].keys() - first.get(hour, {}).keys():
                raw = self._raw(piece, hour)
            for identity, value in newest[hour].items():
                start = first.get(hour, {}).get(identity)
                samples = raw.get(identity, (value,)) if start is None else (start, value)
                rise = risen(self._last.get(identity, 0.0), samples)
                self._last[identity] = samples[-1]
                yield Rise(hour, dict(identity), rise)

    def _asked(self, query: str, piece: "Piece") -> Mapping[int, Mapping[Identity, float]]:
        found: dict[int, dict[Identity, float]] = {}
        for series in self.prometheus.ranged(query, *piece.asked):
            identity = _identity(series)
            for at, value in series.samples:
                found.setdefault(piece.hour(at), {})[identity] = value
        return found

    def _raw(self, piece: "Piece", hour: int) -> dict[Identity, Samples]:
        answer = self.prometheus.instant(f"{self.selector}[{piece.window_ms}ms]", piece.end(hour))
        return {_identity(series): tuple(value for _, value in series.samples) for series in answer}


@dataclass(frozen=True)
class Piece:
    """Consecutive hours of equal length for one query. ``first`` is the index of the first hour in the period."""

    first: int
    hours: Sequence[Period]

    @property
    def window_ms(self) -> int:
        """The length of each hour in milliseconds; less than an hour for an incomplete one."""
        return milliseconds(self.hours[0])

    @property
    def asked(self) -> tuple[float, float, float]:
        """The start, the end and the step of the range query, in seconds, with one point at the end of each hour."""
        return self.end(self.first), self.end(self.first + len(self.hours) - 1), self.window_ms / 1000

    def end(self, hour: int) -> float:
        """Return the end of an hour, given by its index, in seconds since 1970."""
        return self.hours[hour - self.first].end.timestamp()

    def hour(self, end: float) -> int:
        """Return the index of an hour, given by its end in seconds since 1970."""
        return self.first + round((end - self.end(self.first)) * 1000 / self.window_ms)


def pieces(hours: Sequence[Period]) -> Iterator[Piece]:
    """Yield the hours in pieces for one query each."""
    number = 0
    for _, equal in groupby(hours, milliseconds):
        same = tuple(equal)
        for start in range(0, len(same), PIECE):
            yield Piece(number + start, same[start : start + PIECE])
        number += len(same)


def milliseconds(period: Period) -> int:
    """Return the length of a period, with its start and end rounded to milliseconds (the precision of Prometheus)."""
    return round(period.end.timestamp() * 1000) - round(period.start.timestamp() * 1000)


def risen(before: float, samples: Sequence[float]) -> float:
    """Return the increase of a counter from ``before`` to the last sample. A counter that falls was reset to 0."""
    return sum(rise(then, now) for then, now in pairwise((before, *samples)))


def _identity(series: Series) -> Identity:
    return frozenset((label, value) for label, value in series.labels.items() if label != "__name__")
