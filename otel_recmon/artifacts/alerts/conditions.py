"""The expressions of alerts: a signal's value, kept only where there is enough traffic and no doubt."""

import math
from collections.abc import Callable, Iterable
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.alerts.rule import Context
from otel_recmon.artifacts.promql import Expr, QueryScope
from otel_recmon.artifacts.settings.thresholds import Baseline
from otel_recmon.artifacts.signals.kinds import Counted, Share, Signal
from otel_recmon.artifacts.signals.quality import score_drift
from otel_recmon.artifacts.signals.telemetry import silent
from otel_recmon.artifacts.signals.traffic import BAD_RESPONSES, ORDER_VALUE, REQUESTS, SUCCESSES
from otel_recmon.catalog import Attribute, Metric

Value = Callable[[Context], Expr]
Bound = Callable[[Context, QueryScope], Expr]
_DAYS_A_WEEK: Final = 7
_MEDIAN: Final = 0.5
_RELEVANT_SHARE: Final = 0.05
"""The share of a category or position from which on it is missed."""
_TWICE: Final = 2
_COINCIDENCE: Final = 1.63
"""Kolmogorov's distribution is below this in 99 of 100 cases."""


def plain(signal: Signal) -> Value:
    """Return the value of a signal."""
    return lambda context: signal.expression(context.scope)


def busy(signal: Signal, trials: Callable[[QueryScope], Expr]) -> Value:
    """Return the value of a signal where there is enough traffic."""
    return lambda context: _enough(signal.expression(context.scope), trials(context.scope), context)


def _enough(value: Expr, trials: Expr, context: Context) -> Expr:
    minimum = context.tuning.minimum_traffic
    return promql.where(value, promql.compared(trials, ">=", minimum)) if minimum else value


def surely_below(signal: Share) -> Value:
    """Return a share whose upper bound, by Wilson, is below the threshold."""
    return lambda context: _surely(signal, "<", "-", context)


def surely_above(signal: Share) -> Value:
    """Return a share whose lower bound, by Wilson, is above the threshold."""
    return lambda context: _surely(signal, ">", "+", context)


def _surely(signal: Share, operator: str, sign: str, context: Context) -> Expr:
    # A share's bound lies beyond the threshold t just when the share is further from t than z * sqrt(t * (1-t) / n):
    # Wilson's interval is what that test does not reject.
    limit = context.threshold
    trials = signal.trials(context.scope)
    spread = context.config.general.sure * math.sqrt(max(0.0, limit * (1 - limit)))
    margin = promql.number(spread) / promql.call("sqrt", promql.compared(trials, ">", 0))
    sure = promql.compared(signal.expression(context.scope), operator, promql.binary(limit, sign, margin))
    return _enough(sure, trials, context)


def burning(key: str, burn_rate: Signal) -> Value:
    """Return how fast the budget burns: the smaller of a long and a short window's burn rate.

    From the SRE Workbook, chapter 5, "Alerting on SLOs", 6: the long window says that much is lost, the short
    one that it goes on.
    """

    def value(context: Context) -> Expr:
        scope = context.scope
        long = context.record(f"burn_rate:{key}", burn_rate.expression(scope))
        short = burn_rate.expression(scope.over(context.tuning.short_window))
        trials = context.record(f"slo_responses:{key}", BAD_RESPONSES.trials(scope))
        return _enough(promql.smaller(short, long), trials, context)

    return value


def below_usual(
    key: str, signal: Callable[[QueryScope], Expr], upper: Bound, trials: Callable[[QueryScope], Expr] | None = None
) -> Value:
    """Return how far each model version is from what is usual for its service, where that is no coincidence.

    Args:
        key: What the usual value is recorded as.
        signal: The value that is compared.
        upper: What the value is at most.
        trials: What the value is based on; without it, the usual value is what must be large enough.
    """

    def value(context: Context) -> Expr:
        scope = context.scope.over(context.config.baseline.window)
        common = context.record(f"{key}:usual", _usual(signal, scope, context.config.baseline))
        if trials is None:
            common = promql.compared(common, ">=", context.tuning.minimum_traffic)
        change = promql.many_to_one(signal(scope), "/", promql.compared(common, ">", 0), scope.service) - 1
        low = promql.many_to_one(upper(context, scope), "<", common, scope.service)
        sure = promql.where(change, low)
        return _enough(sure, trials(scope), context) if trials else sure

    return value


def _usual(value: Callable[[QueryScope], Expr], scope: QueryScope, baseline: Baseline) -> Expr:
    """Return the usual value of a service, over all its model versions.

    It is the smaller of two medians, of the last days and of the same day of the last weeks, so that neither a
    weekend after a week nor a week after a holiday looks like a drop. Nothing, until the service has been seen
    for as many days as are looked at.
    """
    service = scope.by_service()
    medians = {"days": _median(value, service, baseline, range(1, baseline.days + 1))}
    if baseline.weeks:
        sevens = (_DAYS_A_WEEK * week for week in range(1, baseline.weeks + 1))
        medians["weeks"] = _median(value, service, baseline, sevens)
    oldest = REQUESTS.count(service.ago(baseline.back(baseline.days)))
    return promql.where(promql.among("min", medians, service.by), promql.compared(oldest, ">", 0))


def _median(value: Callable[[QueryScope], Expr], scope: QueryScope, baseline: Baseline, days: Iterable[int]) -> Expr:
    terms = {back: value(scope.ago(back)) for back in map(baseline.back, days)}
    return promql.among("quantile", terms, scope.by, _MEDIAN)


def wilson_upper(signal: Share) -> Bound:
    """Return what a share is at most, 0 being 0 also where nobody knows whether such things are counted at all."""

    def bound(context: Context, scope: QueryScope) -> Expr:
        return promql.wilson(signal.seen(scope), signal.trials(scope), context.config.baseline.sure)

    return bound


def exactly(signal: Signal) -> Bound:
    """Return a value that has no error of sampling."""
    return lambda _, scope: signal.expression(scope)


def poisson_upper(context: Context, scope: QueryScope) -> Expr:
    """Return what the number of requests to be expected is at most, given how many came."""
    return _at_most(service_requests(scope), 1, context)


def entropy_upper(signal: Signal) -> Bound:
    """Return what the diversity is at most.

    The standard deviation of -ln p is at most sqrt(ln(k-1)**2 / 4 + 1) for k categories (Reeb and Wolf, "Tight
    bound on relative entropy by entropy difference", 2015), thus that of the diversity at most 1/sqrt(n). The
    items of a slate are no independent draws, so n is the number of slates.
    """
    return lambda context, scope: signal.expression(scope) + _error(context, scope)


def mean_upper(signal: Signal) -> Bound:
    """Return what a mean list length is at most, the deviation of lengths being no more than their mean."""
    return lambda context, scope: signal.expression(scope) * (_error(context, scope) + 1)


def revenue_upper(signal: Share) -> Bound:
    """Return what the revenue per request is at most.

    Sales come by Poisson's law, and what each earns varies as much as its mean is. So revenue, measured in the
    mean sale of a week ago, has a variance of twice the number of sales.
    """

    def bound(context: Context, scope: QueryScope) -> Expr:
        baseline = context.config.baseline
        past = scope.by_service().over(baseline.day).ago(baseline.back(min(baseline.days, _DAYS_A_WEEK)))
        sale = context.record("order_value:past", ORDER_VALUE.expression(past))
        sales = promql.many_to_one(signal.seen(scope), "/", sale, scope.service)
        revenue = promql.many_to_one(_at_most(sales, _TWICE, context), "*", sale, scope.service)
        return promql.divided(revenue, signal.trials(scope))

    return bound


def requests(scope: QueryScope) -> Expr:
    """Return the number of requests."""
    return REQUESTS.count(scope)


def service_requests(scope: QueryScope) -> Expr:
    """Return the number of requests of a service: what share of them a version gets is nobody's fault."""
    return requests(scope.by_service())


def answered(scope: QueryScope) -> Expr:
    """Return the number of successful requests: of slates."""
    return SUCCESSES.count(scope)


def _error(context: Context, scope: QueryScope) -> Expr:
    return promql.number(context.config.baseline.sure) / promql.call("sqrt", promql.compared(answered(scope), ">", 0))


def _at_most(count: Expr, variance: float, context: Context) -> Expr:
    """Solve count = expected - z * sqrt(variance * expected) for what is expected."""
    half = context.config.baseline.sure**2 * variance / 2
    spread = promql.call("sqrt", count + half / 2) * math.sqrt(2 * half)
    return count + half + spread


def vanished(counted: Counted, attribute: Attribute) -> Value:
    """Return by how much the share of one value of a label has changed, where it used to matter."""

    def value(context: Context) -> Expr:
        scope = context.scope.by_service()
        now, then = _shares(counted, attribute, context, scope)
        change = promql.filled(now, then) / promql.compared(then, ">=", _RELEVANT_SHARE) - 1
        enough = promql.compared(counted.increase(scope), ">=", context.tuning.minimum_traffic)
        return promql.where(change, enough, scope.by)

    return value


def taking_over(counted: Counted, attribute: Attribute) -> Value:
    """Return the share of one value of a label, where it was less than half of that."""

    def value(context: Context) -> Expr:
        scope = context.scope
        now, _ = _shares(counted, attribute, context, scope)
        _, then = _shares(counted, attribute, context, scope.by_service())
        before = promql.many_to_one(now, ">", then * _TWICE, (*scope.service, attribute.name))
        new = promql.unless(now, then, (*scope.service, attribute.name))
        known = promql.where(promql.either(before, new), then, scope.service)
        enough = promql.compared(counted.increase(scope), ">=", context.tuning.minimum_traffic)
        return promql.where(known, enough, scope.by)

    return value


def _shares(counted: Counted, attribute: Attribute, context: Context, scope: QueryScope) -> tuple[Expr, Expr]:
    def of(moment: QueryScope) -> Expr:
        parts = counted.increase(moment.apart(attribute.name))
        return promql.many_to_one(parts, "/", promql.compared(counted.increase(moment), ">", 0), moment.by)

    return of(scope), of(scope.ago(context.tuning.back))


def drifted(context: Context) -> Expr:
    """Return how far the scores have moved, where that is no coincidence."""
    scope = context.scope
    now, then = (_scores(moment) for moment in (scope, scope.ago(context.tuning.back)))
    distance = score_drift(context.tuning.back).expression(scope)
    noise = promql.call("sqrt", (promql.number(1) / now) + (promql.number(1) / then)) * _COINCIDENCE
    return _enough(promql.compared(distance, ">", noise), now, context)


def _scores(scope: QueryScope) -> Expr:
    return promql.increase(f"{catalog.SCORE.prometheus}_count", scope)


def gone(context: Context) -> Expr:
    """Return 1 for each service that reported within some time and does not now."""
    return silent(context.tuning.back).expression(context.scope)


def by(label: Attribute, metric: Metric) -> Value:
    """Return how fast a counter rises for each value of a label."""
    counted = Counted(metric)
    return lambda context: counted.rate(context.scope.by_service().apart(label.name))


def always(_: Context) -> Expr:
    """Return 1, whatever happens."""
    return promql.call("vector", 1)
