"""Periods and their hours, in all time zones and with incomplete hours."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon.report.period import HOUR, Period, moment, written

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


def period(start: str, end: str) -> Period:
    return Period(moment(start), moment(end))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("2026-01-31T09:30", "2026-01-31T09:30:00Z"),
        ("2026-01-31T09:30Z", "2026-01-31T09:30:00Z"),
        (" 2026-01-31 09:30+02:00 ", "2026-01-31T09:30:00+02:00"),
    ],
)
def test_a_moment_is_in_utc_unless_it_says_otherwise(text: str, expected: str) -> None:
    assert written(moment(text)) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "31.01.2026", "2026-01-31T25:00"])
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date or time in ISO 8601, such as"):
        moment(text)


def test_a_period_that_starts_in_an_hour_has_a_part_of_it_first() -> None:
    found = period("2026-01-01T09:30", "2026-01-01T12:15").hours

    assert found == (
        period("2026-01-01T09:30", "2026-01-01T10:00"),
        period("2026-01-01T10:00", "2026-01-01T11:00"),
        period("2026-01-01T11:00", "2026-01-01T12:00"),
        period("2026-01-01T12:00", "2026-01-01T12:15"),
    )


def test_hours_are_those_of_the_clock_of_its_time_zone() -> None:
    found = period("2026-01-01T00:00+05:30", "2026-01-02T00:00+05:30").hours

    assert len(found) == 24
    assert {(hour.start.minute, hour.length) for hour in found} == {(0, HOUR)}


@given(MOMENTS, st.timedeltas(timedelta(milliseconds=1), timedelta(days=3)))
def test_its_hours_are_all_of_it_and_none_is_longer_than_an_hour(start: datetime, length: timedelta) -> None:
    whole = Period(start, start + length)

    hours = whole.hours

    assert (hours[0].start, hours[-1].end) == (whole.start, whole.end)
    assert all(one.end == other.start for one, other in pairwise(hours))
    assert all(hour.length <= HOUR for hour in hours)
    assert all(hour.start.minute == 0 for hour in hours[1:])


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("2025-12-31", "the start, 2026-01-01T00:00:00Z, is not before the end, 2025-12-31T00:00:00Z$"),
        ("2026-01-01", r"is not before the end, .* \(for a single day, the end is the next day\)"),
    ],
)
def test_a_period_that_ends_before_it_starts_is_refused(end: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        period("2026-01-01", end)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="need a time zone"):
        Period(datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC))  # noqa: DTZ001


@pytest.mark.parametrize(("days", "weeks"), [(1, 1), (7, 1), (7.5, 2), (28, 4)])
def test_the_week_to_compare_with_ends_before_it_starts(days: float, weeks: int) -> None:
    start = moment("2026-03-01")
    now = Period(start, start + timedelta(days=days))

    assert now.weeks_to_compare == weeks
    then = now.weeks_ago(weeks)
    assert then.length == now.length
    assert then.end <= now.start
    assert then.start.weekday() == now.start.weekday()


def test_only_what_is_past_can_be_reported() -> None:
    whole = period("2026-01-01", "2026-01-08")

    assert whole.until(moment("2026-01-02")) == period("2026-01-01", "2026-01-02")
    assert whole.until(moment("2026-02-01")) == whole
    with pytest.raises(ValueError, match="is in the future"):
        whole.until(moment("2026-01-01"))
