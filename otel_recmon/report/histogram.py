"""The mean and the quantiles of a histogram's values, as Prometheus interpolates them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from otel_recmon.stats.histogram import quantile


@dataclass(frozen=True)
class Histogram:
    """Values in buckets: for each upper bound, how many values were at most that, and the sum of all values."""

    buckets: tuple[tuple[float, float], ...] = ()
    sum: float = 0.0

    @classmethod
    def of(cls, buckets: Mapping[float, float], total: float) -> Self:
        """Return the histogram of buckets in any order."""
        return cls(tuple(sorted(buckets.items())), total)

    @property
    def count(self) -> float:
        """How many values there are."""
        return self.buckets[-1][1] if self.buckets else 0.0

    @property
    def mean(self) -> float:
        """Their mean, NaN where there is none."""
        return self.sum / self.count if self.count else math.nan

    def bucket(self, level: float) -> tuple[float, float]:
        """Return the bounds between which a quantile lies; NaN where there is no value."""
        if not self.count:
            return math.nan, math.nan
        lower = 0.0
        for upper, count in self.buckets:
            if count >= level * self.count:
                return lower, upper
            lower = upper
        return lower, math.inf

    def quantile(self, level: float) -> float:
        """Return a quantile, 0 to 1, interpolated within its bucket; of the last one, the lower bound.

        It is what ``histogram_quantile`` gives for the same counts, where all bounds are above 0.
        """
        return quantile(level, dict(self.buckets))
