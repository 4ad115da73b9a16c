"""The kinds of signals: value, volume and share. A panel and an alert about the same figure use the same signal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import Final, Self

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import DashboardPage, panel_id
from otel_recmon.artifacts.promql import Expr, Matcher, QueryScope
from otel_recmon.catalog import Attribute, Metric
from otel_recmon.definitions import Count, Definition, Gauge, Quantity, Ratio

# After a restart, a counter may have no series before its first event. If the counter had series a day ago, the service
# counts such events, so a missing increase means 0. Without this rule, CtrLow would not fire for a release after which
# nobody clicks.
_A_DAY: Final = "1d"


class Unit(Enum):
    """The units of values. The value of a member is Grafana's name for the unit."""

    SHARE = "percentunit"
    SECONDS = "s"
    HOURS = "h"
    PER_SECOND = "reqps"
    EVENTS_PER_SECOND = "eps"
    COUNT = "locale"
    MONEY = "currencyUSD"
    TIMES = "none"
    PERCENT = "percent"


@dataclass(frozen=True)
class Signal:
    """A figure of panels and alerts, with its PromQL.

    Attributes:
        name: The stable name. The id of the panel is computed from the name.
        title: The title that users see.
        unit: The unit of the value.
        description: The definition of the figure, in one or two sentences.
        page: The dashboard that has the panel of the signal.
        metrics: The metrics of the catalog that the figure is computed from.
        value: The function that returns the PromQL of the figure for a scope.
        fixed: The labels that the definition fixes to some values, such as `status` in an error rate.
    """

    name: str
    title: str
    unit: Unit
    description: str
    page: DashboardPage
    metrics: tuple[Metric, ...]
    value: Callable[[QueryScope], Expr]
    fixed: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the signal can be split by: the labels of all metrics of the signal, except `fixed`."""
        sets = [set(metric.labels) - set(self.fixed) for metric in self.metrics]
        return tuple(sorted(set.intersection(*sets))) if sets else ()

    @property
    def panel(self) -> int:
        """The id of the panel of the signal."""
        return panel_id(self.name)

    def expression(self, scope: QueryScope) -> Expr:
        """Return the PromQL of the value. Labels of the scope that the signal does not have are ignored."""
        return self.value(scope.within(self.labels))


@dataclass(frozen=True)
class Limit:
    """A threshold of an alert. The alert compares the value of a signal with the threshold.

    Attributes:
        alert: The name of the alert.
        value: The threshold, in the unit of the signal.
        severity: The severity of the alert: warning or critical.
        below: True if the alert fires below the threshold, False if it fires above the threshold.
    """

    alert: str
    value: float
    severity: str
    below: bool


Limits = Mapping[str, tuple[Limit, ...]]
"""The limits of each signal, in ascending order. The key is the name of the signal."""


@dataclass(frozen=True)
class Counted:
    """A counted quantity, such as clicks or revenue: a counter, or the `_count` or `_sum` series of a histogram.

    Attributes:
        metric: The counter or histogram.
        matchers: The matchers that select some series of the metric.
        part: The suffix of the series of a histogram: "_count" or "_sum". It is empty for a counter.
    """

    metric: Metric
    matchers: tuple[Matcher, ...] = ()
    part: str = ""

    @classmethod
    def of(cls, quantity: Quantity) -> Self:
        """Return the PromQL counterpart of a count from `definitions`.

        Raises:
            TypeError: The quantity is the value of a gauge.
        """
        if not isinstance(quantity, Count):
            raise TypeError(f"{quantity.name} is not counted")
        if quantity.label is None:
            return cls(quantity.metric, part=quantity.part)
        return cls(quantity.metric, (one_of(quantity.label, *quantity.values),), quantity.part)

    @property
    def name(self) -> str:
        """The name of the series in Prometheus."""
        return self.metric.prometheus + self.part

    @property
    def fixed(self) -> tuple[str, ...]:
        """The labels of the matchers."""
        return tuple(matcher.label for matcher in self.matchers)

    def rate(self, scope: QueryScope) -> Expr:
        """Return the increase per second."""
        return promql.rate(self.name, scope, *self.matchers)

    def increase(self, scope: QueryScope) -> Expr:
        """Return the increase within the window."""
        return promql.increase(self.name, scope, *self.matchers)

    def known(self, scope: QueryScope) -> Expr:
        """Return 1 for each service that has series of the metric now, or had such series a day ago."""
        service = scope.by_service().within(())
        moments = (service, service.ago(_A_DAY))
        found = (promql.aggregate("group", promql.series(self.name, at), at.by) for at in moments)
        return promql.either(*found)


@dataclass(frozen=True)
class Volume(Signal):
    """The signal of a counted quantity. The value of the signal is the increase per second."""

    counted: Counted

    def count(self, scope: QueryScope) -> Expr:
        """Return the increase within the window."""
        return self.counted.increase(scope.within(self.labels))

    def total(self, scope: QueryScope) -> Expr:
        """Return the increase within the window. A missing increase is 0 for services that `Counted.known` returns."""
        return promql.filled(self.count(scope), self.counted.known(scope))


@dataclass(frozen=True)
class Share(Signal):
    """The signal of one count divided by another count, with the bounds of a confidence interval.

    Attributes:
        part: Returns the numerator. The definition of the signal decides whether a missing numerator counts as 0.
        whole: Returns the denominator.
        counted: Returns the numerator for `seen`, in which a missing numerator always counts as 0.
        unbounded: Whether the share can exceed 1. If True, the interval is that of a Poisson count, else Wilson's.
    """

    part: Callable[[QueryScope], Expr]
    whole: Callable[[QueryScope], Expr]
    counted: Callable[[QueryScope], Expr]
    unbounded: bool = False

    def trials(self, scope: QueryScope) -> Expr:
        """Return the denominator within the window, which is the number of trials of the proportion."""
        return self.whole(scope.within(self.labels))

    def successes(self, scope: QueryScope) -> Expr:
        """Return the numerator within the window.

        The definition of the signal decides whether a missing numerator counts as 0.
        """
        return self.part(scope.within(self.labels))

    def seen(self, scope: QueryScope) -> Expr:
        """Return the numerator within the window. A missing numerator counts as 0."""
        narrow = scope.within(self.labels)
        return promql.filled(self.counted(narrow), self.whole(narrow))

    def upper(self, scope: QueryScope, z: float = 1.96) -> Expr:
        """Return the upper bound of the share. `z` is a normal quantile: 1.96 for a two-sided 95 % interval."""
        return self.bound(self.successes(scope), scope, z)

    def lower(self, scope: QueryScope, z: float = 1.96) -> Expr:
        """Return the lower bound of the share. `z` is a normal quantile: 1.96 for a two-sided 95 % interval."""
        return self.bound(self.successes(scope), scope, -z)

    def bound(self, events: Expr, scope: QueryScope, z: float) -> Expr:
        """Return a bound of the share for the numerator `events`: the upper bound if `z` > 0, the lower if `z` < 0."""
        method = promql.poisson if self.unbounded else promql.wilson
        return method(events, self.trials(scope), z)

    def variance(self, share: float) -> float:
        """Return the variance of the number of events of one trial, whose mean is `share`.

        The number has a Poisson distribution if the share is unbounded, else a Bernoulli distribution.
        """
        return share if self.unbounded else max(0.0, share * (1 - share))


@dataclass(frozen=True)
class SignalText:
    """The texts of a signal, and the dashboard that has its panel."""

    name: str
    title: str
    page: DashboardPage
    description: str


def text_of(definition: Definition, page: DashboardPage) -> SignalText:
    """Return the texts of a definition, for a signal with a panel on the page."""
    return SignalText(definition.name, definition.title, page, definition.meaning)


def measure(
    text: SignalText,
    unit: Unit,
    metrics: tuple[Metric, ...],
    value: Callable[[QueryScope], Expr],
    fixed: tuple[str, ...] = (),
) -> Signal:
    """Return a signal whose PromQL is returned by the function `value`."""
    return Signal(text.name, text.title, unit, text.description, text.page, metrics, value, fixed=fixed)


def volume(text: SignalText, counted: Counted, unit: Unit = Unit.PER_SECOND) -> Volume:
    """Return the signal of a counted quantity."""
    return Volume(
        text.name,
        text.title,
        unit,
        text.description,
        text.page,
        (counted.metric,),
        counted.rate,
        counted,
        fixed=counted.fixed,
    )


def share(
    text: SignalText,
    metrics: tuple[Metric, ...],
    part: Callable[[QueryScope], Expr],
    whole: Callable[[QueryScope], Expr],
) -> Share:
    """Return the signal that divides one expression by another.

    Args:
        text: The texts of the signal.
        metrics: The metrics of both expressions.
        part: Returns the numerator.
        whole: Returns the denominator.
    """

    def value(scope: QueryScope) -> Expr:
        return promql.divided(part(scope), whole(scope))

    return Share(text.name, text.title, Unit.SHARE, text.description, text.page, metrics, value, part, whole, part)


def over(text: SignalText, part: Counted, whole: Counted, *, zero: bool = False, unit: Unit = Unit.SHARE) -> Share:
    """Return the signal that divides one count by another.

    Args:
        text: The texts of the signal.
        part: The numerator.
        whole: The denominator.
        zero: Whether a missing numerator always counts as 0. If False, a missing numerator counts as 0 only for a
            service that has series of the numerator now or had such series a day ago. For all other services, the share
            is missing.
        unit: The unit of the value.
    """
    found = share(text, (part.metric, whole.metric), partial(_part, part, whole, zero), whole.increase)
    return replace(found, unit=unit, counted=part.increase, fixed=part.fixed + whole.fixed)


def defined_volume(count: Count, page: DashboardPage, unit: Unit = Unit.PER_SECOND) -> Volume:
    """Return the signal of a count from `definitions`."""
    return volume(text_of(count, page), Counted.of(count), unit)


def defined_share(ratio: Ratio, page: DashboardPage, unit: Unit = Unit.SHARE) -> Share:
    """Return the signal of a ratio from `definitions`."""
    part, (whole,) = Counted.of(ratio.numerator), map(Counted.of, ratio.denominator)
    return replace(over(text_of(ratio, page), part, whole, zero=ratio.zero, unit=unit), unbounded=ratio.unbounded)


def defined_gauge(gauge: Gauge, page: DashboardPage, unit: Unit) -> Signal:
    """Return the signal of a gauge from `definitions`. PromQL aggregates the values of all processes."""

    def value(scope: QueryScope) -> Expr:
        return promql.aggregate(gauge.merge.value, promql.series(gauge.metric.prometheus, scope), scope.by)

    return measure(text_of(gauge, page), unit, (gauge.metric,), value)


def _part(part: Counted, whole: Counted, zero: bool, scope: QueryScope) -> Expr:
    like = whole.increase(scope)
    # `known` reads the series of now and of a day ago. They say nothing about the time of an offset, so a missing past
    # value stays missing.
    if scope.offset and not zero:
        return part.increase(scope)
    known = like if zero else promql.where(like, part.known(scope), scope.service)
    return promql.filled(part.increase(scope), known)


def labelled(metric: Metric, attribute: Attribute, *values: str) -> Counted:
    """Return the count of the events for which the label has one of the values."""
    return Counted(metric, (one_of(attribute, *values),))


def one_of(attribute: Attribute, *values: str) -> Matcher:
    """Return the matcher that selects some values of a label."""
    return Matcher(attribute.name, "=" if len(values) == 1 else "=~", "|".join(values))


def _mix(counted: Counted, attribute: Attribute, scope: QueryScope) -> Expr:
    parts = counted.increase(scope.apart(attribute.name))
    return promql.many_to_one(parts, "/", promql.compared(counted.increase(scope), ">", 0), scope.by)


def mix(text: SignalText, counted: Counted, attribute: Attribute) -> Signal:
    """Return the signal of a mix: the count for each value of a label, divided by the count for all values."""
    return measure(text, Unit.SHARE, (counted.metric,), partial(_mix, counted, attribute), (attribute.name,))


def distribution(text: SignalText, metric: Metric) -> Signal:
    """Return the signal of the number of events in each bucket of a histogram. Buckets are cumulative."""

    def value(scope: QueryScope) -> Expr:
        return promql.increase(f"{metric.prometheus}_bucket", scope.apart("le"))

    return measure(text, Unit.COUNT, (metric,), value)
