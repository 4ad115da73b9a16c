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


@pytest.mark.parametrize(
    ("rate", "bounds"),
    [
        (Rate(0, 20, unbounded=True), (0.0, 0.1921)),
        (Rate(20, 20, unbounded=True), (0.6474, 1.5447)),
        (Rate(1_750, 1_000, unbounded=True), (1.6699, 1.8339)),
        (Rate(10**9, 10**6, unbounded=True), (999.9380, 1_000.0620)),
    ],
)
def test_the_interval_of_a_rate_above_1_contains_the_rate(rate: Rate, bounds: tuple[float, float]) -> None:
    assert rate.interval == pytest.approx(bounds, abs=5e-5)
    assert bounds[0] <= rate.value <= bounds[1]


def test_small_rates_have_nearly_the_same_interval_either_way() -> None:
    assert Rate(10, 10_000, unbounded=True).interval == pytest.approx(Rate(10, 10_000).interval, rel=1e-3)


def test_several_clicks_a_request_differ() -> None:
    low, high = difference(Rate(1_750, 1_000, unbounded=True), Rate(1_200, 1_000, unbounded=True))

    assert (low, high) == pytest.approx((0.4436, 0.6566), abs=1e-3)


def test_the_difference_is_that_of_newcombes_first_example() -> None:
    assert difference(Rate(56, 70), Rate(48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_without_a_trial_nothing_is_known() -> None:
    rate = Rate(0, 0)

    assert all(math.isnan(value) for value in (rate.value, *rate.interval))


def test_more_successes_than_trials_do_not_break_the_interval() -> None:
    assert Rate(21, 20).interval == Rate(20, 20).interval


def test_the_trials_needed_are_those_of_the_textbook_formula() -> None:
    assert trials_needed(Rate(10, 100), Rate(15, 100)) == pytest.approx(682.9, abs=0.1)


def test_the_trials_needed_follow_the_variance_of_a_poisson_count() -> None:
    one, other = Rate(175, 100, unbounded=True), Rate(120, 100, unbounded=True)

    assert trials_needed(one, other) == pytest.approx(7.849 * (1.75 + 1.2) / 0.55**2, rel=1e-3)


def test_equal_rates_cannot_be_told_apart() -> None:
    assert trials_needed(Rate(1, 10), Rate(10, 100)) == math.inf
