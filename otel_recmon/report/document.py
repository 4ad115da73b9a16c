"""A report as a document: the keys of its JSON, on the command line and inside a service."""

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
    """The period: its first moment, and the first one that is no longer in it."""

    start: str
    end: str


@dataclass(frozen=True)
class Requests:
    """Requests for recommendations; the error rate is failed over successful and failed ones."""

    total: int | None
    success: int | None
    error: int | None
    rejected: int | None
    error_rate: float | None
    good_share: float | None


@dataclass(frozen=True)
class Impressions:
    """Recommended items shown; the mean list length is impressions over successful requests."""

    total: int | None
    mean_list_length: float | None


@dataclass(frozen=True)
class Clicks:
    """Clicks; their rate (CTR) is over successful requests, with its 95 % interval, item CTR over impressions."""

    total: int | None
    ctr: float | None
    ctr_interval: Bounds | None
    item_ctr: float | None


@dataclass(frozen=True)
class Conversions:
    """Conversions; their rate is over clicks, with its 95 % interval."""

    total: int | None
    conversion_rate: float | None
    conversion_rate_interval: Bounds | None


@dataclass(frozen=True)
class Revenue:
    """What conversions earned, in the service's currency; per user is over an estimate, null without users."""

    total: float | None
    per_user: float | None
    per_request: float | None
    per_sale: float | None


@dataclass(frozen=True)
class Latency:
    """Milliseconds that successful and failed requests took.

    Percentiles are interpolated within a bucket, whose bounds are given; null is no upper bound.
    """

    avg_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    p95_between_ms: tuple[float, float | None] | None
    p99_between_ms: tuple[float, float | None] | None


@dataclass(frozen=True)
class Quality:
    """What was recommended, and by what.

    Diversity is the normalised entropy of the categories of all items, 0 to 1; coverage the mean of the processes'
    last 10,000 slates, 0 to 100; fleet coverage that of all items in the period, an estimate that needs sketches;
    staleness the greatest age that the model had.
    """

    diversity: float | None
    coverage: float | None
    fleet_coverage: float | None
    staleness_hours: float | None


@dataclass(frozen=True)
class Part:
    """The figures of a model version, or (null) of all; null is what is not known, which is not 0."""

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
    """The figures of an hour; all are null where nothing was heard of the service in it."""

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
    """Return the figures of an hour, or of another short time."""
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
    """Return a rate that is known."""
    return rate.value if rate else None


def interval(rate: Rate | None) -> Bounds | None:
    """Return the 95 % interval of a rate that is known."""
    return rate.interval if rate else None


def _ms(seconds: float) -> float | None:
    return round(1000 * seconds, 6) if math.isfinite(seconds) else None
