"""JSON documents of a report, for the command line and for the routes of a service."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otel_recmon.report.figures import Figures
from otel_recmon.report.histogram import Histogram
from otel_recmon.report.period import Period, written
from otel_recmon.report.reading import Report
from otel_recmon.stats.intervals import Rate

Bounds = tuple[float, float]


@dataclass(frozen=True)
class Between:
    """A period in ISO 8601, including its start and excluding its end."""

    start: str
    end: str


@dataclass(frozen=True)
class Requests:
    """Requests for recommendations. The error rate is failed requests divided by successful and failed requests."""

    total: int | None
    success: int | None
    error: int | None
    rejected: int | None
    error_rate: float | None
    good_share: float | None


@dataclass(frozen=True)
class Impressions:
    """Recommended items shown. The mean list length is impressions divided by successful requests."""

    total: int | None
    mean_list_length: float | None


@dataclass(frozen=True)
class Clicks:
    """Clicks. The CTR is clicks divided by successful requests, the item CTR clicks divided by impressions."""

    total: int | None
    ctr: float | None
    ctr_interval: Bounds | None
    item_ctr: float | None


@dataclass(frozen=True)
class Conversions:
    """Conversions. The conversion rate is conversions divided by clicks."""

    total: int | None
    conversion_rate: float | None
    conversion_rate_interval: Bounds | None


@dataclass(frozen=True)
class Revenue:
    """Revenue of conversions, in the currency of the service. The number of users is an estimate from sketches."""

    total: float | None
    per_user: float | None
    per_request: float | None
    per_sale: float | None


@dataclass(frozen=True)
class Latency:
    """Latency of successful and failed requests, in milliseconds.

    A percentile is interpolated within its bucket, whose bounds are also given; an infinite upper bound is null.
    """

    avg_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    p95_between_ms: tuple[float, float | None] | None
    p99_between_ms: tuple[float, float | None] | None


@dataclass(frozen=True)
class Quality:
    """Diversity, catalog coverage and model age.

    Diversity is the normalised entropy of the categories of all items, 0 to 1. Coverage is the mean catalog coverage of
    a process over its last 10,000 slates, 0 to 100. Fleet coverage is the catalog coverage of all processes over the
    period, an estimate from sketches. Staleness is the greatest age of the model in hours.
    """

    diversity: float | None
    coverage: float | None
    fleet_coverage: float | None
    staleness_hours: float | None


@dataclass(frozen=True)
class Part:
    """The figures of a model version, or of all versions (null). A figure that is null is unknown, which is not 0."""

    model_version: str | None
    requests: Requests
    impressions: Impressions
    clicks: Clicks
    conversions: Conversions
    revenue: Revenue
    users: float | None
    latency: Latency
    quality: Quality
    outcomes: Mapping[str, int]
    cache_hit_rate: float | None


@dataclass(frozen=True)
class Summary(Part):
    """The figures of a service in a period, and those of each model version."""

    period: Between
    service: str
    environment: str
    model_versions: list[Part]


@dataclass(frozen=True)
class Hour:
    """The figures of an hour. All are null if the service sent no data in this hour."""

    hour: str
    requests: int | None
    clicks: int | None
    ctr: float | None
    conversions: int | None
    revenue: float | None
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
        requests=figures.requests,
        clicks=figures.clicks,
        ctr=value(figures.ctr),
        conversions=figures.conversions,
        revenue=figures.revenue,
        avg_latency_ms=_ms(figures.latency.mean),
        p95_latency_ms=_ms(figures.latency.quantile(0.95)),
    )


def _part(figures: Figures) -> dict[str, Any]:
    clicks, conversions = figures.ctr, figures.conversion_rate
    return {
        "requests": _requests(figures),
        "impressions": Impressions(figures.impressions, figures.list_length),
        "clicks": Clicks(figures.clicks, value(clicks), interval(clicks), value(figures.item_ctr)),
        "conversions": Conversions(figures.conversions, value(conversions), interval(conversions)),
        "revenue": Revenue(
            figures.revenue, figures.revenue_per_user, figures.revenue_per_request, figures.revenue_per_sale
        ),
        "users": figures.users,
        "latency": _latency(figures.latency),
        "quality": Quality(figures.diversity, figures.coverage, figures.fleet_coverage, figures.staleness_hours),
        "outcomes": figures.outcomes,
        "cache_hit_rate": value(figures.cache_hits),
    }


def _requests(figures: Figures) -> Requests:
    return Requests(
        total=figures.requests,
        success=figures.successes,
        error=figures.failures,
        rejected=figures.rejected,
        error_rate=value(figures.error_rate),
        good_share=value(figures.good),
    )


def _latency(latency: Histogram) -> Latency:
    p50, p95, p99 = (_ms(latency.quantile(level)) for level in (0.5, 0.95, 0.99))
    return Latency(_ms(latency.mean), p50, p95, p99, _between(latency, 0.95), _between(latency, 0.99))


def _between(latency: Histogram, level: float) -> tuple[float, float | None] | None:
    lower, upper = map(_ms, latency.bucket(level))
    return None if lower is None else (lower, upper)


def value(rate: Rate | None) -> float | None:
    """Return the value of a rate; None if it is unknown."""
    return rate.value if rate else None


def interval(rate: Rate | None) -> Bounds | None:
    """Return the 95 % interval of a rate; None if it is unknown."""
    return rate.interval if rate else None


def _ms(seconds: float) -> float | None:
    return round(1000 * seconds, 6) if math.isfinite(seconds) else None
