"""Confidence sequences of the differences between the arms of an experiment, in PromQL.

Each arm of an experiment is divided into buckets of users. The input is the number of events of each bucket of each
arm. Experiments assign users, not requests, to arms at random. The events of one user are not independent of each
other. The buckets are independent, because all events of a user are in the same bucket.
benchmarks/experiment_statistics.py has the same formulas in numpy, and a test compares the results.
"""

import math
from dataclasses import dataclass
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.promql import Expr, QueryScope, equal

BUCKETS: Final = len(catalog.BUCKETS)
FREEDOM: Final = BUCKETS - 1
"""The degrees of freedom of a standard error that is estimated from pairs of buckets."""
_ARM: Final = (catalog.EXPERIMENT.name, catalog.VARIANT.name)


@dataclass(frozen=True)
class Bounds:
    """The parameters of a confidence sequence.

    Attributes:
        level: The maximum probability that, in one experiment, the bounds of at least one treatment ever exclude the
            true difference.
        centre: The effective sample size for which the bounds are tuned. The bounds are nearly as tight as possible
            for effective sample sizes from about 5 to 500 times this number.
    """

    level: float
    centre: float


@dataclass(frozen=True)
class Difference:
    """The difference between each treatment and the control. Results of the methods have the labels of the treatment.

    Attributes:
        scope: The scope of the services.
        rate: The rate of each arm, such as clicks per exposure.
        residual: The residual of each bucket of each arm. To compute it, subtract the count that the rate of the arm
            predicts from the count of the bucket. Then divide by the denominator of the rate of the arm.
        events: The number of events of each arm, or of each bucket of each arm.
    """

    scope: QueryScope
    rate: Expr
    residual: Expr
    events: Expr

    def value(self) -> Expr:
        """Return the relative difference: the rate of the treatment divided by the rate of the control, minus 1."""
        return self._relative(self._gap())

    def low(self, bounds: Bounds) -> Expr:
        """Return the lower bound of the relative difference. The bound is at least -1, because a rate is at least 0."""
        return promql.call("clamp_min", self._relative(self._gap() - self._half_width(bounds)), -1)

    def high(self, bounds: Bounds) -> Expr:
        """Return the upper bound of the relative difference."""
        return self._relative(self._gap() + self._half_width(bounds))

    def evidence(self, bounds: Bounds) -> Expr:
        """Return the difference divided by half the distance between its bounds.

        Below -1, the rate of the treatment is significantly lower than the rate of the control. Above 1, the rate of
        the treatment is significantly higher.
        """
        return self._gap() / self._half_width(bounds)

    def effective_sample_size(self) -> Expr:
        """Return the effective sample size: the number of events of two equally large arms with the same information.

        The smaller arm limits the information. So the effective sample size is the number of events of both arms times
        4pq / (p+q)**2. Here p and q are the shares of the treatment and the control in the expected exposures. Observed
        shares are not used, so that an arm that stops having events is still judged.
        """
        expected = shares(self.scope)
        even = self._against("*", expected) * 4 / promql.binary(self._against("+", expected), "^", 2)
        return self._against("+", promql.total(self.events, self._arm)) * even

    def significant_size(self, bounds: Bounds) -> Expr:
        """Return the absolute value of the relative difference if the difference is significant, else no result."""
        beyond = promql.compared(promql.call("abs", self._gap()), ">", self._half_width(bounds))
        return promql.where(promql.call("abs", self.value()), beyond)

    def _gap(self) -> Expr:
        return self._against("-", self.rate)

    def _error(self) -> Expr:
        """Return the standard error of the difference between the rates.

        The formula is the delta method, with buckets of users as units (Deng, Knoblich and Lu, "Applying the Delta
        Method in Metric Analytics", 2018). The buckets with the same number in the two arms are a pair. The pairs are
        needed if requests are randomised instead of users: a user who is in both arms has the same bucket number in
        both arms.
        """
        pairs = self._against("-", self.residual, catalog.BUCKET.name)
        return promql.call("sqrt", promql.total(promql.binary(pairs, "^", 2), self._arm) * (BUCKETS / FREEDOM))

    def _half_width(self, bounds: Bounds) -> Expr:
        treatments = promql.aggregate("count", role(self.scope, catalog.TREATMENT), self._experiment)
        tests = promql.call("ln", treatments) * 2 + -2 * math.log(bounds.level)
        return self._error() * multiplier(self.effective_sample_size(), bounds.centre, tests, self._experiment)

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
    """Return half the distance between bounds that hold at all times, in standard errors.

    The width is the normal mixture of Robbins ("Statistical methods related to the law of the iterated logarithm",
    1970), in the form of Johari and others ("Peeking at A/B tests", 2017). The transformation of Wallace ("Bounds on
    normal approximations to Student's and the chi-square distributions", 1959) increases the width, because the
    standard error is estimated from few buckets.

    Args:
        events: The effective sample size of each treatment.
        centre: The effective sample size at which the mixture is centred.
        tests: -2 * ln(level / number of treatments), by the labels of `on`.
        on: The labels that identify an experiment.
    """
    growth = promql.many_to_one(promql.call("ln", events / centre + 1), "+", tests, on)
    normal = (promql.number(centre) / promql.compared(events, ">", 0) + 1) * growth
    wider = ((8 * FREEDOM + 3) / (8 * FREEDOM + 1)) ** 2 / FREEDOM
    return promql.call("sqrt", (promql.call("exp", normal * wider) - 1) * FREEDOM)


def ratio(scope: QueryScope, counted: Expr, base: Expr, events: Expr | None = None) -> Difference:
    """Return the difference between the rate of each treatment and the rate of the control.

    Args:
        scope: The scope of the services.
        counted: The numerator of the rate, by arm and bucket.
        base: The denominator of the rate, by arm and bucket.
        events: The number of events, by arm and bucket; None if the numerator is the number of events. Revenue, for
            example, is not a number of events.
    """
    arm, whole = by_arm(scope), promql.total(base, by_arm(scope))
    rate = promql.total(counted, arm) / promql.compared(whole, ">", 0)
    beyond = counted - promql.many_to_one(base, "*", rate, arm)
    return Difference(scope, rate, promql.many_to_one(beyond, "/", whole, arm), events or counted)


def split(scope: QueryScope, counted: Expr) -> Difference:
    """Return the difference between each treatment and the control in exposures divided by the expected share.

    Args:
        scope: The scope of the services.
        counted: The exposures, by arm and bucket.
    """
    arm, expected = by_arm(scope), shares(scope)
    got = promql.total(counted, arm)
    beyond = promql.many_to_one(counted, "-", got / BUCKETS, arm)
    return Difference(scope, got / expected, promql.many_to_one(beyond, "/", expected, arm), counted)


def empty_arms(scope: QueryScope, counted: Expr, least: float) -> Expr:
    """Return 1 for each expected arm that has no exposures, if its experiment has at least `least` exposures."""
    experiment = by_arm(scope)[:-1]
    empty = promql.unless(shares(scope), promql.compared(promql.total(counted, by_arm(scope)), ">", 0))
    return promql.where(empty * 0 + 1, promql.compared(promql.total(counted, experiment), ">=", least), experiment)


def by_arm(scope: QueryScope) -> tuple[str, ...]:
    """Return the labels that identify an arm."""
    return (*scope.service, *_ARM)


def shares(scope: QueryScope) -> Expr:
    """Return the expected share of each arm in all exposures of the experiment."""
    return promql.aggregate("max", promql.series(catalog.EXPECTED_SHARE.prometheus, _of_service(scope)), by_arm(scope))


def role(scope: QueryScope, name: str) -> Expr:
    """Return 1 for each arm that has the role `name`, such as "control"."""
    found = promql.series(catalog.EXPECTED_SHARE.prometheus, _of_service(scope), equal(catalog.ROLE.name, name))
    return promql.aggregate("group", found, by_arm(scope))


def _of_service(scope: QueryScope) -> QueryScope:
    return scope.within(_ARM)
