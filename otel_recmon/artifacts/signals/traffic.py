"""What users get and do, what it earns, how fast and how well the service answers."""

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
    Words("requests", "Requests", BUSINESS, "Requests for recommendations: answered, failed and rejected ones."),
    Counted(catalog.REQUESTS),
)
SUCCESSES: Final = volume(
    Words("successes", "Successful requests", SERVICE, "Requests that were answered with 2xx."), _SUCCESSES
)
FAILURES: Final = volume(
    Words("failures", "Failed requests", SERVICE, "Requests that ended in 5xx, an exception or a broken stream."),
    _FAILURES,
)
REJECTED: Final = volume(
    Words(
        "rejected",
        "Rejected requests",
        SERVICE,
        "Requests that were answered with 4xx: the caller's fault, and no part of the error rate.",
    ),
    labelled(catalog.REQUESTS, catalog.STATUS, catalog.REJECTED),
)
IMPRESSIONS: Final = volume(
    Words("impressions", "Impressions", BUSINESS, "Recommended items shown."), _IMPRESSIONS, Unit.EVENTS_PER_SECOND
)
CLICKS: Final = volume(
    Words("clicks", "Clicks", BUSINESS, "Clicks on recommended items."), _CLICKS, Unit.EVENTS_PER_SECOND
)
CONVERSIONS: Final = volume(
    Words("conversions", "Conversions", BUSINESS, "Conversions of recommended items."),
    _CONVERSIONS,
    Unit.EVENTS_PER_SECOND,
)
REVENUE: Final = volume(
    Words("revenue", "Revenue", BUSINESS, "What conversions of recommended items earned."), _REVENUE, Unit.MONEY
)
CANDIDATES: Final = volume(
    Words("candidates", "Candidates", SERVICE, "Items that came out of a stage of the pipeline."),
    Counted(catalog.CANDIDATES),
    Unit.EVENTS_PER_SECOND,
)

CTR: Final = over(Words("ctr", "Click-through rate", BUSINESS, "Clicks over successful requests."), _CLICKS, _SUCCESSES)
ITEM_CTR: Final = over(
    Words(
        "item_ctr",
        "Item click-through rate",
        QUALITY,
        "Clicks over impressions; at a position, clicks there over impressions there.",
    ),
    _CLICKS,
    _IMPRESSIONS,
)
CONVERSION_RATE: Final = over(
    Words("conversion_rate", "Conversion rate", BUSINESS, "Conversions over clicks."), _CONVERSIONS, _CLICKS
)
REVENUE_PER_REQUEST: Final = over(
    Words("revenue_per_request", "Revenue per request", BUSINESS, "Revenue over successful requests."),
    _REVENUE,
    _SUCCESSES,
    unit=Unit.MONEY,
)
ORDER_VALUE: Final = over(
    Words("order_value", "Revenue per sale", BUSINESS, "Revenue over conversions that earned something."),
    _REVENUE,
    _ORDERS,
    unit=Unit.MONEY,
)
ERROR_RATE: Final = over(
    Words("error_rate", "Error rate", SERVICE, "Failed over successful and failed requests."),
    _FAILURES,
    _ANSWERED,
    zero=True,
)
LIST_LENGTH: Final = over(
    Words("list_length", "Mean list length", QUALITY, "Impressions over successful requests."),
    _IMPRESSIONS,
    _SUCCESSES,
    unit=Unit.TIMES,
)
GOOD_RESPONSES: Final = over(
    Words(
        "good_responses",
        "Good responses",
        SERVICE,
        "Responses that were served or partial and fast enough, over successful and failed requests.",
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
        "Responses that were neither served nor partial, or too slow, over successful and failed requests.",
    ),
    labelled(catalog.SLO_RESPONSES, catalog.IS_GOOD, catalog.BAD),
    Counted(catalog.SLO_RESPONSES),
    zero=True,
)


def outcome_share(outcome: str) -> Share:
    """Return the share of requests with an outcome."""
    meaning = f"Requests with outcome `{outcome}` over successful and failed requests."
    words = Words(f"outcome_{outcome}", f"Share of {outcome}", SERVICE, meaning)
    return over(words, labelled(catalog.OUTCOMES, catalog.OUTCOME, outcome), _OUTCOMES, zero=True)


FALLBACK_SHARE: Final = outcome_share(catalog.FALLBACK)
EMPTY_SHARE: Final = outcome_share(catalog.EMPTY)
PARTIAL_SHARE: Final = outcome_share(catalog.PARTIAL)


OUTCOME_MIX: Final = mix(
    Words("outcome_mix", "What users got", SERVICE, "Successful and failed requests, by outcome."),
    _OUTCOMES,
    catalog.OUTCOME,
)


def _filled_hits(scope: QueryScope) -> Expr:
    return promql.filled(_HITS.increase(scope), _MISSES.increase(scope))


def _lookups(scope: QueryScope) -> Expr:
    return promql.among("sum", {"hit": _HITS.increase(scope), "miss": _MISSES.increase(scope)}, scope.by)


CACHE_HIT_RATE: Final = share(
    Words("cache_hit_rate", "Cache hit rate", SERVICE, "Requests answered from the cache over all that asked it."),
    (catalog.CACHE_HITS, catalog.CACHE_MISSES),
    _filled_hits,
    _lookups,
)


def quantile_of(name: str, title: str, metric: Metric, level: float) -> Signal:
    """Return the signal of a quantile of durations."""
    meaning = f"The time that {level:.0%} take no longer than, interpolated within the histogram's bucket."
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
    Words("stage_mean", "Time in a stage, mean", SERVICE, "The mean time spent in a stage of the pipeline."),
    Counted(catalog.STAGE_DURATION, part="_sum"),
    Counted(catalog.STAGE_DURATION, part="_count"),
    unit=Unit.SECONDS,
)


def burn_rate(objective: float) -> Signal:
    """Return how many times faster than allowed the budget of bad responses is used up.

    Args:
        objective: The share of responses that shall be good, such as 0.99.
    """
    meaning = f"The share of bad responses over the {1 - objective:.3g} that the objective of {objective:g} allows."
    words = Words("burn_rate", "Burn rate", SERVICE, meaning)

    def value(scope: QueryScope) -> Expr:
        return BAD_RESPONSES.expression(scope) / (1 - objective)

    return measure(words, Unit.TIMES, BAD_RESPONSES.metrics, value, BAD_RESPONSES.fixed)


def budget_left(objective: float) -> Signal:
    """Return how much of the budget of bad responses is left at the end of the window."""
    meaning = (
        f"1 minus the share of bad responses over the {1 - objective:.3g} that the objective of {objective:g} allows."
    )
    words = Words("budget_left", "Error budget left", SERVICE, f"{meaning} Below 0, more was used up than there was.")

    def value(scope: QueryScope) -> Expr:
        return Expr("1") - BAD_RESPONSES.expression(scope) / (1 - objective)

    return measure(words, Unit.SHARE, BAD_RESPONSES.metrics, value, BAD_RESPONSES.fixed)


def change(signal: Signal, value: Callable[[QueryScope], Expr], back: str = "7d") -> Signal:
    """Return by how much a value differs from what it was some time ago, relative to that."""
    meaning = f"{signal.description} Now over {back} ago, minus 1."
    words = Words(f"{signal.name}_change", f"{signal.title}, change", BUSINESS, meaning)

    def changed(scope: QueryScope) -> Expr:
        return promql.divided(value(scope), value(scope.ago(back))) - 1

    return measure(words, Unit.SHARE, signal.metrics, changed, signal.fixed)
