"""Figures of a period, computed from counts by the definitions."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from otel_recmon.definitions import OUTCOMES, Count, Definition, Evenness, Gauge, Ratio
from otel_recmon.report.counts import LATENCY, LATENCY_SUM, Cell, Counts
from otel_recmon.report.histogram import Histogram
from otel_recmon.stats.intervals import Rate
from otel_recmon.stats.quality import diversity

NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True)
class Figures:
    """The figures of all model versions or of one. An unknown figure is None, which is not 0.

    Attributes:
        counts: The counts, by series and label value.
        known: The series that the service exports. A count of any other series is unknown, not 0.
        gauges: The values of gauges. The value of a sketch is the estimated number of distinct ids.
    """

    counts: Counts = field(default_factory=dict)
    known: frozenset[str] = NOTHING
    gauges: Mapping[Gauge, float] = field(default_factory=dict)

    def value(self, of: Definition) -> float | None:
        """Return the value of the figure ``of``; None if it is unknown."""
        match of:
            case Ratio():
                return of.value(self.value)
            case Gauge():
                return self.gauges.get(of)
            case Count():
                return self._total(of) if of.series in self.known else None
            case Evenness():
                return self._evenness(of)
        raise TypeError(f"{of.name} has no value")

    def count(self, of: Count) -> int | None:
        """Return a count as a whole number; None if it is unknown."""
        found = self.value(of)
        return None if found is None else int(found)

    def rate(self, of: Ratio) -> Rate | None:
        """Return a ratio of counts as a share with a 95 % interval; None if the ratio is unknown."""
        parts = of.parts(self.value)
        return None if parts is None else Rate(int(parts[0]), int(parts[1]), of.unbounded)

    def by_label(self, of: Count) -> dict[str, float]:
        """Return the counts of a series by the values of its label. Counts of 0 may be missing."""
        return {label: count for (series, label), count in self.counts.items() if series == of.series}

    @property
    def outcomes(self) -> Mapping[str, int]:
        """The number of successful and failed requests, by outcome."""
        return {outcome: int(count) for outcome, count in self.by_label(OUTCOMES).items() if count}

    @property
    def latency(self) -> Histogram:
        """The latency of successful and failed requests, in seconds."""
        buckets = {float(bound): count for bound, count in self.by_label(LATENCY).items()}
        return Histogram.of(buckets, self.value(LATENCY_SUM) or 0.0)

    def _total(self, of: Count) -> float:
        return sum((count for label, count in self.by_label(of).items() if not of.values or label in of.values), 0.0)

    def _evenness(self, of: Evenness) -> float | None:
        counts: dict[Hashable, int] = {label: int(count) for label, count in self.by_label(of.counted).items() if count}
        return diversity(counts) if counts else None


def merged(several: Iterable[Figures]) -> Figures:
    """Return the sums of the counts of several periods. The gauges of the result are unknown: gauges do not add up."""
    counts: defaultdict[Cell, float] = defaultdict(float)
    known: set[str] = set()
    for figures in several:
        known |= figures.known
        for cell, count in figures.counts.items():
            counts[cell] += count
    return Figures(dict(counts), frozenset(known))
