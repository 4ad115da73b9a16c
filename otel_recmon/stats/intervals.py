"""Confidence intervals of a rate and of the difference of two rates."""

import math
from dataclasses import dataclass
from typing import Final

Z: Final = 1.959964
"""The two-sided 95 % quantile of the standard normal distribution."""
Z_POWER: Final = 0.841621
"""The one-sided 80 % quantile of the standard normal distribution, for a power of 80 %."""


@dataclass(frozen=True)
class Rate:
    """A rate: a number of events divided by a number of trials.

    Attributes:
        successes: The number of events.
        trials: The number of trials.
        unbounded: Whether a trial can have several events, so that the rate can exceed 1. If False, the rate is a
            proportion: each trial has at most one event.
    """

    successes: int
    trials: int
    unbounded: bool = False

    @property
    def value(self) -> float:
        """The rate, at least 0; NaN if there are no trials."""
        return self.successes / self.trials if self.trials else math.nan

    @property
    def variance(self) -> float:
        """The variance of the number of events of one trial: Poisson if the rate is unbounded, else Bernoulli."""
        return self.value if self.unbounded else self.value * (1 - self.value)

    @property
    def interval(self) -> tuple[float, float]:
        """The lower and upper bound of the 95 % confidence interval of the rate; both NaN without trials.

        The interval contains the rate. A proportion has the interval of Wilson, "Probable Inference" (1927). An
        unbounded rate has the score interval for a Poisson count, which contains the rates that the score test does not
        reject: Barker, "A comparison of nine confidence intervals for a Poisson parameter" (2002).
        """
        if not self.trials:
            return math.nan, math.nan
        if self.unbounded:
            middle, half = self.successes + Z * Z / 2, Z * math.sqrt(self.successes + Z * Z / 4)
            return max(0.0, (middle - half) / self.trials), (middle + half) / self.trials
        share, spread = min(self.value, 1.0), Z * Z / self.trials
        centre = share + spread / 2
        half = Z * math.sqrt(share * (1 - share) / self.trials + spread / 4 / self.trials)
        return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))


def difference(one: Rate, other: Rate) -> tuple[float, float]:
    """Return the 95 % confidence interval of the difference ``one.value - other.value``.

    The bounds are computed from the intervals of both rates with method 10 of Newcombe, "Interval estimation for the
    difference between independent proportions" (1998). The method is also valid for rates that are not proportions
    (Zou and Donner, "Construction of confidence limits about effect measures", 2008).
    """
    gap = one.value - other.value
    (low, high), (other_low, other_high) = one.interval, other.interval
    return (
        gap - math.hypot(one.value - low, other_high - other.value),
        gap + math.hypot(high - one.value, other.value - other_low),
    )


def trials_needed(one: Rate, other: Rate) -> float:
    """Return the number of trials in each group that detects the difference of two rates with 80 % power.

    The test is two-sided, with a significance level of 5 %. The number is infinite if the rates are equal.
    """
    gap = one.value - other.value
    return (Z + Z_POWER) ** 2 * (one.variance + other.variance) / gap**2 if gap else math.inf
