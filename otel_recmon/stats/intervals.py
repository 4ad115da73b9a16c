"""Confidence intervals of a proportion and of the difference of two proportions."""

import math
from dataclasses import dataclass
from typing import Final

Z: Final = 1.959964
"""The two-sided 95 % quantile of the standard normal distribution."""
Z_POWER: Final = 0.841621
"""The one-sided 80 % quantile of the standard normal distribution, for a power of 80 %."""


@dataclass(frozen=True)
class Rate:
    """A proportion, as successes and trials."""

    successes: int
    trials: int

    @property
    def value(self) -> float:
        """The proportion, from 0 to 1; NaN if there are no trials."""
        return self.successes / self.trials if self.trials else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the proportion by Wilson, "Probable Inference" (1927); NaN without trials."""
        if not self.trials:
            return math.nan, math.nan
        share, spread = min(self.value, 1.0), Z * Z / self.trials
        centre = share + spread / 2
        half = Z * math.sqrt(share * (1 - share) / self.trials + spread / 4 / self.trials)
        return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))


def difference(one: Rate, other: Rate) -> tuple[float, float]:
    """Return the 95 % interval of the proportion ``one`` minus ``other``.

    It is computed with method 10 of Newcombe, "Interval estimation for the difference between independent proportions"
    (1998).
    """
    gap = one.value - other.value
    (low, high), (other_low, other_high) = one.interval, other.interval
    return (
        gap - math.hypot(one.value - low, other_high - other.value),
        gap + math.hypot(high - one.value, other.value - other_low),
    )


def trials_needed(one: Rate, other: Rate) -> float:
    """Return the trials per group to detect the difference with 5 % significance and 80 % power.

    The number is infinite if the difference is 0.
    """
    gap = one.value - other.value
    variance = one.value * (1 - one.value) + other.value * (1 - other.value)
    return (Z + Z_POWER) ** 2 * variance / gap**2 if gap else math.inf
