"""The statistics of the Experiments page in numpy; otel_recmon/artifacts/signals/sequential.py has them in PromQL.

The last axis of all totals is the user-hash buckets; the axis before it is the arms, with the control first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Totals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """The relative difference of each treatment's rate from the control's rate; the last axis is the treatments.

    Attributes:
        value: The relative difference; 0 if both rates are the same, -0.3 if the treatment's rate is 30 % lower.
        error: The standard error of `value`.
        events: The effective sample size: the number of events of two equally large arms that carry the same
            information.
    """

    value: Totals
    error: Totals
    events: Totals

    def half_width(self, centre: float, level: float) -> Totals:
        """Return the half width of the confidence sequence of `value`.

        Args:
            centre: The effective sample size at which the mixture is centred.
            level: The error probability, shared by all treatments.
        """
        with np.errstate(invalid="ignore"):
            found: Totals = self.error * multiplier(self.events / centre, level / self.value.shape[-1])
        return found

    def evidence(self, centre: float, level: float) -> Totals:
        """Return `value` divided by the half width of its confidence sequence: significant below -1 and above 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Totals = self.value / self.half_width(centre, level)
        return found

    def bounds(self, centre: float, level: float) -> tuple[Totals, Totals]:
        """Return the lower and the upper bound of the value; a relative difference cannot be below -1."""
        half = self.half_width(centre, level)
        with np.errstate(invalid="ignore"):
            return np.maximum(self.value - half, -1), self.value + half


def difference(
    counted: Totals, base: Totals | None, shares: Sequence[float], events: Totals | None = None
) -> Difference:
    """Compare the ratio of two totals between the arms.

    The standard error is from the delta method (Deng, Knoblich and Lu, "Applying the Delta Method in Metric
    Analytics", 2018). The units of this method are pairs of user-hash buckets with the same number.

    Args:
        counted: The numerator by arm and bucket, such as clicks.
        base: The denominator by arm and bucket, such as exposures. None tests the split of users; the
            denominator is then the expected share of the arm, divided by the number of buckets.
        shares: The expected share of each arm.
        events: The number of events by arm and bucket, if `counted` is not a number of events, such as revenue.
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
    """Return the half width of a confidence sequence, in standard errors.

    The sequence is the normal mixture of Robbins ("Statistical methods related to the law of the iterated logarithm",
    1970) in the form of Johari and others ("Peeking at A/B tests", 2017). The transformation of Wallace ("Bounds on
    normal approximations to Student's and the chi-square distributions", 1959) widens the sequence, because the
    standard error is estimated from few buckets.

    Args:
        time: The effective sample size so far, divided by the effective sample size at which the mixture is centred.
        level: The probability that the true value is ever outside the bounds.
        freedom: Degrees of freedom of the standard error: one less than the number of buckets.
    """
    with np.errstate(divide="ignore", over="ignore"):
        normal = (1 + 1 / time) * (np.log1p(time) - 2 * np.log(level))
        wider = ((8 * freedom + 3) / (8 * freedom + 1)) ** 2
        found: Totals = np.sqrt(freedom * np.expm1(normal * wider / freedom))
    return found
