"""The maths of counters and histograms, as Prometheus does it. Numbers in, numbers out."""

import math
from collections.abc import Mapping


def rise(before: float, after: float) -> float:
    """Return by how much a counter has risen; what a counter shows that began anew, it has risen by since."""
    return after - before if after >= before else after


def quantile(share: float, buckets: Mapping[float, float]) -> float:
    """Return a quantile of a histogram, interpolated within its bucket; NaN where nothing was recorded.

    Args:
        share: Which quantile, 0 to 1.
        buckets: How many values are at most each upper bound; the last bound is infinite. A quantile beyond the
            last finite bound is that bound.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or not math.isinf(bounds[-1]) or not buckets[bounds[-1]]:
        return math.nan
    wanted = share * buckets[bounds[-1]]
    found = next((place for place, bound in enumerate(bounds) if buckets[bound] >= wanted), len(bounds) - 1)
    if math.isinf(bounds[found]):
        return bounds[found - 1]
    lower, below = (bounds[found - 1], buckets[bounds[found - 1]]) if found else (0.0, 0.0)
    within = buckets[bounds[found]] - below
    return lower + (bounds[found] - lower) * ((wanted - below) / within if within else 1.0)


def divided(part: float, whole: float) -> float:
    """Return a quotient; infinite or NaN where there is nothing to divide by."""
    if whole:
        return part / whole
    return math.copysign(math.inf, part) if part else math.nan
