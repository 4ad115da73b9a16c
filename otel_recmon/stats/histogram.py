"""Counter increases and histogram quantiles, as Prometheus computes them."""

import math
from collections.abc import Mapping


def rise(before: float, after: float) -> float:
    """Return the increase of a counter between two samples. A counter that fell was reset to 0 between them."""
    return after - before if after >= before else after


def quantile(share: float, buckets: Mapping[float, float]) -> float:
    """Return a quantile of a histogram, interpolated linearly within a bucket; NaN for an empty histogram.

    A quantile in the last bucket, whose upper bound is infinite, is the lower bound of this bucket.

    Args:
        share: The quantile, 0 to 1.
        buckets: The cumulative count of values up to each upper bound. The last bound must be infinite.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or not math.isinf(bounds[-1]) or not buckets[bounds[-1]]:
        return math.nan
    rank = share * buckets[bounds[-1]]
    index = next((index for index, bound in enumerate(bounds) if buckets[bound] >= rank), len(bounds) - 1)
    if math.isinf(bounds[index]):
        return bounds[index - 1]
    lower, below = (bounds[index - 1], buckets[bounds[index - 1]]) if index else (0.0, 0.0)
    within = buckets[bounds[index]] - below
    return lower + (bounds[index] - lower) * ((rank - below) / within if within else 1.0)


def divided(part: float, whole: float) -> float:
    """Return a quotient by the rules of PromQL: 0 divided by 0 is NaN, another number divided by 0 is infinite."""
    if whole:
        return part / whole
    return math.copysign(math.inf, part) if part else math.nan
