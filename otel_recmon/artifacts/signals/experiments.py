"""The signals for variants without a configured experiment: lifts over a selected control, with 95% intervals."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import EXPERIMENTS
from otel_recmon.artifacts.promql import Expr, Matcher, QueryScope, equal
from otel_recmon.artifacts.signals.kinds import Counted, Share, Signal, SignalText, Unit, measure, mix
from otel_recmon.artifacts.signals.traffic import CONVERSION_RATE, CTR, ORDER_VALUE, REVENUE_PER_REQUEST

CONTROL: Final = "$control"
"""The dashboard variable that has the name of the control variant."""
Z: Final = 1.96
"""The z-score of a two-sided 95% interval of a normal distribution."""
Value = Callable[[QueryScope], Expr]
_VARIANT: Final = catalog.VARIANT.name
_INDEPENDENT: Final = (
    "The interval assumes that requests are independent. If users come back often, the interval is too narrow."
)

VARIANT_MIX: Final = mix(
    SignalText("variant_mix", "Requests by variant", EXPERIMENTS, "Requests of each variant, divided by all requests."),
    Counted(catalog.REQUESTS),
    catalog.VARIANT,
)


@dataclass(frozen=True)
class Estimate:
    """The signals of a value and of the bounds of its 95% confidence interval."""

    value: Signal
    low: Signal
    high: Signal


def _variance_of_share(share: Share, scope: QueryScope) -> Expr:
    """Return the variance of the natural logarithm of a share.

    For a proportion, the variance is 1/events - 1/trials (Katz and others, 1978). For a rate of Poisson events, the
    variance is 1/events.
    """
    part, whole = promql.compared(share.seen(scope), ">", 0), promql.compared(share.trials(scope), ">", 0)
    if share.unbounded:
        return promql.number(1) / part
    return promql.call("clamp_min", (promql.number(1) / part) - (promql.number(1) / whole), 0)


def _variance_of_revenue(scope: QueryScope) -> Expr:
    """Return the variance of the natural logarithm of the revenue.

    For n sales, the variance is 2/n. The formula assumes that the number of sales follows a Poisson distribution, and
    that the revenue per sale has a standard deviation equal to its mean.
    """
    return promql.number(2) / promql.compared(ORDER_VALUE.trials(scope), ">", 0)


def _arms(scope: QueryScope) -> tuple[QueryScope, QueryScope]:
    """Return two scopes: the scope of the compared variants, and the scope of the control."""
    common = tuple(matcher for matcher in scope.matchers if matcher.label != _VARIANT)
    arms = replace(scope.apart(_VARIANT), matchers=(*scope.matchers, Matcher(_VARIANT, "!=", CONTROL)))
    return arms, replace(scope.by_service(), matchers=(*common, equal(_VARIANT, CONTROL)))


def _lift(share: Share, variance: Value, z: float, scope: QueryScope) -> Expr:
    arms, control = _arms(scope)
    on = control.by
    ratio = promql.many_to_one(share.expression(arms), "/", promql.compared(share.expression(control), ">", 0), on)
    if not z:
        return ratio - 1
    spread = promql.call("sqrt", promql.many_to_one(variance(arms), "+", variance(control), on))
    return ratio * promql.call("exp", spread * z) - 1


def _bound(share: Share, variance: Value, z: float, scope: QueryScope) -> Expr:
    return share.expression(scope) * promql.call("exp", promql.call("sqrt", variance(scope)) * z)


def lift(share: Share, variance: Value, basis: str) -> Estimate:
    """Return the signals of the relative difference between the share of each variant and the share of the control.

    Args:
        share: The compared share.
        variance: The function that returns the variance of the natural logarithm of the share.
        basis: The sentence of the description that names the method of the interval.
    """
    meaning = f"{share.title} of each variant: 10% means 10% more than the control. {basis} {_INDEPENDENT}"

    def of(name: str, title: str, z: float) -> Signal:
        words = SignalText(f"{share.name}_{name}", f"{share.title}: {title}", EXPERIMENTS, meaning)
        return measure(words, Unit.SHARE, share.metrics, partial(_lift, share, variance, z), share.fixed)

    return Estimate(of("lift", "lift", 0), of("lift_low", "lift, at least", -Z), of("lift_high", "lift, at most", Z))


def _shared(share: Share) -> Estimate:
    return lift(
        share,
        partial(_variance_of_share, share),
        "The 95% interval assumes that the number of events has a Poisson distribution.",
    )


CTR_LIFT: Final = _shared(CTR)
CONVERSION_RATE_LIFT: Final = _shared(CONVERSION_RATE)
_REVENUE_BASIS: Final = (
    "The 95% interval assumes that the number of sales has a Poisson distribution, and that the revenue per sale has a "
    "standard deviation equal to its mean."
)
REVENUE_LIFT: Final = lift(REVENUE_PER_REQUEST, _variance_of_revenue, _REVENUE_BASIS)


def _share_bound(share: Share, name: str, bound: Value) -> Signal:
    words = SignalText(
        f"{share.name}_{name}",
        f"{share.title}, at {name}",
        share.page,
        f"{share.description} The value is one bound of the 95% interval.",
    )
    return measure(words, share.unit, share.metrics, bound, share.fixed)


def estimated(share: Share) -> Estimate:
    """Return the signals of a share and of the bounds of its 95% interval."""
    return Estimate(share, _share_bound(share, "least", share.lower), _share_bound(share, "most", share.upper))


CTR_ESTIMATE: Final = estimated(CTR)
CONVERSION_RATE_ESTIMATE: Final = estimated(CONVERSION_RATE)


def _revenue_bound(name: str, z: float) -> Signal:
    signal = REVENUE_PER_REQUEST
    words = SignalText(
        f"{signal.name}_{name}", f"{signal.title}, at {name}", signal.page, f"{signal.description} {_REVENUE_BASIS}"
    )
    return measure(words, signal.unit, signal.metrics, partial(_bound, signal, _variance_of_revenue, z), signal.fixed)


REVENUE_ESTIMATE: Final = Estimate(REVENUE_PER_REQUEST, _revenue_bound("least", -Z), _revenue_bound("most", Z))
