"""How sure a rate and the difference of two rates are."""

import math
from dataclasses import dataclass
from typing import Final

Z: Final = 1.959964
"""Standard deviations on either side that hold 95 % of a normal distribution."""
Z_POWER: Final = 0.841621
"""Standard deviations below which 80 % of a normal distribution lie."""


@dataclass(frozen=True)
class Rate:
    """A number of successes among a number of trials."""

    successes: int
    trials: int

    @property
    def value(self) -> float:
        """The share of successes, NaN where there was no trial."""
        return self.successes / self.trials if self.trials else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson, "Probable Inference" (1927); NaN where there was no trial."""
        if not self.trials:
            return math.nan, math.nan
        share, spread = min(self.value, 1.0), Z * Z / self.trials
        centre = share + spread / 2
        half = Z * math.sqrt(share * (1 - share) / self.trials + spread / 4 / self.trials)
        return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))


def difference(one: Rate, other: Rate) -> tuple[float, float]:
    """Return the 95 % interval of ``one`` minus ``other``, by Newcombe's method 10 (1998)."""
    gap = one.value - other.value
    (low, high), (other_low, other_high) = one.interval, other.interval
    return (
        gap - math.hypot(one.value - low, other_high - other.value),
        gap + math.hypot(high - one.value, other.value - other_low),
    )


def trials_needed(one: Rate, other: Rate) -> float:
    """Return the trials a side that tell rates as far apart as these, at 5 % significance and 80 % power."""
    gap = one.value - other.value
    variance = one.value * (1 - one.value) + other.value * (1 - other.value)
    return (Z + Z_POWER) ** 2 * variance / gap**2 if gap else math.inf
