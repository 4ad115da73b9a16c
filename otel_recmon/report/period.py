"""A period of time, the hours in it, and the same days of an earlier week."""

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
    """A time from one moment to another; the end is the first moment that is no longer in it."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse a period that is none.

        Raises:
            ValueError: If it does not start before it ends, or a moment has no time zone.
        """
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        if self.start >= self.end:
            same = " (for a single day, the end is the next day)" if self.start == self.end else ""
            raise ValueError(f"the start, {written(self.start)}, is not before the end, {written(self.end)}{same}")

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    @property
    def hours(self) -> tuple["Period", ...]:
        """The hours in it, by the clock of the start's time zone; the first and the last may be parts of one."""
        first = self.start.replace(minute=0, second=0, microsecond=0)
        count = ceil((self.end - first) / HOUR)
        edges = [self.start, *(first + n * HOUR for n in range(1, count)), self.end]
        return tuple(Period(*edge) for edge in pairwise(edges))

    @property
    def weeks_to_compare(self) -> int:
        """How many weeks it takes to go back to the same days without meeting them."""
        return ceil(self.length / WEEK)

    def weeks_ago(self, weeks: int) -> Self:
        """Return the same time of an earlier week."""
        return replace(self, start=self.start - weeks * WEEK, end=self.end - weeks * WEEK)

    def until(self, now: datetime) -> Self:
        """Return what of it is past.

        Raises:
            ValueError: If nothing of it is.
        """
        if self.start >= now:
            raise ValueError(f"the start, {written(self.start)}, lies in the future")
        return replace(self, end=min(self.end, now))


def moment(text: str) -> datetime:
    """Return a moment in ISO 8601; a date is its first moment, and what names no time zone is in UTC.

    Raises:
        ValueError: If it is none.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no date or time, such as 2026-01-31 or 2026-01-31T09:30+02:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def written(when: datetime) -> str:
    """Return a moment in ISO 8601, to the second."""
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")
