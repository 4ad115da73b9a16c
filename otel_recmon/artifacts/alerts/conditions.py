"""The PromQL expressions of alerts: values of signals, filtered by minimum traffic and by statistical significance."""

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
"""A function that returns the PromQL of an alert. Docstrings of functions that return a Value describe its result."""
Bound = Callable[[Context, QueryScope], Expr]
"""A function that returns the expression of an upper confidence bound."""
_DAYS_A_WEEK: Final = 7
_MEDIAN: Final = 0.5
_RELEVANT_SHARE: Final = 0.05
"""The minimum earlier share of a label value, such as a position. If a smaller share vanishes, no alert fires."""
_TWICE: Final = 2
_KOLMOGOROV: Final = 1.63
"""The critical value of the two-sample Kolmogorov-Smirnov test at a significance level of 1 %."""


def plain(signal: Signal) -> Value:
    """Return the value of a signal, without a condition on the traffic."""
    return lambda context: signal.expression(context.scope)


def with_traffic(signal: Signal, trials: Callable[[QueryScope], Expr]) -> Value:
    """Return the value of a signal, but only if `trials` is at least the minimum traffic of the alert."""
    return lambda context: _with_traffic(signal.expression(context.scope), trials(context.scope), context)


def _with_traffic(value: Expr, trials: Expr, context: Context) -> Expr:
    minimum = context.tuning.minimum_traffic
    return promql.where(value, promql.compared(trials, ">=", minimum)) if minimum else value


def significantly_below(signal: Share) -> Value:
    """Return a share, but only if its upper confidence bound is below the threshold."""
    return lambda context: _significantly(signal, "<", "-", context)


def significantly_above(signal: Share) -> Value:
    """Return a share, but only if its lower confidence bound is above the threshold."""
    return lambda context: _significantly(signal, ">", "+", context)


def _significantly(signal: Share, operator: str, sign: str, context: Context) -> Expr:
    # The interval contains each value p that differs from the share by at most z * sqrt(v(p) / n). Here v(p) is the
    # variance of one trial: p * (1 - p) for a proportion, p for a rate of Poisson events. So the interval does not
    # contain the threshold t if the share differs from t by more than z * sqrt(v(t) / n). This condition is a shorter
    # expression than the bounds of the interval.
    limit = context.threshold
    trials = signal.trials(context.scope)
    spread = context.config.general.z * math.sqrt(signal.variance(limit))
    margin = promql.number(spread) / promql.call("sqrt", promql.compared(trials, ">", 0))
    significant = promql.compared(signal.expression(context.scope), operator, promql.binary(limit, sign, margin))
    return _with_traffic(significant, trials, context)


def burning(key: str, burn_rate: Signal) -> Value:
    """Return the burn rate of the error budget: the minimum of the burn rates in a long and in a short window.

    The long window shows that a relevant part of the budget is lost. The short window resets the alert soon after the
    burning stops (The Site Reliability Workbook, chapter 5, "Alerting on SLOs", section 6).

    Args:
        key: The last part of the names of the recording rules.
        burn_rate: The signal that is computed over each of the two windows.
    """

    def value(context: Context) -> Expr:
        scope = context.scope
        long = context.record(f"burn_rate:{key}", burn_rate.expression(scope))
        short = burn_rate.expression(scope.over(context.tuning.short_window))
        trials = context.record(f"slo_responses:{key}", BAD_RESPONSES.trials(scope))
        return _with_traffic(promql.smaller(short, long), trials, context)

    return value


def below_baseline(
    key: str, signal: Callable[[QueryScope], Expr], upper: Bound, trials: Callable[[QueryScope], Expr] | None = None
) -> Value:
    """Return the difference from the baseline for each model version, as a fraction of the baseline.

    A model version has a result only if its value is significantly below the baseline.

    Args:
        key: The first part of the name of the recording rule.
        signal: The value that is compared with the baseline.
        upper: The upper confidence bound of the value.
        trials: The count that must reach the minimum traffic of the alert. If None, the baseline must.
    """

    def value(context: Context) -> Expr:
        scope = context.scope.over(context.config.baseline.window)
        baseline = context.record(f"{key}:usual", _baseline(signal, scope, context.config.baseline))
        if trials is None:
            baseline = promql.compared(baseline, ">=", context.tuning.minimum_traffic)
        change = promql.many_to_one(signal(scope), "/", promql.compared(baseline, ">", 0), scope.service) - 1
        lower = promql.many_to_one(upper(context, scope), "<", baseline, scope.service)
        significant = promql.where(change, lower)
        return _with_traffic(significant, trials(scope), context) if trials else significant

    return value


def _baseline(value: Callable[[QueryScope], Expr], scope: QueryScope, baseline: Baseline) -> Expr:
    """Return the baseline of a service: one value for all its model versions together.

    The baseline is the smaller of two medians: the median of the preceding days, and the median of the same weekday
    in the preceding weeks. So the first day of a weekend and the first day after a holiday do not look like a drop.
    A service has a baseline only if the service had requests in the same window on the oldest of the preceding days.
    """
    service = scope.by_service()
    medians = {"days": _median(value, service, baseline, range(1, baseline.days + 1))}
    if baseline.weeks:
        multiples_of_7 = (_DAYS_A_WEEK * week for week in range(1, baseline.weeks + 1))
        medians["weeks"] = _median(value, service, baseline, multiples_of_7)
    oldest = REQUESTS.count(service.ago(baseline.offset(baseline.days)))
    return promql.where(promql.among("min", medians, service.by), promql.compared(oldest, ">", 0))


def _median(value: Callable[[QueryScope], Expr], scope: QueryScope, baseline: Baseline, days: Iterable[int]) -> Expr:
    terms = {offset: value(scope.ago(offset)) for offset in map(baseline.offset, days)}
    return promql.among("quantile", terms, scope.by, _MEDIAN)


def share_upper(signal: Share) -> Bound:
    """Return the upper confidence bound of a share. A missing numerator counts as 0."""

    def bound(context: Context, scope: QueryScope) -> Expr:
        return signal.bound(signal.seen(scope), scope, context.config.baseline.z)

    return bound


def exact(signal: Signal) -> Bound:
    """Return the value of a signal as its upper bound. Use this bound only for a signal without sampling error."""
    return lambda _, scope: signal.expression(scope)


def poisson_upper(context: Context, scope: QueryScope) -> Expr:
    """Return the Poisson upper bound of the expected number of requests to a service."""
    return _expected_at_most(service_requests(scope), 1, context)


def entropy_upper(signal: Signal) -> Bound:
    """Return the upper bound of the diversity.

    The diversity is the mean of -ln p divided by ln k. Here k is the number of categories, and p is the share of a
    category in all items. The standard deviation of -ln p is at most sqrt(ln(k-1)**2 / 4 + 1) (Reeb and Wolf, "Tight
    bound on relative entropy by entropy difference", 2015). This limit, divided by ln k, is 0.96 for k = 3 and smaller
    for more categories. So the standard error of the diversity is at most 1/sqrt(n). Here n is the number of slates,
    because the items of one slate are not independent draws.
    """
    return lambda context, scope: signal.expression(scope) + _margin(context, scope)


def mean_upper(signal: Signal) -> Bound:
    """Return the upper bound of the mean list length.

    The bound assumes that the standard deviation of the list lengths is at most their mean.
    """
    return lambda context, scope: signal.expression(scope) * (_margin(context, scope) + 1)


def revenue_upper(signal: Share) -> Bound:
    """Return the upper bound of the revenue per request.

    Two assumptions are made: the number of sales follows a Poisson distribution, and the standard deviation of the
    revenue per sale equals its mean. If revenue is measured in units of the mean revenue per sale, the variance of the
    revenue is twice the number of sales. The mean revenue per sale is computed over one day, a week ago. If the
    baseline has fewer than 7 days, the oldest day of the baseline is used instead.
    """

    def bound(context: Context, scope: QueryScope) -> Expr:
        baseline = context.config.baseline
        past = scope.by_service().over(baseline.day).ago(baseline.offset(min(baseline.days, _DAYS_A_WEEK)))
        sale = context.record("order_value:past", ORDER_VALUE.expression(past))
        sales = promql.many_to_one(signal.seen(scope), "/", sale, scope.service)
        revenue = promql.many_to_one(_expected_at_most(sales, _TWICE, context), "*", sale, scope.service)
        return promql.divided(revenue, signal.trials(scope))

    return bound


def requests(scope: QueryScope) -> Expr:
    """Return the number of requests."""
    return REQUESTS.count(scope)


def service_requests(scope: QueryScope) -> Expr:
    """Return the number of requests to a service.

    The number is the sum over all model versions, because traffic that moves from one version to another is not lost.
    """
    return requests(scope.by_service())


def successful_requests(scope: QueryScope) -> Expr:
    """Return the number of successful requests, which is the number of slates."""
    return SUCCESSES.count(scope)


def _margin(context: Context, scope: QueryScope) -> Expr:
    slates = promql.compared(successful_requests(scope), ">", 0)
    return promql.number(context.config.baseline.z) / promql.call("sqrt", slates)


def _expected_at_most(count: Expr, variance: float, context: Context) -> Expr:
    """Return the largest expected value that is compatible with a count.

    The result is the solution of count = expected - z * sqrt(variance * expected).

    Args:
        count: The observed number of events.
        variance: The variance of the count, as a multiple of its expected value: 1 for a Poisson distribution.
        context: Contains z, the number of standard deviations.
    """
    half = context.config.baseline.z**2 * variance / 2
    spread = promql.call("sqrt", count + half / 2) * math.sqrt(2 * half)
    return count + half + spread


def vanished(counted: Counted, attribute: Attribute) -> Value:
    """Return the relative change, since `offset` ago, of the share of each label value, such as a position, in a count.

    A label value has a result only if its earlier share was at least _RELEVANT_SHARE.
    """

    def value(context: Context) -> Expr:
        scope = context.scope.by_service()
        now, then = _shares(counted, attribute, context, scope)
        change = promql.filled(now, then) / promql.compared(then, ">=", _RELEVANT_SHARE) - 1
        enough = promql.compared(counted.increase(scope), ">=", context.tuning.minimum_traffic)
        return promql.where(change, enough, scope.by)

    return value


def taking_over(counted: Counted, attribute: Attribute) -> Value:
    """Return the share of each label value, such as a category, in a count.

    A label value has a result only if its share has more than doubled since `offset` ago, or if the label value is new.
    """

    def value(context: Context) -> Expr:
        scope = context.scope
        now, _ = _shares(counted, attribute, context, scope)
        _, then = _shares(counted, attribute, context, scope.by_service())
        doubled = promql.many_to_one(now, ">", then * _TWICE, (*scope.service, attribute.name))
        new = promql.unless(now, then, (*scope.service, attribute.name))
        # If there are no earlier shares at all, the service itself is new. Then every label value would look new.
        known = promql.where(promql.either(doubled, new), then, scope.service)
        enough = promql.compared(counted.increase(scope), ">=", context.tuning.minimum_traffic)
        return promql.where(known, enough, scope.by)

    return value


def _shares(counted: Counted, attribute: Attribute, context: Context, scope: QueryScope) -> tuple[Expr, Expr]:
    def of(moment: QueryScope) -> Expr:
        parts = counted.increase(moment.apart(attribute.name))
        return promql.many_to_one(parts, "/", promql.compared(counted.increase(moment), ">", 0), moment.by)

    return of(scope), of(scope.ago(context.tuning.offset))


def drifted(context: Context) -> Expr:
    """Return the distance between the present and the past distribution of scores, if the distance is significant."""
    scope = context.scope
    now, then = (_scores(moment) for moment in (scope, scope.ago(context.tuning.offset)))
    distance = score_drift(context.tuning.offset).expression(scope)
    noise = promql.call("sqrt", (promql.number(1) / now) + (promql.number(1) / then)) * _KOLMOGOROV
    return _with_traffic(promql.compared(distance, ">", noise), now, context)


def _scores(scope: QueryScope) -> Expr:
    return promql.increase(f"{catalog.SCORE.prometheus}_count", scope)


def silent_service(context: Context) -> Expr:
    """Return 1 for each service that sent metrics within the alert's `offset` but sends no metrics now."""
    return silent(context.tuning.offset).expression(context.scope)


def rate_by(label: Attribute, metric: Metric) -> Value:
    """Return the rate per second of a counter for each value of a label."""
    counted = Counted(metric)
    return lambda context: counted.rate(context.scope.by_service().apart(label.name))


def always(_: Context) -> Expr:
    """Return an expression whose value is always 1."""
    return promql.call("vector", 1)
