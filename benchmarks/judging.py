"""The statistics of the Experiments page in numpy, as otel_recmon/artifacts/signals/sequential.py has them in PromQL.

Totals have a last axis of user-hash buckets and one before it of arms, the control first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Totals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """By how much each treatment differs from the control, relative to it; the last axis is that of treatments.

    Attributes:
        value: 0 where they are the same, -0.3 where the treatment has 30 % less.
        error: The standard error of `value`.
        events: What was counted in the treatment and in the control, as many as tell as much where both are as large.
    """

    value: Totals
    error: Totals
    events: Totals

    def half_width(self, centre: float, level: float) -> Totals:
        """Return how far the bounds are from the value, at a level that all treatments share."""
        with np.errstate(invalid="ignore"):
            found: Totals = self.error * multiplier(self.events / centre, level / self.value.shape[-1])
        return found

    def evidence(self, centre: float, level: float) -> Totals:
        """Return the value over what would be certain: below -1 it is surely worse, above 1 surely better."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Totals = self.value / self.half_width(centre, level)
        return found

    def bounds(self, centre: float, level: float) -> tuple[Totals, Totals]:
        """Return what the value is at least and at most."""
        half = self.half_width(centre, level)
        with np.errstate(invalid="ignore"):
            return np.maximum(self.value - half, -1), self.value + half


def difference(
    counted: Totals, base: Totals | None, shares: Sequence[float], events: Totals | None = None
) -> Difference:
    """Compare what was counted over what it is based on.

    The error is that of the delta method (Deng, Knoblich and Lu, "Applying the Delta Method in Metric Analytics",
    2018) with buckets of users as units, and pairs of buckets of the same number.

    Args:
        counted: By arm and bucket.
        base: The same; None for the split, for which it is the expected share over the number of buckets.
        shares: The expected share of each arm.
        events: The same, where what was counted are not events but what they are worth.
    """
    buckets, expected = counted.shape[-1], np.array(shares)
    base = np.broadcast_to(expected[:, None] / buckets, counted.shape) if base is None else base
    whole = base.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = counted.sum(-1, keepdims=True) / whole
        residual = (counted - rate * base) / whole
        control = rate[..., :1, 0]
        value = rate[..., 1:, 0] / control - 1
        pairs = residual[..., 1:, :] - residual[..., :1, :]
        error = np.sqrt((pairs**2).sum(-1) * buckets / (buckets - 1)) / control
    seen = (counted if events is None else events).sum(-1)
    even = 4 * expected[1:] * expected[0] / (expected[1:] + expected[0]) ** 2
    return Difference(value, error, (seen[..., 1:] + seen[..., :1]) * even)


def multiplier(time: Totals, level: float, freedom: int = 31) -> Totals:
    """Return how many standard errors the bounds are away, so that they hold at all times.

    The normal mixture of Robbins ("Statistical methods related to the law of the iterated logarithm", 1970) as
    Johari and others have it ("Peeking at A/B tests", 2017), in standard errors; made wider for an error that is
    estimated from few buckets, by the transformation of Wallace ("Bounds on normal approximations to Student's and
    the chi-square distributions", 1959).

    Args:
        time: Events so far over those at which the mixture is centred.
        level: The probability that the bounds ever fail to hold.
        freedom: Degrees of freedom of the error.
    """
    with np.errstate(divide="ignore", over="ignore"):
        normal = (1 + 1 / time) * (np.log1p(time) - 2 * np.log(level))
        wider = ((8 * freedom + 3) / (8 * freedom + 1)) ** 2
        found: Totals = np.sqrt(freedom * np.expm1(normal * wider / freedom))
    return found
