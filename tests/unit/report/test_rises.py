"""Exact increases of counters in each hour, with resets and gaps."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_recmon.report import rises
from otel_recmon.report.period import Period, moment
from otel_recmon.report.rises import Rise, Rises, risen
from tests.unit.report.held import Samples, held, series

NOON = moment("2026-01-01T12:00")
AT = NOON.timestamp()
SELECTOR = 'x_total{job="shop"}'


def rose(samples: Samples, period: Period) -> list[Rise]:
    reading = Rises(held(series("x_total", samples)), SELECTOR)
    return list(reading.within(period.hours))


def by(samples: Samples, hours: float = 1) -> list[float]:
    return [rise.by for rise in rose(samples, Period(NOON, NOON + timedelta(hours=hours)))]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([(AT - 60, 5), (AT + 60, 7), (AT + 120, 9)], [4]),
        ([(AT - 86_399, 5), (AT + 60, 7)], [2]),
        ([(AT, 5), (AT + 60, 7)], [2]),
        ([(AT + 60, 7), (AT + 3600, 9)], [9]),
        ([(AT + 60, 7), (AT + 3601, 9)], [7]),
        ([(AT - 60, 5), (AT + 60, 3)], [3]),
        ([(AT - 60, 5), (AT + 60, 9), (AT + 120, 2), (AT + 180, 2), (AT + 240, 1)], [4 + 2 + 1]),
        ([(AT - 60, 5), (AT + 60, 5)], [0]),
        ([(AT - 60, 5)], []),
    ],
    ids=[
        "what it rose by since the last value before",
        "a value of almost a day ago is known",
        "a value of the very start is before it",
        "a new one began at 0, and the very end belongs to the period",
        "what comes after the end does not",
        "one that fell began again at 0, also across the start",
        "one that fell several times",
        "nothing",
        "silence is not 0",
    ],
)
def test_a_counter_rises_by(samples: Samples, expected: list[float]) -> None:
    assert by(samples) == expected


def test_a_rise_belongs_to_the_hour_of_the_sample_that_shows_it() -> None:
    samples = [(AT - 60, 5), (AT + 600, 7), (AT + 3 * 3600, 19), (AT + 3 * 3600 + 1, 20)]

    found = rose(samples, Period(NOON, NOON + timedelta(hours=4)))

    assert [(rise.hour, rise.by) for rise in found] == [(0, 2), (2, 12), (3, 1)]


def test_hours_are_numbered_through_whatever_their_lengths() -> None:
    period = Period(NOON + timedelta(minutes=30), NOON + timedelta(hours=3, minutes=30))

    found = rose([(AT + minutes * 60, minutes) for minutes in (45, 75, 135, 195)], period)

    assert [(rise.hour, rise.by) for rise in found] == [(0, 45), (1, 30), (2, 60), (3, 60)]


def test_series_are_kept_apart_and_named_by_their_labels() -> None:
    prometheus = held(
        series("x_total", [(AT + 1, 5)], instance="a"), series("x_total", [(AT + 1, 3), (AT + 2, 1)], instance="b")
    )

    found = list(Rises(prometheus, SELECTOR).within(Period(NOON, NOON + timedelta(hours=1)).hours))

    assert {(rise.labels["instance"], rise.by) for rise in found} == {("a", 5), ("b", 4)}


def test_what_was_read_is_told_and_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rises, "PIECE", 2)
    hours = Period(NOON + timedelta(minutes=1), NOON + timedelta(hours=5, minutes=2)).hours
    read: list[int] = []

    list(Rises(held(), SELECTOR).within(hours, read.append))

    assert read == [1, 2, 2, 1]
    assert sum(read) == len(hours)


COUNTERS = st.lists(
    st.tuples(st.integers(1, 4 * 3600), st.one_of(st.integers(0, 5), st.just(-1))), min_size=1, max_size=30
)
"""When something is counted, and how much; -1 is a restart."""


def counter(steps: list[tuple[int, int]], start: float) -> Samples:
    value, samples = 0.0, {}
    for second, step in sorted(steps):
        value = 0.0 if step < 0 else value + step
        samples[start + second] = value
    return sorted(samples.items())


@settings(max_examples=150, deadline=None)
@given(COUNTERS, st.integers(0, 3 * 3600), st.integers(1, 3 * 3600), st.sampled_from([1, 2, 168]))
def test_the_hours_add_up_to_the_differences_of_all_samples(
    steps: list[tuple[int, int]], offset: int, length: int, piece: int
) -> None:
    samples = counter(steps, AT)
    period = Period(NOON + timedelta(seconds=offset), NOON + timedelta(seconds=offset + length))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rises, "PIECE", piece)
        found = rose(samples, period)

    assert {rise.hour: rise.by for rise in found} == differences(samples, period)


def differences(samples: Samples, period: Period) -> dict[int, float]:
    """Return the increase between consecutive samples, by the index of the hour."""
    last = 0.0
    sums: dict[int, float] = {}
    for at, value in samples:
        hour = next(
            (n for n, one in enumerate(period.hours) if one.start.timestamp() < at <= one.end.timestamp()), None
        )
        if hour is not None:
            sums[hour] = sums.get(hour, 0.0) + (value - last if value >= last else value)
        last = value if hour is not None or at <= period.start.timestamp() else last
    return sums


@given(st.floats(0, 1e6), st.lists(st.floats(0, 1e6)))
def test_no_counter_rises_by_less_than_nothing(before: float, samples: list[float]) -> None:
    assert risen(before, samples) >= 0
