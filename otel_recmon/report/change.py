"""How a figure differs from that of an earlier week, and whether that is more than chance."""

from dataclasses import dataclass

from otel_recmon.report.reading import Report
from otel_recmon.stats.intervals import Rate, difference

ENOUGH = 0.95
"""The share of the hours heard of now, that must have been heard of then, for the two to be compared."""


@dataclass(frozen=True)
class Change:
    """By how much something rose, relative to what it was, or for a share in points, with its 95 % interval."""

    by: float
    interval: tuple[float, float] | None = None

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)


def relative(now: float | None, then: float | None) -> Change | None:
    """Return by how much an amount has changed; None where either is unknown, or it was 0."""
    return None if now is None or not then else Change(now / then - 1)


def points(now: Rate | None, then: Rate | None) -> Change | None:
    """Return by how much a share has changed, with the interval of Newcombe (1998); of 0.01, it is a point."""
    return None if now is None or then is None else Change(now.value - then.value, difference(now, then))


def comparable(now: Report, then: Report) -> bool:
    """Say whether about as many hours were heard of in both."""
    return heard(then) >= ENOUGH * heard(now)


def heard(report: Report) -> int:
    """Return in how many hours something was heard of the service."""
    return sum(bool(figures.known) for _, figures in report.hours)
