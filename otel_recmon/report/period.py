"""Periods of time, their hours, and the same days of an earlier week."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Final, Self

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(weeks=1)


@dataclass(frozen=True)
class Period:
    """A period from its start up to, but excluding, its end."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Check the start and the end.

        Raises:
            ValueError: If the start is not before the end, or one of them has no time zone.
        """
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("the start and the end need a time zone")
        if self.start >= self.end:
            same = " (for a single day, the end is the next day)" if self.start == self.end else ""
            raise ValueError(f"the start, {written(self.start)}, is not before the end, {written(self.end)}{same}")

    @property
    def length(self) -> timedelta:
        """The length of the period."""
        return self.end - self.start

    @property
    def hours(self) -> tuple["Period", ...]:
        """The hours of the period in the time zone of its start. The first and the last hour may be incomplete."""
        first = self.start.replace(minute=0, second=0, microsecond=0)
        count = ceil((self.end - first) / HOUR)
        edges = [self.start, *(first + n * HOUR for n in range(1, count)), self.end]
        return tuple(Period(*edge) for edge in pairwise(edges))

    @property
    def weeks_to_compare(self) -> int:
        """The number of whole weeks to go back so that the earlier period does not overlap this one."""
        return ceil(self.length / WEEK)

    def weeks_ago(self, weeks: int) -> Self:
        """Return the period moved back by a number of weeks."""
        return replace(self, start=self.start - weeks * WEEK, end=self.end - weeks * WEEK)

    def until(self, now: datetime) -> Self:
        """Return the part of the period before ``now``.

        Raises:
            ValueError: If the period starts at or after ``now``.
        """
        if self.start >= now:
            raise ValueError(f"the start, {written(self.start)}, is in the future")
        return replace(self, end=min(self.end, now))


def moment(text: str) -> datetime:
    """Parse a date or time in ISO 8601. A date means 00:00 of this day; a time without a time zone is in UTC.

    Raises:
        ValueError: If the text is not a date or time.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"{text!r} is not a date or time in ISO 8601, such as 2026-01-31 or 2026-01-31T09:30+02:00"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def written(when: datetime) -> str:
    """Format a time in ISO 8601, to the second."""
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")
