"""The alerts about experiments: the split, lost clicks, lost conversions, and the guardrails latency and error rate."""

import math
from collections.abc import Callable
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.alerts.rule import Alert, Comparison, Context
from otel_recmon.artifacts.promql import IDENTITY, Expr, QueryScope
from otel_recmon.artifacts.signals import arms
from otel_recmon.artifacts.signals.arms import Counts, Judged
from otel_recmon.artifacts.signals.kinds import Signal
from otel_recmon.artifacts.signals.sequential import empty_arms
from otel_recmon.artifacts.signals.traffic import ERROR_RATE, REQUESTS
from otel_recmon.catalog import Metric

_ARM: Final = (*IDENTITY, catalog.EXPERIMENT.name, catalog.VARIANT.name)
_LEVEL: Final = 0.95
_BEST_CASE: Final = "compared with the control (best case)"
_EFFECTIVE: Final = "(effective sample size of the arm and the control)"


def _recorded_counts(context: Context) -> Counts:
    scope = _scope(context)
    count = arms.counts(scope)

    def recorded(metric: Metric) -> Expr:
        name = metric.prometheus.removeprefix("recommendation_").removesuffix("_total")
        return context.record(f"{name}:{scope.window}", count(metric))

    return recorded


def _mismatch(context: Context) -> Expr:
    """Return the relative error of the split, if the error is significant. For an arm without exposures, return 1."""
    scope, count = _scope(context), _recorded_counts(context)
    found = arms.SPLIT.compare(scope, count)
    significant = found.significant_size(arms.split_bounds(context.config.experiments))
    minimum = context.tuning.minimum_traffic
    return promql.either(
        _with_sample(significant, found.effective_sample_size(), context),
        empty_arms(scope, count(catalog.EXPERIMENT_EXPOSURES), minimum),
    )


def _at_most(judged: Judged) -> Callable[[Context], Expr]:
    """Return the upper bound of the relative difference between an arm and the control."""

    def value(context: Context) -> Expr:
        found = judged.compare(_scope(context), _recorded_counts(context))
        upper = found.high(arms.bounds(context.config.experiments))
        return _with_sample(upper, found.effective_sample_size(), context)

    return value


def _with_sample(value: Expr, sample: Expr, context: Context) -> Expr:
    return promql.where(value, promql.compared(sample, ">=", context.tuning.minimum_traffic))


def _slower(context: Context) -> Expr:
    """Return the relative difference in P95 latency between an arm and the control.

    There is a result only if the arm is significantly slower: the lower confidence bound of the arm's P95 must be above
    the upper confidence bound of the control's P95. These bounds are the quantiles at the levels 0.95 - margin and
    0.95 + margin (Conover, Practical Nonparametric Statistics, 3.2). The margin is z standard deviations of a binomial
    proportion of 0.95, for the minimum number of requests.
    """
    few = max(context.tuning.minimum_traffic, 1)
    margin = context.config.general.z * math.sqrt(_LEVEL * (1 - _LEVEL) / few)
    significant = _ordered(
        context,
        lambda scope: promql.quantile(max(_LEVEL - margin, 0), catalog.LATENCY.prometheus, scope),
        lambda scope: promql.quantile(min(_LEVEL + margin, 1), catalog.LATENCY.prometheus, scope),
    )
    return _with_requests(promql.where(arms.SLOWER.expression(_scope(context)), significant), context)


def _failing(context: Context) -> Expr:
    """Return the difference in error rate between an arm and the control.

    There is a result only if the Wilson interval of the arm is completely above the Wilson interval of the control.
    """
    z = context.config.general.z
    significant = _ordered(context, lambda scope: ERROR_RATE.lower(scope, z), lambda scope: ERROR_RATE.upper(scope, z))
    return _with_requests(promql.where(arms.FAILING_MORE.expression(_scope(context)), significant), context)


def _ordered(context: Context, low: Callable[[QueryScope], Expr], high: Callable[[QueryScope], Expr]) -> Expr:
    scope = _scope(context)
    own = scope.apart(catalog.VARIANT.name)
    sides = arms.side(scope, catalog.TREATMENT, low(own)), arms.side(scope, catalog.CONTROL, high(own))
    return promql.many_to_one(sides[0], ">", sides[1], (*scope.service, catalog.EXPERIMENT.name))


def _with_requests(value: Expr, context: Context) -> Expr:
    """Return a value, but only if the arm and the control each have the minimum number of requests."""
    scope, minimum = _scope(context), context.tuning.minimum_traffic
    requests = promql.compared(REQUESTS.count(scope.apart(catalog.VARIANT.name)), ">=", minimum)
    own, control = (arms.side(scope, role, requests) for role in (catalog.TREATMENT, catalog.CONTROL))
    both = promql.where(own, control, (*scope.service, catalog.EXPERIMENT.name))
    return promql.where(value, both)


def _scope(context: Context) -> QueryScope:
    return context.scope.by_service()


def _loses(name: str, judged: Judged, counted: str, action: str) -> Alert:
    summary = f"{judged.value.title} differ by {{value}} from the control in the best case (limit {{threshold}})"
    value, counts = _at_most(judged), f"{counted} {_EFFECTIVE}"
    return Alert(name, judged.value, Comparison.BELOW, summary, action, value, _ARM, None, counts, _BEST_CASE)


def _guardrail(
    name: str, signal: Signal, summary: str, action: str, value: Callable[[Context], Expr], against: str
) -> Alert:
    counts = "requests in each arm"
    return Alert(name, signal, Comparison.ABOVE, summary, action, value, _ARM, traffic=counts, against=against)


ALERTS: Final = (
    Alert(
        "SampleRatioMismatch",
        arms.SPLIT.value,
        Comparison.ABOVE,
        "the number of exposures is off by {value} from the configured split (limit {threshold})",
        "Make no decision on this experiment until you have found the cause of the wrong split.",
        _mismatch,
        _ARM,
        traffic=f"exposures {_EFFECTIVE}",
        against="(difference in either direction)",
    ),
    _loses(
        "ArmLosesClicks",
        arms.CLICKS,
        "clicks",
        "Switch the arm off, unless the loss is intended. A new experiment can give the arm less traffic.",
    ),
    _loses(
        "ArmLosesConversions",
        arms.CONVERSIONS,
        "conversions",
        "Switch the arm off, unless its goal is revenue and revenue is significantly up.",
    ),
    _guardrail(
        "ArmSlow",
        arms.SLOWER,
        "the latency (P95) is {value} higher than in the control (limit {threshold})",
        "If the cache of the arm is still cold, wait. Otherwise tell the owner of the experiment.",
        _slower,
        "(relative difference)",
    ),
    _guardrail(
        "ArmFailing",
        arms.FAILING_MORE,
        "its error rate minus the error rate of the control is {value} (limit {threshold})",
        "Switch the arm off, and then repair it.",
        _failing,
        "(difference in percentage points)",
    ),
)
