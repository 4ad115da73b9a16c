"""How sure a difference between arms is, however often one looks: from counts by arm and bucket of users, in PromQL.

Users are randomised, not requests, so what varies independently is a bucket of users: the sum of all that its users
did. benchmarks/judging.py has the same in numpy, and a test compares the two.
"""

import math
from dataclasses import dataclass
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.promql import Expr, QueryScope, equal

BUCKETS: Final = len(catalog.BUCKETS)
FREEDOM: Final = BUCKETS - 1
"""Degrees of freedom of an error that is estimated from pairs of buckets."""
_ARM: Final = (catalog.EXPERIMENT.name, catalog.VARIANT.name)


@dataclass(frozen=True)
class Bounds:
    """What bounds that hold at all times are made with.

    Attributes:
        level: The probability that they ever fail to hold, for any arm of an experiment.
        centre: Events of an arm and of the control; from about five to five hundred times as many, the bounds are
            nearly as tight as they can be.
    """

    level: float
    centre: float


@dataclass(frozen=True)
class Difference:
    """What each treatment has over the control; both sides by the arm's labels.

    Attributes:
        scope: Which services it is about.
        rate: What was counted over what it is based on, by arm.
        residual: By how much a bucket's count differs from what the arm's rate makes expect, over what the arm's
            rate is based on; by arm and bucket.
        events: How many things happened; by arm, or by arm and bucket.
    """

    scope: QueryScope
    rate: Expr
    residual: Expr
    events: Expr

    def value(self) -> Expr:
        """Return the rate over the control's, minus 1."""
        return self._relative(self._gap())

    def low(self, bounds: Bounds) -> Expr:
        """Return what the value is at least; less than nothing it cannot be."""
        return promql.call("clamp_min", self._relative(self._gap() - self._half_width(bounds)), -1)

    def high(self, bounds: Bounds) -> Expr:
        """Return what the value is at most."""
        return self._relative(self._gap() + self._half_width(bounds))

    def evidence(self, bounds: Bounds) -> Expr:
        """Return the difference over what would be certain: below -1 it is surely worse, above 1 surely better."""
        return self._gap() / self._half_width(bounds)

    def seen(self) -> Expr:
        """Return the events of the treatment and the control, as many as tell as much where both are as large.

        With shares p and q of the two, the events times 4pq / (p+q)**2: what is known is what the smaller arm knows.
        It goes by the expected shares, so that an arm in which nothing happens any more is judged all the same.
        """
        meant = shares(self.scope)
        even = self._against("*", meant) * 4 / promql.binary(self._against("+", meant), "^", 2)
        return self._against("+", promql.total(self.events, self._arm)) * even

    def certain(self, bounds: Bounds) -> Expr:
        """Return the size of the value, where it is surely not 0."""
        beyond = promql.compared(promql.call("abs", self._gap()), ">", self._half_width(bounds))
        return promql.where(promql.call("abs", self.value()), beyond)

    def _gap(self) -> Expr:
        return self._against("-", self.rate)

    def _error(self) -> Expr:
        """Return the standard error of the gap.

        That of the delta method, with buckets of users as units (Deng, Knoblich and Lu, "Applying the Delta Method
        in Metric Analytics", 2018), and with those of the same number in both arms as pairs: a user who is in both,
        where requests are randomised, is in the same bucket of each.
        """
        pairs = self._against("-", self.residual, catalog.BUCKET.name)
        return promql.call("sqrt", promql.total(promql.binary(pairs, "^", 2), self._arm) * (BUCKETS / FREEDOM))

    def _half_width(self, bounds: Bounds) -> Expr:
        treatments = promql.aggregate("count", role(self.scope, catalog.TREATMENT), self._experiment)
        tests = promql.call("ln", treatments) * 2 + -2 * math.log(bounds.level)
        return self._error() * multiplier(self.seen(), bounds.centre, tests, self._experiment)

    def _relative(self, gap: Expr) -> Expr:
        control = promql.compared(self._having(catalog.CONTROL, self.rate), ">", 0)
        return promql.many_to_one(gap, "/", control, self._experiment)

    def _against(self, operator: str, value: Expr, *apart: str) -> Expr:
        sides = self._having(catalog.TREATMENT, value), self._having(catalog.CONTROL, value)
        return promql.many_to_one(sides[0], operator, sides[1], (*self._experiment, *apart))

    def _having(self, name: str, value: Expr) -> Expr:
        return promql.where(value, role(self.scope, name), self._arm)

    @property
    def _experiment(self) -> tuple[str, ...]:
        return (*self.scope.service, catalog.EXPERIMENT.name)

    @property
    def _arm(self) -> tuple[str, ...]:
        return by_arm(self.scope)


def multiplier(events: Expr, centre: float, tests: Expr, on: tuple[str, ...]) -> Expr:
    """Return how many standard errors the bounds are away, so that they hold at all times.

    The normal mixture of Robbins ("Statistical methods related to the law of the iterated logarithm", 1970) as
    Johari and others have it ("Peeking at A/B tests", 2017), in standard errors; made wider for an error that is
    estimated from few buckets, by the transformation of Wallace ("Bounds on normal approximations to Student's and
    the chi-square distributions", 1959).

    Args:
        events: By arm.
        centre: The events at which the mixture is centred.
        tests: Minus twice the logarithm of each arm's part of the level, by the labels of `on`.
        on: The labels of an experiment.
    """
    growth = promql.many_to_one(promql.call("ln", events / centre + 1), "+", tests, on)
    normal = (promql.number(centre) / promql.compared(events, ">", 0) + 1) * growth
    wider = ((8 * FREEDOM + 3) / (8 * FREEDOM + 1)) ** 2 / FREEDOM
    return promql.call("sqrt", (promql.call("exp", normal * wider) - 1) * FREEDOM)


def ratio(scope: QueryScope, counted: Expr, base: Expr, events: Expr | None = None) -> Difference:
    """Compare what was counted over what it is based on, all by arm and bucket; what was counted are the events."""
    arm, whole = by_arm(scope), promql.total(base, by_arm(scope))
    rate = promql.total(counted, arm) / promql.compared(whole, ">", 0)
    beyond = counted - promql.many_to_one(base, "*", rate, arm)
    return Difference(scope, rate, promql.many_to_one(beyond, "/", whole, arm), events or counted)


def split(scope: QueryScope, counted: Expr) -> Difference:
    """Compare what each arm got with what it was meant to get, by arm and bucket."""
    arm, expected = by_arm(scope), shares(scope)
    got = promql.total(counted, arm)
    beyond = promql.many_to_one(counted, "-", got / BUCKETS, arm)
    return Difference(scope, got / expected, promql.many_to_one(beyond, "/", expected, arm), counted)


def deserted(scope: QueryScope, counted: Expr, least: float) -> Expr:
    """Return 1 for each arm that is expected and has nothing, where the experiment has at least so much."""
    experiment = by_arm(scope)[:-1]
    empty = promql.unless(shares(scope), promql.compared(promql.total(counted, by_arm(scope)), ">", 0))
    return promql.where(empty * 0 + 1, promql.compared(promql.total(counted, experiment), ">=", least), experiment)


def by_arm(scope: QueryScope) -> tuple[str, ...]:
    """Return the labels of an arm."""
    return (*scope.service, *_ARM)


def shares(scope: QueryScope) -> Expr:
    """Return the expected share of each arm."""
    return promql.aggregate("max", promql.series(catalog.EXPECTED_SHARE.prometheus, _of_service(scope)), by_arm(scope))


def role(scope: QueryScope, name: str) -> Expr:
    """Return something for each arm that has a role."""
    found = promql.series(catalog.EXPECTED_SHARE.prometheus, _of_service(scope), equal(catalog.ROLE.name, name))
    return promql.aggregate("group", found, by_arm(scope))


def _of_service(scope: QueryScope) -> QueryScope:
    return scope.within(_ARM)
