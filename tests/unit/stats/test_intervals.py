import math

import pytest

from otel_recmon.stats.intervals import Rate, difference, trials_needed


@pytest.mark.parametrize(
    ("rate", "bounds"),
    [
        (Rate(10, 100), (0.0552, 0.1744)),
        (Rate(0, 20), (0.0, 0.1611)),
        (Rate(20, 20), (0.8389, 1.0)),
    ],
)
def test_the_interval_is_wilsons(rate: Rate, bounds: tuple[float, float]) -> None:
    assert rate.interval == pytest.approx(bounds, abs=5e-5)


def test_the_difference_is_that_of_newcombes_first_example() -> None:
    assert difference(Rate(56, 70), Rate(48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_without_a_trial_nothing_is_known() -> None:
    rate = Rate(0, 0)

    assert all(math.isnan(value) for value in (rate.value, *rate.interval))


def test_more_successes_than_trials_do_not_break_the_interval() -> None:
    assert Rate(21, 20).interval == Rate(20, 20).interval


def test_the_trials_needed_are_those_of_the_textbook_formula() -> None:
    assert trials_needed(Rate(10, 100), Rate(15, 100)) == pytest.approx(682.9, abs=0.1)


def test_equal_rates_cannot_be_told_apart() -> None:
    assert trials_needed(Rate(1, 10), Rate(10, 100)) == math.inf
