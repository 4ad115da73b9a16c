"""Mean and quantiles of a histogram, as Prometheus interpolates them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from otel_recmon.stats.histogram import quantile


@dataclass(frozen=True)
class Histogram:
    """The cumulative count of values up to each upper bound, sorted by bound, and the sum of all values."""

    buckets: tuple[tuple[float, float], ...] = ()
    sum: float = 0.0

    @classmethod
    def of(cls, buckets: Mapping[float, float], total: float) -> Self:
        """Return the histogram for unsorted buckets (upper bound -> cumulative count) and the sum of all values."""
        return cls(tuple(sorted(buckets.items())), total)

    @property
    def count(self) -> float:
        """The number of values."""
        return self.buckets[-1][1] if self.buckets else 0.0

    @property
    def mean(self) -> float:
        """The mean; NaN for an empty histogram."""
        return self.sum / self.count if self.count else math.nan

    def bucket(self, level: float) -> tuple[float, float]:
        """Return the lower and upper bound of the bucket with the quantile ``level`` (0 to 1); NaN without values."""
        if not self.count:
            return math.nan, math.nan
        lower = 0.0
        for upper, count in self.buckets:
            if count >= level * self.count:
                return lower, upper
            lower = upper
        return lower, math.inf

    def quantile(self, level: float) -> float:
        """Return the quantile ``level`` (0 to 1), interpolated within its bucket.

        The result equals that of ``histogram_quantile`` for the same counts, if all bounds are above 0. For a quantile
        in the last bucket, the result is the lower bound of this bucket.
        """
        return quantile(level, dict(self.buckets))
