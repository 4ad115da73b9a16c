"""The figures of a model version from two sources: recomputed from the data, and read from the exported metrics."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from otel_recmon import catalog
from otel_recmon.definitions import (
    CACHE_HITS,
    CACHE_MISSES,
    CLICKS,
    CONVERSIONS,
    COVERAGE,
    IMPRESSIONS,
    ITEMS,
    OUTCOMES,
    PROCESS_DIVERSITY,
    RATED,
    REQUESTS,
    REVENUE,
    SCORE_SUM,
    SCORES,
    Count,
    Gauge,
)
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.traffic import POSITIONS, Impression, Slate
from otel_recmon.report.counts import Cell
from otel_recmon.report.figures import Figures

# The windows of stats/quality.py, repeated because this check must not depend on the code under test.
DIVERSITY_SLATES = 1_000
COVERAGE_SLATES = 10_000
READ: Final = (
    REQUESTS,
    OUTCOMES,
    RATED,
    IMPRESSIONS,
    ITEMS,
    CLICKS,
    CONVERSIONS,
    REVENUE,
    SCORES,
    SCORE_SUM,
    CACHE_HITS,
    CACHE_MISSES,
)
_KNOWN: Final = frozenset(count.series for count in READ)
"""The names of the series in ``READ``, all of which the demo's service counts. So a missing series means 0."""


def recompute(slates: Sequence[Slate], catalog_size: int | None = None) -> Figures:
    """Compute the figures of slates.

    Args:
        slates: The slates of a model version, or of a model version on one surface, in the order of their requests.
        catalog_size: The number of items in the catalog; None for the slates of one surface. Diversity and coverage
            are then None, because the service does not export them by surface.
    """
    impressions = [impression for slate in slates for impression in slate.impressions]
    clicked = [impression for impression in impressions if impression.clicked]
    earned = [impression.earned_cents for impression in clicked if impression.earned_cents is not None]
    scores = [max(impression.propensity for impression in slate.impressions) for slate in slates]
    counts: Mapping[Count, Mapping[str, float]] = {
        REQUESTS: {catalog.SUCCESS: len(slates)},
        OUTCOMES: Counter(map(_outcome, slates)),
        IMPRESSIONS: _by_position(impressions),
        ITEMS: Counter(impression.category for impression in impressions),
        CLICKS: _by_position(clicked),
        CONVERSIONS: {"": len(earned)},
        REVENUE: {"": sum(earned) / 100},
        SCORES: {"": len(scores)},
        SCORE_SUM: {"": math.fsum(scores)},
    }
    return Figures(_cells(counts), _KNOWN, _gauges(slates, catalog_size) if catalog_size else {})


def _cells(counts: Mapping[Count, Mapping[str, float]]) -> dict[Cell, float]:
    return {(of.series, label): count for of, found in counts.items() for label, count in found.items() if count}


def _by_position(impressions: Iterable[Impression]) -> Mapping[str, int]:
    return Counter(str(impression.position) for impression in impressions)


def _outcome(slate: Slate) -> str:
    return catalog.SERVED if len(slate.impressions) == len(POSITIONS) else catalog.PARTIAL


def _gauges(slates: Sequence[Slate], catalog_size: int) -> dict[Gauge, float]:
    if not slates:
        return {}
    return {
        PROCESS_DIVERSITY: _diversity(slates[-DIVERSITY_SLATES:]),
        COVERAGE: _coverage(slates[-COVERAGE_SLATES:], catalog_size),
    }


def _diversity(slates: Sequence[Slate]) -> float:
    counts = Counter(impression.category for slate in slates for impression in slate.impressions)
    if len(counts) == 1:
        return 0.0
    shares = [count / counts.total() for count in counts.values()]
    return -math.fsum(share * math.log2(share) for share in shares) / math.log2(len(counts))


def _coverage(slates: Sequence[Slate], catalog_size: int) -> float:
    items = {impression.item_id for slate in slates for impression in slate.impressions}
    return 100 * len(items) / catalog_size


def read_figures(exposition: Exposition, **labels: str) -> Figures:
    """Return the figures of the series with these labels."""
    counts = {of: exposition.by(of.metric, of.own, of.part, **labels) for of in READ}
    gauges = {gauge: _gauge(exposition, gauge.metric, labels) for gauge in (PROCESS_DIVERSITY, COVERAGE)}
    return Figures(_cells(counts), _KNOWN, {gauge: value for gauge, value in gauges.items() if value is not None})


def _gauge(exposition: Exposition, metric: catalog.Metric, labels: Mapping[str, str]) -> float | None:
    own = {name: value for name, value in labels.items() if name in metric.labels}
    return None if catalog.SURFACE.name in labels else exposition.value(metric, **own)
