"""Figures of a period, computed from counts."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from otel_recmon import catalog
from otel_recmon.catalog import Metric
from otel_recmon.report.counts import BUCKET, COUNT, SUM, Cell, Counts
from otel_recmon.report.histogram import Histogram
from otel_recmon.stats.intervals import Rate
from otel_recmon.stats.quality import diversity

NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True)
class Figures:
    """The figures of all model versions or of one, by the definitions of docs/metrics.md. An unknown figure is None.

    Attributes:
        counts: The counts, by series and label value.
        known: The series that the service exports. A count of any other series is unknown, not 0.
        coverage: The mean catalog coverage of a process, 0 to 100.
        staleness_hours: The greatest age of the model.
        users: The estimated number of distinct users who received recommendations.
        items: The estimated number of distinct recommended items.
        catalog_size: The number of items in the catalog.
    """

    counts: Counts = field(default_factory=dict)
    known: frozenset[str] = NOTHING
    coverage: float | None = None
    staleness_hours: float | None = None
    users: float | None = None
    items: float | None = None
    catalog_size: float | None = None

    @property
    def requests(self) -> int | None:
        """Successful, failed and rejected requests."""
        return self._total(catalog.REQUESTS)

    @property
    def successes(self) -> int | None:
        """Successful requests."""
        return self._total(catalog.REQUESTS, catalog.SUCCESS)

    @property
    def failures(self) -> int | None:
        """Failed requests."""
        return self._total(catalog.REQUESTS, catalog.ERROR)

    @property
    def rejected(self) -> int | None:
        """Rejected requests, which are errors of the caller."""
        return self._total(catalog.REQUESTS, catalog.REJECTED)

    @property
    def impressions(self) -> int | None:
        """Recommended items shown."""
        return self._total(catalog.IMPRESSIONS)

    @property
    def clicks(self) -> int | None:
        """Clicks on recommended items."""
        return self._total(catalog.CLICKED)

    @property
    def conversions(self) -> int | None:
        """Conversions of recommended items."""
        return self._total(catalog.CONVERTED)

    @property
    def revenue(self) -> float | None:
        """Revenue of all conversions."""
        name = catalog.REVENUE.prometheus + SUM
        return self.counts.get((name, ""), 0.0) if name in self.known else None

    @property
    def sales(self) -> int | None:
        """Conversions with revenue."""
        return self._total(catalog.REVENUE, part=COUNT)

    @property
    def ctr(self) -> Rate | None:
        """Clicks divided by successful requests."""
        return _rate(self.clicks, self.successes)

    @property
    def item_ctr(self) -> Rate | None:
        """Clicks divided by impressions."""
        return _rate(self.clicks, self.impressions)

    @property
    def conversion_rate(self) -> Rate | None:
        """Conversions divided by clicks."""
        return _rate(self.conversions, self.clicks)

    @property
    def error_rate(self) -> Rate | None:
        """Failed requests divided by successful and failed requests."""
        if self.failures is None or self.successes is None:
            return None
        return _rate(self.failures, self.failures + self.successes)

    @property
    def good(self) -> Rate | None:
        """Responses that met the service level objective divided by successful and failed requests."""
        return _rate(self._total(catalog.SLO_RESPONSES, catalog.GOOD), self._total(catalog.SLO_RESPONSES))

    @property
    def cache_hits(self) -> Rate | None:
        """Cache hits divided by cache lookups."""
        hits, misses = self._total(catalog.CACHE_HITS), self._total(catalog.CACHE_MISSES)
        return None if hits is None and misses is None else _rate(hits or 0, (hits or 0) + (misses or 0))

    @property
    def list_length(self) -> float | None:
        """Impressions divided by successful requests."""
        return _ratio(self.impressions, self.successes)

    @property
    def revenue_per_request(self) -> float | None:
        """Revenue divided by successful requests."""
        return _ratio(self.revenue, self.successes)

    @property
    def revenue_per_sale(self) -> float | None:
        """Revenue divided by conversions with revenue."""
        return _ratio(self.revenue, self.sales)

    @property
    def revenue_per_user(self) -> float | None:
        """Revenue divided by distinct users; None if their number is unknown."""
        return _ratio(self.revenue, self.users)

    @property
    def fleet_coverage(self) -> float | None:
        """Distinct recommended items as a percentage of the catalog, 0 to 100."""
        share = _ratio(self.items, self.catalog_size)
        return None if share is None else min(100.0, 100 * share)

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Successful and failed requests, by outcome."""
        return {outcome: int(count) for outcome, count in self._by(catalog.OUTCOMES).items() if count}

    @property
    def diversity(self) -> float | None:
        """Normalised entropy of the categories of all items returned, 0 to 1."""
        counts: dict[Hashable, int] = {
            category: int(count) for category, count in self._by(catalog.ITEMS).items() if count
        }
        return diversity(counts) if counts else None

    @property
    def latency(self) -> Histogram:
        """The latency of successful and failed requests, in seconds."""
        buckets = {float(le): count for le, count in self._by(catalog.LATENCY, BUCKET).items()}
        return Histogram.of(buckets, self.counts.get((catalog.LATENCY.prometheus + SUM, ""), 0.0))

    def _total(self, metric: Metric, value: str | None = None, part: str = "") -> int | None:
        if metric.prometheus + part not in self.known:
            return None
        return int(sum(count for found, count in self._by(metric, part).items() if value in (None, found)))

    def _by(self, metric: Metric, part: str = "") -> dict[str, float]:
        return {value: count for (name, value), count in self.counts.items() if name == metric.prometheus + part}


def merged(several: Iterable[Figures]) -> Figures:
    """Return the sums of the counts of several periods. Estimates and gauges are unknown: they do not add up."""
    counts: defaultdict[Cell, float] = defaultdict(float)
    known: set[str] = set()
    for figures in several:
        known |= figures.known
        for cell, count in figures.counts.items():
            counts[cell] += count
    return Figures(dict(counts), frozenset(known))


def _rate(part: int | None, whole: int | None) -> Rate | None:
    """Return a proportion; None if a number is unknown or the whole is 0."""
    return Rate(part, whole) if part is not None and whole else None


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None
