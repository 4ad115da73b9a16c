"""The alerts of experiments: who is in which arm, what it costs users, and whether it slows or breaks the service."""

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
from otel_recmon.artifacts.signals.sequential import deserted
from otel_recmon.artifacts.signals.traffic import ERROR_RATE, REQUESTS
from otel_recmon.catalog import Metric

_ARM: Final = (*IDENTITY, catalog.EXPERIMENT.name, catalog.VARIANT.name)
_LEVEL: Final = 0.95
_AGAINST: Final = "against the control"
_BOTH: Final = "in the arm and the control, as if these were equally large"
_AT_BEST: Final = f"{_AGAINST}, at best"


def _kept(context: Context) -> Counts:
    scope = _scope(context)
    count = arms.counts(scope)

    def kept(metric: Metric) -> Expr:
        name = metric.prometheus.removeprefix("recommendation_").removesuffix("_total")
        return context.record(f"{name}:{scope.window}", count(metric))

    return kept


def _mismatched(context: Context) -> Expr:
    """Return by how much the split is off, where that is no coincidence: all of it, for an arm that nobody is in."""
    scope, count = _scope(context), _kept(context)
    found = arms.SPLIT.compare(scope, count)
    sure = _enough(found.certain(arms.split_bounds(context.config.experiments)), found.seen(), context)
    return promql.either(sure, deserted(scope, count(catalog.EXPERIMENT_EXPOSURES), context.tuning.minimum_traffic))


def _at_most(judged: Judged) -> Callable[[Context], Expr]:
    """Return what a difference is at most."""

    def value(context: Context) -> Expr:
        found = judged.compare(_scope(context), _kept(context))
        return _enough(found.high(arms.bounds(context.config.experiments)), found.seen(), context)

    return value


def _enough(value: Expr, trials: Expr, context: Context) -> Expr:
    return promql.where(value, promql.compared(trials, ">=", context.tuning.minimum_traffic))


def _slower(context: Context) -> Expr:
    """Return how much slower an arm is than the control, where quantiles further in are in the same order.

    The order statistics between which a quantile lies (Conover, Practical Nonparametric Statistics, 3.2): so many
    deviations of a binomial share from the level, for as few requests as are enough.
    """
    few = max(context.tuning.minimum_traffic, 1)
    margin = context.config.general.sure * math.sqrt(_LEVEL * (1 - _LEVEL) / few)
    surely = _ordered(
        context,
        lambda scope: promql.quantile(max(_LEVEL - margin, 0), catalog.LATENCY.prometheus, scope),
        lambda scope: promql.quantile(min(_LEVEL + margin, 1), catalog.LATENCY.prometheus, scope),
    )
    return _busy(promql.where(arms.SLOWER.expression(_scope(context)), surely), context)


def _failing(context: Context) -> Expr:
    """Return how much more often an arm fails than the control, where Wilson's intervals are apart."""
    sure = context.config.general.sure
    surely = _ordered(context, lambda scope: ERROR_RATE.lower(scope, sure), lambda scope: ERROR_RATE.upper(scope, sure))
    return _busy(promql.where(arms.FAILING_MORE.expression(_scope(context)), surely), context)


def _ordered(context: Context, low: Callable[[QueryScope], Expr], high: Callable[[QueryScope], Expr]) -> Expr:
    scope = _scope(context)
    own = scope.apart(catalog.VARIANT.name)
    sides = arms.side(scope, catalog.TREATMENT, low(own)), arms.side(scope, catalog.CONTROL, high(own))
    return promql.many_to_one(sides[0], ">", sides[1], (*scope.service, catalog.EXPERIMENT.name))


def _busy(value: Expr, context: Context) -> Expr:
    """Keep it where both arms have enough requests."""
    scope, minimum = _scope(context), context.tuning.minimum_traffic
    requests = promql.compared(REQUESTS.count(scope.apart(catalog.VARIANT.name)), ">=", minimum)
    own, control = (arms.side(scope, role, requests) for role in (catalog.TREATMENT, catalog.CONTROL))
    both = promql.where(own, control, (*scope.service, catalog.EXPERIMENT.name))
    return promql.where(value, both)


def _scope(context: Context) -> QueryScope:
    return context.scope.by_service()


def _loses(name: str, judged: Judged, counted: str) -> Alert:
    said = f"{judged.value.title} {{value}} against the control at best (limit {{threshold}})"
    return Alert(name, judged.value, Comparison.BELOW, said, _at_most(judged), _ARM, None, counted, _AT_BEST)


def _guarded(name: str, signal: Signal, said: str, value: Callable[[Context], Expr]) -> Alert:
    return Alert(name, signal, Comparison.ABOVE, said, value, _ARM, traffic="requests of each arm", against=_AGAINST)


ALERTS: Final = (
    Alert(
        "SampleRatioMismatch",
        arms.SPLIT.value,
        Comparison.ABOVE,
        "its exposures are off by {value} from what they should be, against the control (limit {threshold})",
        _mismatched,
        _ARM,
        traffic=f"exposures {_BOTH}",
        against="either way",
    ),
    _loses("ArmLosesClicks", arms.CLICKS, f"clicks {_BOTH}"),
    _loses("ArmLosesConversions", arms.CONVERSIONS, f"conversions {_BOTH}"),
    _guarded("ArmSlow", arms.SLOWER, "one in twenty responses takes {value} longer (limit {threshold})", _slower),
    _guarded("ArmFailing", arms.FAILING_MORE, "{value} more of its requests fail (limit {threshold})", _failing),
)
