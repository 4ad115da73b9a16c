"""The kinds of signals: value, volume and share. Panels and alerts take their PromQL from the same signal."""

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

# After a restart, a counter may have no series before its first event. If it had series a day ago, the service counts
# such events, so a missing increase is 0. Otherwise CtrLow would be silent for a release after which nobody clicks.
_A_DAY: Final = "1d"


class Unit(Enum):
    """The unit of a value, by its name in Grafana."""

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
    """A figure with its PromQL.

    Attributes:
        name: The stable name, from which the id of its panel is computed.
        title: The name for people.
        unit: The unit of the value.
        description: The definition, in one or two sentences.
        page: The dashboard with its panel.
        metrics: The metrics of the catalog that it is computed from.
        value: Returns the expression of the value.
        fixed: The labels that its definition selects values of, such as the status in an error rate.
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
        """The labels of the catalog by which it can be split: those that all its metrics have."""
        sets = [set(metric.labels) - set(self.fixed) for metric in self.metrics]
        return tuple(sorted(set.intersection(*sets))) if sets else ()

    @property
    def panel(self) -> int:
        """The id of its panel on its page."""
        return panel_id(self.name)

    def expression(self, scope: QueryScope) -> Expr:
        """Return the PromQL of the value. Labels of the scope that the signal does not have are left out."""
        return self.value(scope.within(self.labels))


@dataclass(frozen=True)
class Limit:
    """A threshold that an alert compares a signal's value with.

    Attributes:
        alert: The name of the alert.
        value: The threshold, in the signal's unit.
        severity: The severity of the alert: warning or critical.
        below: Whether the alert fires below the threshold, rather than above it.
    """

    alert: str
    value: float
    severity: str
    below: bool


Limits = Mapping[str, tuple[Limit, ...]]
"""The limits of signals, by the name of the signal, in ascending order."""


@dataclass(frozen=True)
class Counted:
    """The increase of a counter, or of the count or the sum of a histogram.

    Attributes:
        metric: The counter or histogram.
        matchers: The condition that selects a part of its series.
        part: The suffix of the series of a histogram: "_count" or "_sum".
    """

    metric: Metric
    matchers: tuple[Matcher, ...] = ()
    part: str = ""

    @classmethod
    def of(cls, quantity: Quantity) -> Self:
        """Return the PromQL of a defined count.

        Raises:
            TypeError: If the quantity is the value of a gauge.
        """
        if not isinstance(quantity, Count):
            raise TypeError(f"{quantity.name} is not counted")
        if quantity.label is None:
            return cls(quantity.metric, part=quantity.part)
        return cls(quantity.metric, (one_of(quantity.label, *quantity.values),), quantity.part)

    @property
    def name(self) -> str:
        """The name of the series."""
        return self.metric.prometheus + self.part

    @property
    def fixed(self) -> tuple[str, ...]:
        """The labels of the matchers."""
        return tuple(matcher.label for matcher in self.matchers)

    def rate(self, scope: QueryScope) -> Expr:
        """Return the rate per second."""
        return promql.rate(self.name, scope, *self.matchers)

    def increase(self, scope: QueryScope) -> Expr:
        """Return the increase within the window."""
        return promql.increase(self.name, scope, *self.matchers)

    def known(self, scope: QueryScope) -> Expr:
        """Return 1 for each service that has these series now or had them a day ago."""
        service = scope.by_service().within(())
        moments = (service, service.ago(_A_DAY))
        found = (promql.aggregate("group", promql.series(self.name, at), at.by) for at in moments)
        return promql.either(*found)


@dataclass(frozen=True)
class Volume(Signal):
    """A count of events; its value is the rate per second."""

    counted: Counted

    def count(self, scope: QueryScope) -> Expr:
        """Return the increase within the window."""
        return self.counted.increase(scope.within(self.labels))

    def total(self, scope: QueryScope) -> Expr:
        """Return the increase within the window; 0, not missing, for a service that has such series."""
        return promql.filled(self.count(scope), self.counted.known(scope))


@dataclass(frozen=True)
class Share(Signal):
    """One count divided by another, with the bounds of its Wilson interval.

    Attributes:
        part: Returns the numerator; 0 if there are no events but the service is known to count them.
        whole: Returns the denominator.
        counted: Returns the numerator; missing if there are no events.
    """

    part: Callable[[QueryScope], Expr]
    whole: Callable[[QueryScope], Expr]
    counted: Callable[[QueryScope], Expr]

    def trials(self, scope: QueryScope) -> Expr:
        """Return the denominator within the window: the number of trials of the proportion."""
        return self.whole(scope.within(self.labels))

    def successes(self, scope: QueryScope) -> Expr:
        """Return the numerator within the window; missing if it is unknown whether the service counts such events."""
        return self.part(scope.within(self.labels))

    def seen(self, scope: QueryScope) -> Expr:
        """Return the numerator within the window. A missing one counts as 0."""
        narrow = scope.within(self.labels)
        return promql.filled(self.counted(narrow), self.whole(narrow))

    def upper(self, scope: QueryScope, z: float = 1.96) -> Expr:
        """Return the Wilson upper bound for `z` standard deviations."""
        return promql.wilson(self.successes(scope), self.trials(scope), z)

    def lower(self, scope: QueryScope, z: float = 1.96) -> Expr:
        """Return the Wilson lower bound for `z` standard deviations."""
        return promql.wilson(self.successes(scope), self.trials(scope), -z)


@dataclass(frozen=True)
class SignalText:
    """The name, title, page and description of a signal."""

    name: str
    title: str
    page: DashboardPage
    description: str


def text_of(definition: Definition, page: DashboardPage) -> SignalText:
    """Return the text of a signal that shows a definition on a page."""
    return SignalText(definition.name, definition.title, page, definition.meaning)


def measure(
    text: SignalText,
    unit: Unit,
    metrics: tuple[Metric, ...],
    value: Callable[[QueryScope], Expr],
    fixed: tuple[str, ...] = (),
) -> Signal:
    """Return a signal with any expression."""
    return Signal(text.name, text.title, unit, text.description, text.page, metrics, value, fixed=fixed)


def volume(text: SignalText, counted: Counted, unit: Unit = Unit.PER_SECOND) -> Volume:
    """Return the signal of a count."""
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
    """Return the signal of one count divided by another."""

    def value(scope: QueryScope) -> Expr:
        return promql.divided(part(scope), whole(scope))

    return Share(text.name, text.title, Unit.SHARE, text.description, text.page, metrics, value, part, whole, part)


def over(text: SignalText, part: Counted, whole: Counted, *, zero: bool = False, unit: Unit = Unit.SHARE) -> Share:
    """Return the signal of the increase of one counter divided by that of another.

    Args:
        text: The texts of the signal.
        part: The numerator.
        whole: The denominator.
        zero: Whether a missing numerator always counts as 0. Otherwise it counts as 0 only if the service has such
            series; else the share is unknown, and missing.
        unit: The unit of the value.
    """
    found = share(text, (part.metric, whole.metric), partial(_part, part, whole, zero), whole.increase)
    return replace(found, unit=unit, counted=part.increase, fixed=part.fixed + whole.fixed)


def defined_volume(count: Count, page: DashboardPage, unit: Unit = Unit.PER_SECOND) -> Volume:
    """Return the signal of a count."""
    return volume(text_of(count, page), Counted.of(count), unit)


def defined_share(ratio: Ratio, page: DashboardPage, unit: Unit = Unit.SHARE) -> Share:
    """Return the signal of one count divided by another."""
    part, (whole,) = Counted.of(ratio.numerator), map(Counted.of, ratio.denominator)
    return over(text_of(ratio, page), part, whole, zero=ratio.zero, unit=unit)


def defined_gauge(gauge: Gauge, page: DashboardPage, unit: Unit) -> Signal:
    """Return the signal of a gauge, merged over processes by an aggregation of PromQL."""

    def value(scope: QueryScope) -> Expr:
        return promql.aggregate(gauge.merge.value, promql.series(gauge.metric.prometheus, scope), scope.by)

    return measure(text_of(gauge, page), unit, (gauge.metric,), value)


def _part(part: Counted, whole: Counted, zero: bool, scope: QueryScope) -> Expr:
    like = whole.increase(scope)
    # `known` looks at the series of now and of a day ago. At an offset the past value itself is taken, or none.
    if scope.offset and not zero:
        return part.increase(scope)
    known = like if zero else promql.where(like, part.known(scope), scope.service)
    return promql.filled(part.increase(scope), known)


def labelled(metric: Metric, attribute: Attribute, *values: str) -> Counted:
    """Return a count limited to some values of a label."""
    return Counted(metric, (one_of(attribute, *values),))


def one_of(attribute: Attribute, *values: str) -> Matcher:
    """Return the matcher for some values of a label."""
    return Matcher(attribute.name, "=" if len(values) == 1 else "=~", "|".join(values))


def _mix(counted: Counted, attribute: Attribute, scope: QueryScope) -> Expr:
    parts = counted.increase(scope.apart(attribute.name))
    return promql.many_to_one(parts, "/", promql.compared(counted.increase(scope), ">", 0), scope.by)


def mix(text: SignalText, counted: Counted, attribute: Attribute) -> Signal:
    """Return the signal of a mix: the share of each value of a label in a count."""
    return measure(text, Unit.SHARE, (counted.metric,), partial(_mix, counted, attribute), (attribute.name,))


def distribution(text: SignalText, metric: Metric) -> Signal:
    """Return the signal of the increase of each bucket of a histogram, cumulative by `le`."""

    def value(scope: QueryScope) -> Expr:
        return promql.increase(f"{metric.prometheus}_bucket", scope.apart("le"))

    return measure(text, Unit.COUNT, (metric,), value)
