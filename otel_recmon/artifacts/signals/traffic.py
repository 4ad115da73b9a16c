"""The signals of traffic and service quality: volumes, rates, revenue, outcomes and latency."""

from collections.abc import Callable
from functools import partial
from typing import Final

from otel_recmon import catalog, definitions
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import BUSINESS, QUALITY, SERVICE
from otel_recmon.artifacts.promql import Expr, QueryScope
from otel_recmon.artifacts.signals.kinds import (
    Counted,
    Signal,
    SignalText,
    Unit,
    defined_share,
    defined_volume,
    distribution,
    measure,
    mix,
    over,
    share,
    text_of,
    volume,
)
from otel_recmon.catalog import Metric

REQUESTS: Final = defined_volume(definitions.REQUESTS, BUSINESS)
SUCCESSES: Final = defined_volume(definitions.SUCCESSES, SERVICE)
FAILURES: Final = defined_volume(definitions.FAILURES, SERVICE)
REJECTED: Final = defined_volume(definitions.REJECTED, SERVICE)
IMPRESSIONS: Final = defined_volume(definitions.IMPRESSIONS, BUSINESS, Unit.EVENTS_PER_SECOND)
CLICKS: Final = defined_volume(definitions.CLICKS, BUSINESS, Unit.EVENTS_PER_SECOND)
CONVERSIONS: Final = defined_volume(definitions.CONVERSIONS, BUSINESS, Unit.EVENTS_PER_SECOND)
REVENUE: Final = defined_volume(definitions.REVENUE, BUSINESS, Unit.MONEY)
ACTIONS: Final = volume(
    SignalText(
        "actions",
        "Other events",
        BUSINESS,
        "User events other than clicks and conversions, by action. The action `impression` is a report of seen items "
        "that does not count as impressions.",
    ),
    Counted(catalog.ACTIONS),
    Unit.EVENTS_PER_SECOND,
)
CANDIDATES: Final = volume(
    SignalText("candidates", "Candidates", SERVICE, "Items that a stage of the pipeline passes on to the next stage."),
    Counted(catalog.CANDIDATES),
    Unit.EVENTS_PER_SECOND,
)

CTR: Final = defined_share(definitions.CTR, BUSINESS)
ITEM_CTR: Final = defined_share(definitions.ITEM_CTR, QUALITY)
CONVERSION_RATE: Final = defined_share(definitions.CONVERSION_RATE, BUSINESS)
REVENUE_PER_REQUEST: Final = defined_share(definitions.REVENUE_PER_REQUEST, BUSINESS, Unit.MONEY)
ORDER_VALUE: Final = defined_share(definitions.ORDER_VALUE, BUSINESS, Unit.MONEY)
ERROR_RATE: Final = defined_share(definitions.ERROR_RATE, SERVICE)
LIST_LENGTH: Final = defined_share(definitions.LIST_LENGTH, QUALITY, Unit.TIMES)
GOOD_RESPONSES: Final = defined_share(definitions.GOOD_RESPONSES, SERVICE)
BAD_RESPONSES: Final = defined_share(definitions.BAD_RESPONSES, SERVICE)
FALLBACK_SHARE: Final = defined_share(definitions.FALLBACK_SHARE, SERVICE)
EMPTY_SHARE: Final = defined_share(definitions.EMPTY_SHARE, SERVICE)
PARTIAL_SHARE: Final = defined_share(definitions.PARTIAL_SHARE, SERVICE)
OUTCOME_MIX: Final = mix(
    SignalText("outcome_mix", definitions.OUTCOMES.title, SERVICE, definitions.OUTCOMES.meaning),
    Counted.of(definitions.OUTCOMES),
    catalog.OUTCOME,
)
_HITS: Final = Counted.of(definitions.CACHE_HITS)
_MISSES: Final = Counted.of(definitions.CACHE_MISSES)


def _filled_hits(scope: QueryScope) -> Expr:
    return promql.filled(_HITS.increase(scope), _MISSES.increase(scope))


def _lookups(scope: QueryScope) -> Expr:
    return promql.among("sum", {"hit": _HITS.increase(scope), "miss": _MISSES.increase(scope)}, scope.by)


CACHE_HIT_RATE: Final = share(
    text_of(definitions.CACHE_HIT_RATE, SERVICE), (catalog.CACHE_HITS, catalog.CACHE_MISSES), _filled_hits, _lookups
)


def quantile_of(name: str, title: str, metric: Metric, level: float) -> Signal:
    """Return the signal of a quantile of a histogram of durations, in seconds.

    Args:
        name: The name of the signal.
        title: The title of the signal.
        metric: The histogram.
        level: The level of the quantile, such as 0.95.
    """
    meaning = f"{level:.0%} of these times are below the value, which is interpolated within a histogram bucket."
    words = SignalText(name, title, SERVICE, f"{metric.brief} {meaning}")
    return measure(words, Unit.SECONDS, (metric,), partial(promql.quantile, level, metric.prometheus))


LATENCY_P50: Final = quantile_of("latency_p50", "Latency, median", catalog.LATENCY, 0.5)
LATENCY_P95: Final = quantile_of("latency_p95", "Latency, P95", catalog.LATENCY, 0.95)
LATENCY_P99: Final = quantile_of("latency_p99", "Latency, P99", catalog.LATENCY, 0.99)
LATENCIES: Final = distribution(
    SignalText("latencies", "Latency, distribution", SERVICE, catalog.LATENCY.brief), catalog.LATENCY
)
STAGE_P95: Final = quantile_of("stage_p95", "Time in a stage, P95", catalog.STAGE_DURATION, 0.95)
STAGE_MEAN: Final = over(
    SignalText("stage_mean", "Time in a stage, mean", SERVICE, "Mean time spent in a stage of the pipeline."),
    Counted(catalog.STAGE_DURATION, part="_sum"),
    Counted(catalog.STAGE_DURATION, part="_count"),
    unit=Unit.SECONDS,
)


def burn_rate(objective: float) -> Signal:
    """Return the signal of the burn rate: the share of bad responses, divided by the allowed share of bad responses.

    Args:
        objective: The share of responses that must be good, such as 0.99.
    """
    meaning = (
        f"Share of bad responses, divided by the allowed share of {1 - objective:.3g} (objective: {objective:g}). "
        "Above 1, the error budget of a month is used up before the end of the month."
    )
    words = SignalText("burn_rate", "Burn rate", SERVICE, meaning)

    def value(scope: QueryScope) -> Expr:
        return BAD_RESPONSES.expression(scope) / (1 - objective)

    return measure(words, Unit.TIMES, BAD_RESPONSES.metrics, value, BAD_RESPONSES.fixed)


def budget_left(objective: float) -> Signal:
    """Return the signal of the share of the error budget that the responses in the window leave unused.

    Args:
        objective: The share of responses that must be good, such as 0.99.
    """
    meaning = (
        f"Unused share of the error budget. The budget is the share of bad responses that the objective of "
        f"{objective:g} allows: {1 - objective:.3g}. Below 0%, the budget is exceeded."
    )
    words = SignalText("budget_left", "Error budget left", SERVICE, meaning)

    def value(scope: QueryScope) -> Expr:
        return Expr("1") - BAD_RESPONSES.expression(scope) / (1 - objective)

    return measure(words, Unit.SHARE, BAD_RESPONSES.metrics, value, BAD_RESPONSES.fixed)


def change(signal: Signal, value: Callable[[QueryScope], Expr], back: str = "7d") -> Signal:
    """Return the signal of the relative change of a value from an earlier time until now.

    Args:
        signal: The signal that the change is computed for.
        value: The function that returns the compared value, such as the count of the signal.
        back: The offset of the earlier value, such as "7d".
    """
    meaning = f"{signal.description} The value is the change from {back} ago: 10% means 10% more than at that time."
    words = SignalText(f"{signal.name}_change", f"{signal.title}, change", BUSINESS, meaning)

    def changed(scope: QueryScope) -> Expr:
        return promql.divided(value(scope), value(scope.ago(back))) - 1

    return measure(words, Unit.SHARE, signal.metrics, changed, signal.fixed)
