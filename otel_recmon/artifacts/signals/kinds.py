"""The kinds of signals: a value, a volume, a share; each makes the PromQL of its panel and of its alert."""

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

_A_DAY: Final = "1d"


class Unit(Enum):
    """What a value is measured in, by Grafana's name for it."""

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
    """Something worth knowing.

    Attributes:
        name: Its stable name; the id of its panel follows from it.
        title: What people call it.
        unit: What it is measured in.
        description: Its definition, in one or two sentences.
        page: The dashboard that explains it.
        metrics: What it is made of, of the catalog.
        value: Its expression.
        fixed: Labels that its definition has used up already, such as the status in an error rate.
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
        """The labels of the catalog that it can be split by: those that all its metrics have."""
        sets = [set(metric.labels) - set(self.fixed) for metric in self.metrics]
        return tuple(sorted(set.intersection(*sets))) if sets else ()

    @property
    def panel(self) -> int:
        """The id of its panel on its page."""
        return panel_id(self.name)

    def expression(self, scope: QueryScope) -> Expr:
        """Return its PromQL; labels of the scope that it does not have are left out."""
        return self.value(scope.within(self.labels))


@dataclass(frozen=True)
class Limit:
    """A threshold that an alert compares a signal's value with.

    Attributes:
        alert: The name of the alert.
        value: The threshold, in the signal's unit.
        severity: That of the alert: warning or critical.
        below: Whether the alert fires below the threshold, rather than above it.
    """

    alert: str
    value: float
    severity: str
    below: bool


Limits = Mapping[str, tuple[Limit, ...]]
"""The limits of each signal that has some, by its name, the lowest first."""


@dataclass(frozen=True)
class Counted:
    """What a counter, or the count or sum of a histogram, has counted."""

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
        """The labels by which it was chosen what to count."""
        return tuple(matcher.label for matcher in self.matchers)

    def rate(self, scope: QueryScope) -> Expr:
        """Return how many a second."""
        return promql.rate(self.name, scope, *self.matchers)

    def increase(self, scope: QueryScope) -> Expr:
        """Return how many within the window."""
        return promql.increase(self.name, scope, *self.matchers)

    def known(self, scope: QueryScope) -> Expr:
        """Return something for each service that counts this now, or did a day ago."""
        service = scope.by_service().within(())
        moments = (service, service.ago(_A_DAY))
        found = (promql.aggregate("group", promql.series(self.name, at), at.by) for at in moments)
        return promql.either(*found)


@dataclass(frozen=True)
class Volume(Signal):
    """So many of something; its value is how many a second."""

    counted: Counted

    def count(self, scope: QueryScope) -> Expr:
        """Return how many within the window."""
        return self.counted.increase(scope.within(self.labels))

    def total(self, scope: QueryScope) -> Expr:
        """Return how many within the window; 0 where there were none and the service counts such things."""
        return promql.filled(self.count(scope), self.counted.known(scope))


@dataclass(frozen=True)
class Share(Signal):
    """One count over another; its bounds say how sure it is.

    Attributes:
        part: The count above the line, where it is known.
        whole: The count below the line.
        counted: The count above the line, where there is any.
    """

    part: Callable[[QueryScope], Expr]
    whole: Callable[[QueryScope], Expr]
    counted: Callable[[QueryScope], Expr]

    def trials(self, scope: QueryScope) -> Expr:
        """Return the count below the line within the window: what the share is based on."""
        return self.whole(scope.within(self.labels))

    def successes(self, scope: QueryScope) -> Expr:
        """Return the count above the line within the window, where it is known."""
        return self.part(scope.within(self.labels))

    def seen(self, scope: QueryScope) -> Expr:
        """Return the count above the line within the window, or else 0."""
        narrow = scope.within(self.labels)
        return promql.filled(self.counted(narrow), self.whole(narrow))

    def upper(self, scope: QueryScope, z: float = 1.96) -> Expr:
        """Return what it is at most, by Wilson's interval of `z` standard deviations."""
        return promql.wilson(self.successes(scope), self.trials(scope), z)

    def lower(self, scope: QueryScope, z: float = 1.96) -> Expr:
        """Return what it is at least."""
        return promql.wilson(self.successes(scope), self.trials(scope), -z)


@dataclass(frozen=True)
class Words:
    """What a signal is called and means, and where it is shown."""

    name: str
    title: str
    page: DashboardPage
    description: str


def words_of(definition: Definition, page: DashboardPage) -> Words:
    """Return the words of a definition, for a signal that a page explains."""
    return Words(definition.name, definition.title, page, definition.meaning)


def measure(
    words: Words,
    unit: Unit,
    metrics: tuple[Metric, ...],
    value: Callable[[QueryScope], Expr],
    fixed: tuple[str, ...] = (),
) -> Signal:
    """Return a signal with an expression of its own."""
    return Signal(words.name, words.title, unit, words.description, words.page, metrics, value, fixed=fixed)


def volume(words: Words, counted: Counted, unit: Unit = Unit.PER_SECOND) -> Volume:
    """Return the signal of how many a second there are of what is counted."""
    return Volume(
        words.name,
        words.title,
        unit,
        words.description,
        words.page,
        (counted.metric,),
        counted.rate,
        counted,
        fixed=counted.fixed,
    )


def share(
    words: Words, metrics: tuple[Metric, ...], part: Callable[[QueryScope], Expr], whole: Callable[[QueryScope], Expr]
) -> Share:
    """Return the signal of one count over another."""

    def value(scope: QueryScope) -> Expr:
        return promql.divided(part(scope), whole(scope))

    return Share(words.name, words.title, Unit.SHARE, words.description, words.page, metrics, value, part, whole, part)


def over(words: Words, part: Counted, whole: Counted, *, zero: bool = False, unit: Unit = Unit.SHARE) -> Share:
    """Return the signal of what one counter counted over what another did.

    Where nothing of the part was counted, it is 0 if `zero`, or if the service counts such things at all;
    else it is unknown.
    """
    found = share(words, (part.metric, whole.metric), partial(_part, part, whole, zero), whole.increase)
    return replace(found, unit=unit, counted=part.increase, fixed=part.fixed + whole.fixed)


def defined_volume(count: Count, page: DashboardPage, unit: Unit = Unit.PER_SECOND) -> Volume:
    """Return the signal of a count."""
    return volume(words_of(count, page), Counted.of(count), unit)


def defined_share(ratio: Ratio, page: DashboardPage, unit: Unit = Unit.SHARE) -> Share:
    """Return the signal of one count over another."""
    part, (whole,) = Counted.of(ratio.numerator), map(Counted.of, ratio.denominator)
    return over(words_of(ratio, page), part, whole, zero=ratio.zero, unit=unit)


def defined_gauge(gauge: Gauge, page: DashboardPage, unit: Unit) -> Signal:
    """Return the signal of a gauge, merged over processes by an aggregation of PromQL."""

    def value(scope: QueryScope) -> Expr:
        return promql.aggregate(gauge.merge.value, promql.series(gauge.metric.prometheus, scope), scope.by)

    return measure(words_of(gauge, page), unit, (gauge.metric,), value)


def _part(part: Counted, whole: Counted, zero: bool, scope: QueryScope) -> Expr:
    like = whole.increase(scope)
    if scope.offset and not zero:  # it has its own history, or none
        return part.increase(scope)
    known = like if zero else promql.where(like, part.known(scope), scope.service)
    return promql.filled(part.increase(scope), known)


def labelled(metric: Metric, attribute: Attribute, *values: str) -> Counted:
    """Return the count of what has one of the values of a label."""
    return Counted(metric, (one_of(attribute, *values),))


def one_of(attribute: Attribute, *values: str) -> Matcher:
    """Return the condition that a label has one of some values."""
    return Matcher(attribute.name, "=" if len(values) == 1 else "=~", "|".join(values))


def _mix(counted: Counted, attribute: Attribute, scope: QueryScope) -> Expr:
    parts = counted.increase(scope.apart(attribute.name))
    return promql.many_to_one(parts, "/", promql.compared(counted.increase(scope), ">", 0), scope.by)


def mix(words: Words, counted: Counted, attribute: Attribute) -> Signal:
    """Return the signal of the shares that the values of a label have of what is counted."""
    return measure(words, Unit.SHARE, (counted.metric,), partial(_mix, counted, attribute), (attribute.name,))


def distribution(words: Words, metric: Metric) -> Signal:
    """Return the signal of how many values fell into each bucket of a histogram, cumulated by `le`."""

    def value(scope: QueryScope) -> Expr:
        return promql.increase(f"{metric.prometheus}_bucket", scope.apart("le"))

    return measure(words, Unit.COUNT, (metric,), value)
