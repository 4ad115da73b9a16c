"""Changes of figures since an earlier week, and their statistical significance."""

from dataclasses import dataclass

from otel_recmon.report.reading import Report
from otel_recmon.stats.intervals import Rate, difference

ENOUGH = 0.95
"""The minimum ratio of the hours with data in the earlier period to the hours with data in the current period."""


@dataclass(frozen=True)
class Change:
    """A relative change of an amount, or a difference of two shares with its 95 % interval."""

    by: float
    interval: tuple[float, float] | None = None

    @property
    def sure(self) -> bool:
        """Whether the interval excludes 0; False without an interval."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)


def relative(now: float | None, then: float | None) -> Change | None:
    """Return ``now / then - 1``, the relative change of an amount; None if an amount is unknown or ``then`` is 0."""
    return None if now is None or not then else Change(now / then - 1)


def points(now: Rate | None, then: Rate | None) -> Change | None:
    """Return ``now`` minus ``then``, a difference of two shares, with its Newcombe interval.

    A difference of 0.01 is one percentage point. The result is None if one of the shares is unknown.
    """
    return None if now is None or then is None else Change(now.value - then.value, difference(now, then))


def comparable(now: Report, then: Report) -> bool:
    """Return True if ``then`` has at least ``ENOUGH`` times as many hours with data as ``now``."""
    return heard(then) >= ENOUGH * heard(now)


def heard(report: Report) -> int:
    """Return the number of hours in which the service sent data."""
    return sum(bool(figures.known) for _, figures in report.hours)
