import math

import pytest

from otel_recmon.stats.histogram import divided, quantile, rise

BUCKETS = {0.1: 8.0, 0.2: 10.0, math.inf: 12.0}


@pytest.mark.parametrize(("before", "after", "risen"), [(3, 5, 2), (5, 5, 0), (5, 2, 2), (5, 0, 0), (0, 7, 7)])
def test_a_counter_that_began_anew_has_risen_by_what_it_shows(before: float, after: float, risen: float) -> None:
    assert rise(before, after) == risen


@pytest.mark.parametrize(("share", "value"), [(0.5, 0.075), (0.75, 0.15), (0.8, 0.18), (0.99, 0.2), (0, 0)])
def test_a_quantile_is_interpolated_and_ends_at_the_last_finite_bound(share: float, value: float) -> None:
    assert quantile(share, BUCKETS) == pytest.approx(value)


@pytest.mark.parametrize("buckets", [{}, {math.inf: 3.0}, {0.1: 0.0, math.inf: 0.0}, {0.1: 1.0, 0.2: 2.0}])
def test_a_histogram_that_has_recorded_nothing_or_is_none_has_no_quantile(buckets: dict[float, float]) -> None:
    assert math.isnan(quantile(0.5, buckets))


def test_buckets_that_were_read_while_they_changed_still_have_a_quantile() -> None:
    assert quantile(1.0, {0.1: 3.0, math.inf: 2.0}) == pytest.approx(0.1 * 2 / 3)


@pytest.mark.parametrize(("part", "value"), [(3.0, 1.5), (0.0, 0.0)])
def test_a_quotient_is_a_quotient(part: float, value: float) -> None:
    assert divided(part, 2.0) == value


def test_nothing_can_be_divided_by_nothing() -> None:
    assert (divided(1.0, 0.0), divided(-1.0, 0.0)) == (math.inf, -math.inf)
    assert math.isnan(divided(0.0, 0.0))
