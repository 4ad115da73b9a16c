"""By how much counters rose in each hour: on raw samples, resets accounted for, nothing extrapolated.

An event belongs to the hour in which the export that first counted it was made. A series of which nothing was heard in
the day before began at 0: the plugin exports a counter as 0 once before its value, and Prometheus a histogram where it
knows when it began.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Final

from otel_recmon.query.client import LabelMap, Prometheus, Series
from otel_recmon.report.period import Period
from otel_recmon.stats.histogram import rise

LOOKBACK: Final = "1d"
"""How far before the start the last value of a counter is looked for."""
PIECE: Final = 7 * 24
"""Hours that are asked for at once."""
Identity = frozenset[tuple[str, str]]
"""The labels of a series, the name left out."""
Samples = tuple[float, ...]


@dataclass(frozen=True)
class Rise:
    """By how much a series rose within the hour of a number; 0 says that there was a sample."""

    hour: int
    labels: LabelMap
    by: float


@dataclass
class Rises:
    """Reads by how much the series of a selector rise.

    Prometheus tells the first and the last value of each hour in which a series was not reset; only where one was,
    all samples of that hour are asked for.
    """

    prometheus: Prometheus
    selector: str
    _last: dict[Identity, float] = field(default_factory=dict, init=False)

    def within(self, hours: Sequence[Period], read: Callable[[int], None] = lambda _: None) -> Iterator[Rise]:
        """Give the rise of each series in each hour in which it has a sample.

        Args:
            hours: One after the other, without a gap.
            read: Is told how many hours have been read.
        """
        before = self.prometheus.instant(f"last_over_time({self.selector}[{LOOKBACK}])", hours[0].start.timestamp())
        self._last = {_identity(series): series.value for series in before}
        for piece in pieces(hours):
            yield from self._piece(piece)
            read(len(piece.hours))

    @property
    def known(self) -> bool:
        """Whether there was any sample, in the hours that were read or in the day before."""
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
    """Hours of equal length, one after the other; the first has a number."""

    first: int
    hours: Sequence[Period]

    @property
    def window_ms(self) -> int:
        """How long each of them is."""
        return milliseconds(self.hours[0])

    @property
    def asked(self) -> tuple[float, float, float]:
        """The first and the last end of an hour, and the seconds between two."""
        return self.end(self.first), self.end(self.first + len(self.hours) - 1), self.window_ms / 1000

    def end(self, hour: int) -> float:
        """Return when the hour of a number ends, in seconds since 1970."""
        return self.hours[hour - self.first].end.timestamp()

    def hour(self, end: float) -> int:
        """Return the number of the hour with an end."""
        return self.first + round((end - self.end(self.first)) * 1000 / self.window_ms)


def pieces(hours: Sequence[Period]) -> Iterator[Piece]:
    """Give the hours in pieces of a size that can be asked for at once."""
    number = 0
    for _, equal in groupby(hours, milliseconds):
        same = tuple(equal)
        for start in range(0, len(same), PIECE):
            yield Piece(number + start, same[start : start + PIECE])
        number += len(same)


def milliseconds(period: Period) -> int:
    """Return how long a period is, between the milliseconds in which its moments lie."""
    return round(period.end.timestamp() * 1000) - round(period.start.timestamp() * 1000)


def risen(before: float, samples: Sequence[float]) -> float:
    """Return by how much a counter rose from a value over samples; one that falls has begun again at 0."""
    return sum(rise(then, now) for then, now in pairwise((before, *samples)))


def _identity(series: Series) -> Identity:
    return frozenset((label, value) for label, value in series.labels.items() if label != "__name__")
