"""Means and quantiles, compared with those of Prometheus for the same buckets."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon.report.histogram import Histogram

INF = math.inf
LATENCY = Histogram.of({INF: 20.0, 0.1: 10.0, 0.2: 18.0, 0.05: 4.0}, 2.5)


def test_the_mean_is_that_of_all_values() -> None:
    assert LATENCY.mean == 0.125


@pytest.mark.parametrize(
    ("level", "value", "bounds"),
    [
        (0.1, 0.025, (0.0, 0.05)),
        (0.2, 0.05, (0.0, 0.05)),
        (0.5, 0.1, (0.05, 0.1)),
        (0.7, 0.15, (0.1, 0.2)),
        (0.95, 0.2, (0.2, INF)),
    ],
)
def test_a_quantile_is_interpolated_within_its_bucket(level: float, value: float, bounds: tuple[float, float]) -> None:
    assert LATENCY.quantile(level) == pytest.approx(value)
    assert LATENCY.bucket(level) == bounds


def test_of_no_value_nothing_is_known() -> None:
    for nothing in (Histogram(), Histogram.of({0.1: 0.0, INF: 0.0}, 0.0)):
        assert all(math.isnan(value) for value in (nothing.mean, nothing.quantile(0.5), *nothing.bucket(0.5)))


@given(st.lists(st.floats(0.001, 9.9), min_size=1), st.floats(0.01, 1))
def test_a_quantile_of_any_values_is_in_the_bucket_of_the_true_one(values: list[float], level: float) -> None:
    bounds = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, INF)
    counted = Histogram.of({bound: float(sum(value <= bound for value in values)) for bound in bounds}, sum(values))
    true = next(value for n, value in enumerate(sorted(values), 1) if n >= level * len(values))

    lower, upper = counted.bucket(level)

    assert lower < true <= upper
    assert lower <= counted.quantile(level) <= upper
