"""The signals of traffic and service quality: volumes, rates, revenue, outcomes and latency."""

from collections.abc import Callable
from functools import partial
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import BUSINESS, QUALITY, SERVICE
from otel_recmon.artifacts.promql import Expr, QueryScope
from otel_recmon.artifacts.signals.kinds import (
    Counted,
    Share,
    Signal,
    Unit,
    Words,
    distribution,
    labelled,
    measure,
    mix,
    over,
    share,
    volume,
)
from otel_recmon.catalog import Metric

_SUCCESSES: Final = labelled(catalog.REQUESTS, catalog.STATUS, catalog.SUCCESS)
_ANSWERED: Final = labelled(catalog.REQUESTS, catalog.STATUS, catalog.SUCCESS, catalog.ERROR)
_FAILURES: Final = labelled(catalog.REQUESTS, catalog.STATUS, catalog.ERROR)
_CLICKS: Final = Counted(catalog.CLICKED)
_CONVERSIONS: Final = Counted(catalog.CONVERTED)
_IMPRESSIONS: Final = Counted(catalog.IMPRESSIONS)
_REVENUE: Final = Counted(catalog.REVENUE, part="_sum")
_ORDERS: Final = Counted(catalog.REVENUE, part="_count")
_HITS: Final = Counted(catalog.CACHE_HITS)
_MISSES: Final = Counted(catalog.CACHE_MISSES)
_OUTCOMES: Final = Counted(catalog.OUTCOMES)

REQUESTS: Final = volume(
    Words("requests", "Requests", BUSINESS, "Requests for recommendations, including failed and rejected ones."),
    Counted(catalog.REQUESTS),
)
SUCCESSES: Final = volume(
    Words("successes", "Successful requests", SERVICE, "Requests answered with status 2xx."), _SUCCESSES
)
FAILURES: Final = volume(
    Words(
        "failures", "Failed requests", SERVICE, "Requests that ended with status 5xx, an exception or a broken stream."
    ),
    _FAILURES,
)
REJECTED: Final = volume(
    Words(
        "rejected",
        "Rejected requests",
        SERVICE,
        "Requests answered with status 4xx. They are the caller's fault and no part of the error rate.",
    ),
    labelled(catalog.REQUESTS, catalog.STATUS, catalog.REJECTED),
)
IMPRESSIONS: Final = volume(
    Words("impressions", "Impressions", BUSINESS, "Recommended items shown to users."),
    _IMPRESSIONS,
    Unit.EVENTS_PER_SECOND,
)
CLICKS: Final = volume(
    Words("clicks", "Clicks", BUSINESS, "Clicks on recommended items."), _CLICKS, Unit.EVENTS_PER_SECOND
)
CONVERSIONS: Final = volume(
    Words("conversions", "Conversions", BUSINESS, "Conversions of recommended items, such as purchases."),
    _CONVERSIONS,
    Unit.EVENTS_PER_SECOND,
)
REVENUE: Final = volume(
    Words("revenue", "Revenue", BUSINESS, "Revenue from conversions of recommended items."), _REVENUE, Unit.MONEY
)
CANDIDATES: Final = volume(
    Words("candidates", "Candidates", SERVICE, "Items that a stage of the pipeline passes on."),
    Counted(catalog.CANDIDATES),
    Unit.EVENTS_PER_SECOND,
)

CTR: Final = over(
    Words("ctr", "Click-through rate", BUSINESS, "Clicks divided by successful requests."), _CLICKS, _SUCCESSES
)
ITEM_CTR: Final = over(
    Words(
        "item_ctr",
        "Item click-through rate",
        QUALITY,
        "Clicks divided by impressions; for one position, those at this position.",
    ),
    _CLICKS,
    _IMPRESSIONS,
)
CONVERSION_RATE: Final = over(
    Words("conversion_rate", "Conversion rate", BUSINESS, "Conversions divided by clicks."), _CONVERSIONS, _CLICKS
)
REVENUE_PER_REQUEST: Final = over(
    Words("revenue_per_request", "Revenue per request", BUSINESS, "Revenue divided by successful requests."),
    _REVENUE,
    _SUCCESSES,
    unit=Unit.MONEY,
)
ORDER_VALUE: Final = over(
    Words("order_value", "Revenue per sale", BUSINESS, "Revenue divided by conversions with revenue."),
    _REVENUE,
    _ORDERS,
    unit=Unit.MONEY,
)
ERROR_RATE: Final = over(
    Words("error_rate", "Error rate", SERVICE, "Failed requests divided by successful and failed requests."),
    _FAILURES,
    _ANSWERED,
    zero=True,
)
LIST_LENGTH: Final = over(
    Words("list_length", "Mean list length", QUALITY, "Impressions divided by successful requests."),
    _IMPRESSIONS,
    _SUCCESSES,
    unit=Unit.TIMES,
)
GOOD_RESPONSES: Final = over(
    Words(
        "good_responses",
        "Good responses",
        SERVICE,
        "Share of good responses in successful and failed requests. Good means served or partial, and fast enough.",
    ),
    labelled(catalog.SLO_RESPONSES, catalog.IS_GOOD, catalog.GOOD),
    Counted(catalog.SLO_RESPONSES),
    zero=True,
)
BAD_RESPONSES: Final = over(
    Words(
        "bad_responses",
        "Bad responses",
        SERVICE,
        "Share of bad responses in successful and failed requests. Bad means neither served nor partial, or too slow.",
    ),
    labelled(catalog.SLO_RESPONSES, catalog.IS_GOOD, catalog.BAD),
    Counted(catalog.SLO_RESPONSES),
    zero=True,
)


def outcome_share(outcome: str) -> Share:
    """Return the signal of the share of requests with an outcome."""
    meaning = f"Requests with the outcome `{outcome}` divided by successful and failed requests."
    words = Words(f"outcome_{outcome}", f"{outcome.capitalize()} share", SERVICE, meaning)
    return over(words, labelled(catalog.OUTCOMES, catalog.OUTCOME, outcome), _OUTCOMES, zero=True)


FALLBACK_SHARE: Final = outcome_share(catalog.FALLBACK)
EMPTY_SHARE: Final = outcome_share(catalog.EMPTY)
PARTIAL_SHARE: Final = outcome_share(catalog.PARTIAL)


OUTCOME_MIX: Final = mix(
    Words("outcome_mix", "Outcomes", SERVICE, "Successful and failed requests, by outcome."),
    _OUTCOMES,
    catalog.OUTCOME,
)


def _filled_hits(scope: QueryScope) -> Expr:
    return promql.filled(_HITS.increase(scope), _MISSES.increase(scope))


def _lookups(scope: QueryScope) -> Expr:
    return promql.among("sum", {"hit": _HITS.increase(scope), "miss": _MISSES.increase(scope)}, scope.by)


CACHE_HIT_RATE: Final = share(
    Words("cache_hit_rate", "Cache hit rate", SERVICE, "Cache hits divided by cache lookups."),
    (catalog.CACHE_HITS, catalog.CACHE_MISSES),
    _filled_hits,
    _lookups,
)


def quantile_of(name: str, title: str, metric: Metric, level: float) -> Signal:
    """Return the signal of a quantile of durations, in seconds."""
    meaning = f"{level:.0%} take at most this long; the value is interpolated within a bucket of the histogram."
    words = Words(name, title, SERVICE, f"{metric.brief} {meaning}")
    return measure(words, Unit.SECONDS, (metric,), partial(promql.quantile, level, metric.prometheus))


LATENCY_P50: Final = quantile_of("latency_p50", "Latency, median", catalog.LATENCY, 0.5)
LATENCY_P95: Final = quantile_of("latency_p95", "Latency, P95", catalog.LATENCY, 0.95)
LATENCY_P99: Final = quantile_of("latency_p99", "Latency, P99", catalog.LATENCY, 0.99)
LATENCIES: Final = distribution(
    Words("latencies", "Latency, distribution", SERVICE, catalog.LATENCY.brief), catalog.LATENCY
)
STAGE_P95: Final = quantile_of("stage_p95", "Time in a stage, P95", catalog.STAGE_DURATION, 0.95)
STAGE_MEAN: Final = over(
    Words("stage_mean", "Time in a stage, mean", SERVICE, "Mean time spent in a stage of the pipeline."),
    Counted(catalog.STAGE_DURATION, part="_sum"),
    Counted(catalog.STAGE_DURATION, part="_count"),
    unit=Unit.SECONDS,
)


def burn_rate(objective: float) -> Signal:
    """Return the signal of the burn rate: the consumption of the error budget, relative to the allowed one.

    Args:
        objective: The share of responses that must be good, such as 0.99.
    """
    meaning = (
        f"Share of bad responses divided by the {1 - objective:.3g} that the objective of {objective:g} allows. "
        "Above 1, the error budget does not last."
    )
    words = Words("burn_rate", "Burn rate", SERVICE, meaning)

    def value(scope: QueryScope) -> Expr:
        return BAD_RESPONSES.expression(scope) / (1 - objective)

    return measure(words, Unit.TIMES, BAD_RESPONSES.metrics, value, BAD_RESPONSES.fixed)


def budget_left(objective: float) -> Signal:
    """Return the signal of the share of the error budget that is left at the end of the window.

    Args:
        objective: The share of responses that must be good, such as 0.99.
    """
    meaning = (
        f"Share of the error budget that is left: the objective of {objective:g} allows {1 - objective:.3g} bad "
        "responses. Below 0%, the budget is exceeded."
    )
    words = Words("budget_left", "Error budget left", SERVICE, meaning)

    def value(scope: QueryScope) -> Expr:
        return Expr("1") - BAD_RESPONSES.expression(scope) / (1 - objective)

    return measure(words, Unit.SHARE, BAD_RESPONSES.metrics, value, BAD_RESPONSES.fixed)


def change(signal: Signal, value: Callable[[QueryScope], Expr], back: str = "7d") -> Signal:
    """Return the signal of the relative change of a value since some time ago.

    Args:
        signal: The signal that changes.
        value: Its value in a scope, such as its count.
        back: The offset of the earlier value, such as "7d".
    """
    meaning = f"{signal.description} Relative change since {back} ago: 10% is a tenth more."
    words = Words(f"{signal.name}_change", f"{signal.title}, change", BUSINESS, meaning)

    def changed(scope: QueryScope) -> Expr:
        return promql.divided(value(scope), value(scope.ago(back))) - 1

    return measure(words, Unit.SHARE, signal.metrics, changed, signal.fixed)
