"""Figures of ``otel-recmon top``: their signals, and the query for all figures."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.promql import TERM, Expr, QueryScope
from otel_recmon.artifacts.signals import experiments, quality, telemetry, traffic
from otel_recmon.artifacts.signals.kinds import Signal, Volume
from otel_recmon.query.client import Series
from otel_recmon.query.sources import MetricsSource

SIGNALS: Final[Mapping[str, Signal]] = {
    "requests_per_s": traffic.REQUESTS,
    "error_share": traffic.ERROR_RATE,
    "ctr": experiments.CTR_ESTIMATE.value,
    "ctr_at_least": experiments.CTR_ESTIMATE.low,
    "ctr_at_most": experiments.CTR_ESTIMATE.high,
    "conversion_rate": traffic.CONVERSION_RATE,
    "latency_p50_s": traffic.LATENCY_P50,
    "latency_p95_s": traffic.LATENCY_P95,
    "latency_p99_s": traffic.LATENCY_P99,
    "diversity": quality.DIVERSITY,
    "coverage_percent": quality.COVERAGE,
    "staleness_h": quality.STALENESS,
    "cache_hit_share": traffic.CACHE_HIT_RATE,
}
"""The signals of the figures, by their keys in JSON."""
OWN: Final[Mapping[str, Volume]] = {
    "values_set_aside": telemetry.DROPPED,
    "plugin_errors": telemetry.PLUGIN_ERRORS,
    "labels_over_cap": telemetry.OVERFLOW,
}
"""Counts of dropped values, errors and overflowing labels in the window. A missing series counts as 0."""
COUNTED: Final[Mapping[str, Volume]] = {
    "requests": traffic.REQUESTS,
    "clicks": traffic.CLICKS,
    "conversions": traffic.CONVERSIONS,
    "revenue": traffic.REVENUE,
}
"""The counters that are also shown as totals since the start of the processes."""
TRENDS: Final = ("requests_per_s", "error_share", "ctr", "latency_p95_s")
REVENUE: Final = "revenue_per_min"
_OUTCOME: Final = "outcome"
_COUNTED: Final = "counted_"
_MINUTE_S: Final = 60
POINTS: Final = 40
"""The number of points of a trend."""


@dataclass(frozen=True)
class SignalValues:
    """The known figures of one model version or of all versions, by name, and the share of requests per outcome."""

    values: dict[str, float] = field(default_factory=dict)
    outcomes: Mapping[str, float] = field(default_factory=dict)

    def counted(self, name: str) -> float | None:
        """Return the total of a counter since the start of the processes; None if it is unknown."""
        return self.values.get(_COUNTED + name)


@dataclass(frozen=True)
class Answer:
    """The figures of the service as a whole, and of each model version."""

    total: SignalValues
    versions: Mapping[str, SignalValues]


def query(scope: QueryScope) -> Expr:
    """Return one expression for all figures. The label ``term`` of each resulting series names the figure."""
    terms = {name: signal.expression(scope) for name, signal in SIGNALS.items()}
    terms[REVENUE] = traffic.REVENUE.expression(scope) * _MINUTE_S
    terms[_OUTCOME] = traffic.OUTCOME_MIX.expression(scope)
    terms |= {name: signal.count(scope) for name, signal in OWN.items()}
    terms |= {_COUNTED + name: _so_far(signal, scope) for name, signal in COUNTED.items()}
    return promql.tagged(terms)


def asked(source: MetricsSource, scope: QueryScope, at: float) -> Answer:
    """Query the figures of a service at one time."""
    version = catalog.MODEL_VERSION.name
    whole = _collected(source.instant(str(query(scope)), at))
    versions = _collected(source.instant(str(query(scope.apart(version))), at))
    versions.pop("", None)  # series without a model version, such as the cache lookups
    total = whole.get("", SignalValues())
    own = dict.fromkeys(OWN, 0.0)
    return Answer(SignalValues(own | total.values, total.outcomes), dict(sorted(versions.items())))


def trends(source: MetricsSource, scope: QueryScope, at: float) -> dict[str, list[float]]:
    """Query the trends of a service up to the time ``at``. The oldest point is the first; NaN is an unknown point."""
    trend = source.trend
    terms = {name: signal.expression(scope.over(trend.window)) for name, signal in SIGNALS.items() if name in TRENDS}
    start = at - (POINTS - 1) * trend.step_s
    found = dict.fromkeys(TRENDS, [math.nan] * POINTS)
    for series in source.ranged(str(promql.tagged(terms)), start, at, trend.step_s):
        points = {round((moment - start) / trend.step_s): value for moment, value in series.samples}
        found[series.labels[TERM]] = [points.get(place, math.nan) for place in range(POINTS)]
    return found


def _so_far(signal: Volume, scope: QueryScope) -> Expr:
    narrow = scope.within(signal.labels)
    return promql.total(promql.series(signal.counted.name, narrow), narrow.by)


def _collected(series: Iterable[Series]) -> dict[str, SignalValues]:
    """Return the figures by model version; the key of series without a version is ""."""
    values: dict[str, dict[str, float]] = defaultdict(dict)
    outcomes: dict[str, dict[str, float]] = defaultdict(dict)
    for one in series:
        version, name = one.labels.get(catalog.MODEL_VERSION.name, ""), one.labels[TERM]
        if name == _OUTCOME:
            outcomes[version][one.labels[catalog.OUTCOME.name]] = one.value
        elif not math.isnan(one.value):
            values[version][name] = one.value
    return {version: SignalValues(found, outcomes.get(version, {})) for version, found in values.items()}
