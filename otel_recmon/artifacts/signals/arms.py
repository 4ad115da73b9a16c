"""The signals of experiments: differences between treatments and their control, with confidence sequences."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import EXPERIMENTS
from otel_recmon.artifacts.promql import Expr, QueryScope
from otel_recmon.artifacts.settings.thresholds import Experiments
from otel_recmon.artifacts.signals.kinds import Counted, Share, Signal, SignalText, Unit, Volume, measure, over, volume
from otel_recmon.artifacts.signals.sequential import Bounds, Difference, by_arm, ratio, role, split
from otel_recmon.artifacts.signals.traffic import ERROR_RATE, LATENCY_P95
from otel_recmon.catalog import Metric

Counts = Callable[[Metric], Expr]
"""A function that returns the increase of a counter, by arm and bucket of users."""
MakeBounds = Callable[[Experiments], Bounds]
Compare = Callable[[QueryScope, Counts], Difference]
_FIXED: Final = (catalog.BUCKET.name, catalog.ROLE.name)
_OVER: Final = "The value is the relative difference from the control: 10% means 10% more than the control."
_VERDICT: Final = (
    "The value is the difference from the control, divided by half the distance between the bounds of the difference. "
    "Below -1, the figure of the treatment is significantly lower than that of the control. Above 1, it is "
    "significantly higher. From -1 to 1, the result is undecided."
)
_ALWAYS: Final = (
    "With the configured probability, the bounds contain the true difference at all times, however often you look. The "
    "bounds assume that users are independent. Requests of the same user need not be independent. The time range must "
    "contain the whole experiment."
)


def counts(scope: QueryScope) -> Counts:
    """Return a function that returns the increase of a counter within the window, by arm and bucket."""
    buckets = scope.by_service().apart(*by_arm(scope), catalog.BUCKET.name)
    return lambda metric: Counted(metric).increase(buckets)


def bounds(settings: Experiments) -> Bounds:
    """Return the parameters of the bounds of differences between rates, such as clicks per exposure."""
    return Bounds(settings.harm, settings.events)


def split_bounds(settings: Experiments) -> Bounds:
    """Return the parameters of the bounds of the split of exposures between arms."""
    return Bounds(settings.mismatch, settings.exposures)


@dataclass(frozen=True)
class Judged:
    """The comparison of a figure between each treatment and the control, with its signals.

    Attributes:
        value: The signal of the relative difference. This signal does not depend on settings.
        meaning: The definition of the compared figure.
        compare: The function that returns the difference from which all signals are derived.
        bounds_of: The function that returns the parameters of the bounds for the settings.
    """

    value: Signal
    meaning: str
    compare: Compare
    bounds_of: MakeBounds

    def low(self, settings: Experiments) -> Signal:
        """Return the signal of the lower bound of the relative difference."""
        bounds = self.bounds_of(settings)
        return self._derived("_low", ", at least", _OVER, lambda difference: difference.low(bounds))

    def high(self, settings: Experiments) -> Signal:
        """Return the signal of the upper bound of the relative difference."""
        bounds = self.bounds_of(settings)
        return self._derived("_high", ", at most", _OVER, lambda difference: difference.high(bounds))

    def evidence(self, settings: Experiments) -> Signal:
        """Return the signal of the evidence: the difference divided by half the distance between its bounds."""
        bounds = self.bounds_of(settings)
        signal = self._derived("_evidence", ": verdict", _VERDICT, lambda difference: difference.evidence(bounds))
        return replace(signal, unit=Unit.TIMES)

    def _derived(self, name: str, title: str, meaning: str, value: Callable[[Difference], Expr]) -> Signal:
        return replace(
            self.value,
            name=f"{self.value.name}{name}",
            title=f"{self.value.title}{title}",
            description=f"{self.meaning} {meaning} {_ALWAYS}",
            value=lambda scope: value(self.compare(scope, counts(scope))),
        )


def _judged(words: SignalText, metrics: tuple[Metric, ...], compare: Compare, bounds_of: MakeBounds) -> Judged:
    value = measure(
        replace(words, description=f"{words.description} {_OVER}"),
        Unit.SHARE,
        (*metrics, catalog.EXPECTED_SHARE),
        lambda scope: compare(scope, counts(scope)).value(),
        _FIXED,
    )
    return Judged(value, words.description, compare, bounds_of)


_EXPOSURES: Final = catalog.EXPERIMENT_EXPOSURES


def _per_exposure(name: str, title: str, metric: Metric, events: Metric | None = None) -> Judged:
    def compare(scope: QueryScope, count: Counts) -> Difference:
        return ratio(scope, count(metric), count(_EXPOSURES), count(events) if events else None)

    meaning = f"{title} of each treatment."
    metrics = (metric, _EXPOSURES, *((events,) if events else ()))
    return _judged(SignalText(name, title, EXPERIMENTS, meaning), metrics, compare, bounds)


SPLIT: Final = _judged(
    SignalText("arm_split", "Split", EXPERIMENTS, "Exposures of each treatment, divided by its expected share."),
    (_EXPOSURES,),
    lambda scope, count: split(scope, count(_EXPOSURES)),
    split_bounds,
)
CLICKS: Final = _per_exposure("arm_clicks", "Clicks per exposure", catalog.EXPERIMENT_CLICKS)
CONVERSIONS: Final = _per_exposure("arm_conversions", "Conversions per exposure", catalog.EXPERIMENT_CONVERSIONS)
REVENUE: Final = _per_exposure(
    "arm_revenue", "Revenue per exposure", catalog.EXPERIMENT_REVENUE, catalog.EXPERIMENT_CONVERSIONS
)
JUDGED: Final = (SPLIT, CLICKS, CONVERSIONS, REVENUE)


def _counted(name: str, title: str, metric: Metric, unit: Unit = Unit.EVENTS_PER_SECOND) -> Volume:
    return volume(SignalText(name, title, EXPERIMENTS, metric.brief), Counted(metric), unit)


EXPOSED: Final = _counted("arm_exposed", "Exposures", _EXPOSURES)
CLICKED: Final = _counted("arm_clicked", "Clicks", catalog.EXPERIMENT_CLICKS)
CONVERTED: Final = _counted("arm_converted", "Conversions", catalog.EXPERIMENT_CONVERSIONS)
EARNED: Final = _counted("arm_earned", "Revenue", catalog.EXPERIMENT_REVENUE, Unit.MONEY)


def _rate(name: str, title: str, metric: Metric, unit: Unit = Unit.SHARE) -> Share:
    words = SignalText(name, f"{title} per exposure, in each arm", EXPERIMENTS, f"{title} over exposures.")
    return over(words, Counted(metric), Counted(_EXPOSURES), zero=True, unit=unit)


CLICK_RATE: Final = _rate("arm_click_rate", "Clicks", catalog.EXPERIMENT_CLICKS)
CONVERSION_RATE: Final = _rate("arm_conversion_rate", "Conversions", catalog.EXPERIMENT_CONVERSIONS)
EARNING: Final = _rate("arm_earning", "Revenue", catalog.EXPERIMENT_REVENUE, Unit.MONEY)


def side(scope: QueryScope, name: str, value: Expr) -> Expr:
    """Return the values of the arms that have the role `name`, with the labels of the arm.

    Args:
        scope: The scope of the services.
        name: The role, such as "control".
        value: The values, by variant.
    """
    return promql.many_to_one(role(scope, name), "*", value, (*scope.service, catalog.VARIANT.name))


def against(scope: QueryScope, operator: str, signal: Callable[[QueryScope], Expr]) -> Expr:
    """Return the value of a signal for each treatment, joined by an operator with the value for the control."""
    value = signal(scope.by_service().apart(catalog.VARIANT.name))
    sides = side(scope, catalog.TREATMENT, value), side(scope, catalog.CONTROL, value)
    return promql.many_to_one(sides[0], operator, sides[1], (*scope.service, catalog.EXPERIMENT.name))


def _guardrail(words: SignalText, signal: Signal, unit: Unit, value: Callable[[QueryScope], Expr]) -> Signal:
    return measure(words, unit, (*signal.metrics, catalog.EXPECTED_SHARE), value, signal.fixed)


SLOWER: Final = _guardrail(
    SignalText(
        "arm_latency", "Latency, P95, vs. control", EXPERIMENTS, f"{LATENCY_P95.title} of each treatment. {_OVER}"
    ),
    LATENCY_P95,
    Unit.SHARE,
    lambda scope: against(scope, "/", LATENCY_P95.expression) - 1,
)
FAILING_MORE: Final = _guardrail(
    SignalText(
        "arm_errors",
        "Error rate vs. control",
        EXPERIMENTS,
        f"{ERROR_RATE.description} The value is the difference from the control in percentage points.",
    ),
    ERROR_RATE,
    Unit.SHARE,
    lambda scope: against(scope, "-", ERROR_RATE.expression),
)
