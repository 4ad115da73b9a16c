"""JSON documents of a report, for the command line and for the routes of a service."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from otel_recmon import definitions
from otel_recmon.definitions import SUM, Count, Definition, Ratio
from otel_recmon.report.figures import Figures
from otel_recmon.report.histogram import Histogram
from otel_recmon.report.period import Period, written
from otel_recmon.report.reading import Report
from otel_recmon.values import finite

Bounds = tuple[float, float]
_DEFINITION, _INTERVAL = "definition", "interval"


@dataclass(frozen=True)
class Between:
    """A period in ISO 8601, including its start and excluding its end."""

    start: str
    end: str


def _of(definition: Definition, *, interval: bool = False) -> Any:
    """Declare a field for a figure, or for the 95 % interval of a share; OpenAPI shows the meaning."""
    method = f"The 95 % interval ({definition.interval_method}). " if interval and isinstance(definition, Ratio) else ""
    return field(metadata={"description": method + definition.meaning, _DEFINITION: definition, _INTERVAL: interval})


@dataclass(frozen=True)
class Requests:
    """Requests for recommendations."""

    total: int | None = _of(definitions.REQUESTS)
    success: int | None = _of(definitions.SUCCESSES)
    error: int | None = _of(definitions.FAILURES)
    rejected: int | None = _of(definitions.REJECTED)
    error_rate: float | None = _of(definitions.ERROR_RATE)
    good_share: float | None = _of(definitions.GOOD_RESPONSES)


@dataclass(frozen=True)
class Impressions:
    """Recommended items shown."""

    total: int | None = _of(definitions.IMPRESSIONS)
    mean_list_length: float | None = _of(definitions.LIST_LENGTH)


@dataclass(frozen=True)
class Clicks:
    """Clicks, and the rates of clicking."""

    total: int | None = _of(definitions.CLICKS)
    ctr: float | None = _of(definitions.CTR)
    ctr_interval: tuple[float, float] | None = _of(definitions.CTR, interval=True)
    item_ctr: float | None = _of(definitions.ITEM_CTR)


@dataclass(frozen=True)
class Conversions:
    """Conversions, and the rate of converting."""

    total: int | None = _of(definitions.CONVERSIONS)
    conversion_rate: float | None = _of(definitions.CONVERSION_RATE)
    conversion_rate_interval: tuple[float, float] | None = _of(definitions.CONVERSION_RATE, interval=True)


@dataclass(frozen=True)
class Revenue:
    """Revenue of conversions, in the currency of the service. The number of users is an estimate from sketches."""

    total: float | None = _of(definitions.REVENUE)
    per_user: float | None = _of(definitions.REVENUE_PER_USER)
    per_request: float | None = _of(definitions.REVENUE_PER_REQUEST)
    per_sale: float | None = _of(definitions.ORDER_VALUE)


@dataclass(frozen=True)
class Latency:
    """Latency of successful and failed requests, in milliseconds.

    A percentile is interpolated within its bucket. The bounds of the bucket are also given; an infinite bound is null.
    """

    avg_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    p95_between_ms: tuple[float, float | None] | None
    p99_between_ms: tuple[float, float | None] | None


@dataclass(frozen=True)
class Quality:
    """Diversity, catalog coverage and model age. The coverage of the fleet is an estimate from sketches."""

    diversity: float | None = _of(definitions.DIVERSITY)
    coverage: float | None = _of(definitions.COVERAGE)
    fleet_coverage: float | None = _of(definitions.FLEET_COVERAGE)
    staleness_hours: float | None = _of(definitions.STALENESS)


@dataclass(frozen=True, kw_only=True)
class Part:
    """The figures of one model version, or of all versions if the version is null. A null figure is unknown, not 0."""

    model_version: str | None
    requests: Requests
    impressions: Impressions
    clicks: Clicks
    conversions: Conversions
    revenue: Revenue
    users: float | None = _of(definitions.DISTINCT_USERS)
    latency: Latency
    quality: Quality
    outcomes: Mapping[str, int]
    cache_hit_rate: float | None = _of(definitions.CACHE_HIT_RATE)


@dataclass(frozen=True, kw_only=True)
class Summary(Part):
    """The figures of a service in a period, and the figures of each model version."""

    period: Between
    service: str
    environment: str
    model_versions: list[Part]


@dataclass(frozen=True, kw_only=True)
class Hour:
    """The figures of an hour. All are null if the service sent no data in this hour."""

    hour: str
    requests: int | None = _of(definitions.REQUESTS)
    clicks: int | None = _of(definitions.CLICKS)
    ctr: float | None = _of(definitions.CTR)
    conversions: int | None = _of(definitions.CONVERSIONS)
    revenue: float | None = _of(definitions.REVENUE)
    avg_latency_ms: float | None
    p95_latency_ms: float | None


def summary(report: Report) -> Summary:
    """Return the figures of the whole period, and of each model version."""
    return Summary(
        period=Between(written(report.period.start), written(report.period.end)),
        service=report.service.job,
        environment=report.service.deployment_environment_name,
        model_versions=[Part(model_version=of, **_part(figures)) for of, figures in report.versions.items()],
        model_version=report.model_version or None,
        **_part(report.figures),
    )


def hourly(report: Report) -> list[Hour]:
    """Return the figures of each hour."""
    return [row(hour, figures) for hour, figures in report.hours]


def row(hour: Period, figures: Figures) -> Hour:
    """Return the figures of an hour, or of another period."""
    return Hour(
        hour=written(hour.start),
        avg_latency_ms=_ms(figures.latency.mean),
        p95_latency_ms=_ms(figures.latency.quantile(0.95)),
        **_defined(Hour, figures),
    )


def _part(figures: Figures) -> dict[str, Any]:
    return {
        "requests": Requests(**_defined(Requests, figures)),
        "impressions": Impressions(**_defined(Impressions, figures)),
        "clicks": Clicks(**_defined(Clicks, figures)),
        "conversions": Conversions(**_defined(Conversions, figures)),
        "revenue": Revenue(**_defined(Revenue, figures)),
        "latency": _latency(figures.latency),
        "quality": Quality(**_defined(Quality, figures)),
        "outcomes": figures.outcomes,
        **_defined(Part, figures),
    }


def _defined(kind: Any, figures: Figures) -> dict[str, Any]:
    """Return, by name, the values of the fields of ``kind`` that have a definition."""
    return {one.name: _value(figures, **one.metadata) for one in fields(kind) if _DEFINITION in one.metadata}


def _value(figures: Figures, definition: Definition, *, interval: bool, **_: object) -> int | float | Bounds | None:
    if isinstance(definition, Ratio) and interval:
        rate = figures.rate(definition)
        return rate.interval if rate else None
    if isinstance(definition, Count) and definition.part != SUM:
        return figures.count(definition)
    return figures.value(definition)


def _latency(latency: Histogram) -> Latency:
    p50, p95, p99 = (_ms(latency.quantile(level)) for level in (0.5, 0.95, 0.99))
    return Latency(_ms(latency.mean), p50, p95, p99, _between(latency, 0.95), _between(latency, 0.99))


def _between(latency: Histogram, level: float) -> tuple[float, float | None] | None:
    lower, upper = map(_ms, latency.bucket(level))
    return None if lower is None else (lower, upper)


def _ms(seconds: float) -> float | None:
    known = finite(seconds)
    return None if known is None else round(1000 * known, 6)
