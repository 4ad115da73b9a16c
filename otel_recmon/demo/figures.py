"""The figures of a model version from two sources: recomputed from the data, and read from the exported metrics."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from otel_recmon import catalog
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.traffic import POSITIONS, Impression, Slate
from otel_recmon.stats.intervals import Rate

# The windows of stats/quality.py, repeated because this check must not depend on the code under test.
DIVERSITY_SLATES = 1_000
COVERAGE_SLATES = 10_000


@dataclass(frozen=True)
class Figures:
    """Counts and measurements, by position, outcome or category where they are mappings; ``None`` is unknown."""

    requests: int
    failed: int
    rejected: int
    impressions: Mapping[str, int]
    clicks: Mapping[str, int]
    conversions: int
    revenue_cents: int
    outcomes: Mapping[str, int]
    categories: Mapping[str, int]
    top_score: float | None
    diversity: float | None
    coverage: float | None

    @property
    def shown(self) -> int:
        """The impressions at all positions."""
        return sum(self.impressions.values())

    @property
    def clicked(self) -> int:
        """The clicks at all positions."""
        return sum(self.clicks.values())

    @property
    def ctr(self) -> Rate:
        """Clicks over successful requests."""
        return Rate(self.clicked, self.requests)

    @property
    def item_ctr(self) -> Rate:
        """Clicks over impressions."""
        return Rate(self.clicked, self.shown)

    @property
    def conversion_rate(self) -> Rate:
        """Conversions over clicks."""
        return Rate(self.conversions, self.clicked)

    @property
    def error_rate(self) -> Rate:
        """Failed over successful and failed requests."""
        return Rate(self.failed, self.requests + self.failed)

    @property
    def mean_list_length(self) -> float:
        """Impressions over successful requests."""
        return Rate(self.shown, self.requests).value


def recompute(slates: Sequence[Slate], catalog_size: int | None = None) -> Figures:
    """Return the figures of slates.

    Args:
        slates: The slates of a model version, or of one surface of it, in the order of their requests.
        catalog_size: The number of items in the catalog. Without it, diversity and coverage are None; the service
            exports them only for whole model versions, not for surfaces.
    """
    impressions = [impression for slate in slates for impression in slate.impressions]
    clicked = [impression for impression in impressions if impression.clicked]
    earned = [impression.earned_cents for impression in clicked if impression.earned_cents is not None]
    return Figures(
        requests=len(slates),
        failed=0,
        rejected=0,
        impressions=_by_position(impressions),
        clicks=_by_position(clicked),
        conversions=len(earned),
        revenue_cents=sum(earned),
        outcomes=Counter(_outcome(slate) for slate in slates),
        categories=Counter(impression.category for impression in impressions),
        top_score=_mean(max(i.propensity for i in slate.impressions) for slate in slates),
        diversity=_diversity(slates[-DIVERSITY_SLATES:]) if catalog_size else None,
        coverage=_coverage(slates[-COVERAGE_SLATES:], catalog_size) if catalog_size else None,
    )


def _by_position(impressions: Iterable[Impression]) -> Mapping[str, int]:
    return Counter(str(impression.position) for impression in impressions)


def _outcome(slate: Slate) -> str:
    return catalog.SERVED if len(slate.impressions) == len(POSITIONS) else catalog.PARTIAL


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return math.fsum(numbers) / len(numbers) if numbers else None


def _diversity(slates: Sequence[Slate]) -> float | None:
    counts = Counter(impression.category for slate in slates for impression in slate.impressions)
    if not counts:
        return None
    if len(counts) == 1:
        return 0.0
    shares = [count / counts.total() for count in counts.values()]
    return -math.fsum(share * math.log2(share) for share in shares) / math.log2(len(counts))


def _coverage(slates: Sequence[Slate], catalog_size: int) -> float | None:
    items = {impression.item_id for slate in slates for impression in slate.impressions}
    return 100 * len(items) / catalog_size if items else None


def read_figures(exposition: Exposition, **labels: str) -> Figures:
    """Return the figures of the series with these labels."""

    def counts(metric: catalog.Metric, label: str) -> dict[str, int]:
        return {value: int(total) for value, total in exposition.by(metric, label, **labels).items()}

    statuses = counts(catalog.REQUESTS, catalog.STATUS.name)
    scores = exposition.total(catalog.SCORE, "_count", **labels)
    return Figures(
        requests=statuses.get(catalog.SUCCESS, 0),
        failed=statuses.get(catalog.ERROR, 0),
        rejected=statuses.get(catalog.REJECTED, 0),
        impressions=counts(catalog.IMPRESSIONS, catalog.POSITION.name),
        clicks=counts(catalog.CLICKED, catalog.POSITION.name),
        conversions=int(exposition.total(catalog.CONVERTED, **labels)),
        revenue_cents=round(100 * exposition.total(catalog.REVENUE, "_sum", **labels)),
        outcomes=counts(catalog.OUTCOMES, catalog.OUTCOME.name),
        categories=counts(catalog.ITEMS, catalog.CATEGORY.name),
        top_score=exposition.total(catalog.SCORE, "_sum", **labels) / scores if scores else None,
        diversity=_gauge(exposition, catalog.DIVERSITY, labels),
        coverage=_gauge(exposition, catalog.COVERAGE, labels),
    )


def _gauge(exposition: Exposition, metric: catalog.Metric, labels: Mapping[str, str]) -> float | None:
    own = {name: value for name, value in labels.items() if name in metric.labels}
    return None if catalog.SURFACE.name in labels else exposition.value(metric, **own)
