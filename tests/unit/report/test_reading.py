"""Reports of the data in Prometheus: in total, by model version and by hour."""

from datetime import timedelta

import pytest

from otel_recmon.definitions import (
    CACHE_HIT_RATE,
    CLICKS,
    CONVERSION_RATE,
    CONVERSIONS,
    COVERAGE,
    CTR,
    FAILURES,
    REQUESTS,
    REVENUE,
    STALENESS,
    SUCCESSES,
)
from otel_recmon.query.service import Service
from otel_recmon.report.failure import NoDataError, UnknownError
from otel_recmon.report.period import Period, moment
from otel_recmon.report.reading import read
from otel_recmon.stats.intervals import Rate
from tests.unit.report.held import series
from tests.unit.report.shop import NINE, PERIOD, SHOP, shop, values


def test_all_model_versions_are_added_up() -> None:
    figures = read(shop(), SHOP, PERIOD).figures

    assert values(figures, REQUESTS, SUCCESSES, FAILURES) == (220, 200, 20)
    assert (figures.rate(CTR), figures.rate(CONVERSION_RATE)) == (
        Rate(20, 200, unbounded=True),
        Rate(4, 20, unbounded=True),
    )
    assert values(figures, REVENUE, COVERAGE, STALENESS) == (50.0, 50.0, 26.5)
    assert figures.rate(CACHE_HIT_RATE) == Rate(9, 12)


def test_each_model_version_has_its_own() -> None:
    versions = read(shop(), SHOP, PERIOD).versions

    assert {of: values(figures, REQUESTS, CLICKS, COVERAGE) for of, figures in versions.items()} == {
        "v1": (100, 8, 40.0),
        "v2": (120, 12, 60.0),
    }
    assert versions["v2"].count(CONVERSIONS) == 0, "others convert, so it is known"
    assert versions["v2"].rate(CACHE_HIT_RATE) is None, "of the cache it is not known which version asked"


def test_a_gauge_is_the_mean_and_the_most_of_all_samples() -> None:
    at = NINE.timestamp()
    prometheus = shop(
        series(
            "recommendation_catalog_coverage", [(at + 60, 10.0), (at + 3660, 90.0)], model_version="v1", instance="2"
        ),
        series("recommendation_model_staleness_hours", [(at + 60, 30.0), (at + 3660, 1.0)], model_version="v2"),
    )

    figures = read(prometheus, SHOP, Period(PERIOD.start - timedelta(minutes=1), PERIOD.end)).versions

    mean = pytest.approx((40 + 10 + 90) / 3)
    assert {of: one.value(COVERAGE) for of, one in figures.items()} == {"v1": mean, "v2": 60.0}
    assert {of: one.value(STALENESS) for of, one in figures.items()} == {"v1": 26.5, "v2": 30.0}


def test_one_model_version_can_be_chosen() -> None:
    report = read(shop(), SHOP, PERIOD, "v2")

    assert report.figures == report.versions["v2"]
    assert list(report.versions) == ["v2"]
    assert [figures.count(REQUESTS) for _, figures in report.hours] == [100, 20, None]


def test_hours_add_up_and_of_a_silent_one_nothing_is_known() -> None:
    report = read(shop(), SHOP, PERIOD)

    found = [values(figures, REQUESTS, CLICKS, CONVERSIONS) for _, figures in report.hours]
    assert found == [(144, 14, 0), (76, 6, 4), (None,) * 3]
    assert [hour.start for hour, _ in report.hours] == [hour.start for hour in PERIOD.hours]


def test_what_is_told_of_the_progress_adds_up() -> None:
    shares: list[float] = []

    read(shop(), SHOP, PERIOD, progress=shares.append)

    assert sum(shares) == pytest.approx(1)


def test_an_unknown_model_version_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(UnknownError, match=r"no model version 'v3' in this period; known versions: v1, v2$"):
        read(shop(), SHOP, PERIOD, "v3")


def test_a_service_that_is_silent_all_the_time_has_no_figures() -> None:
    later = Period(moment("2026-01-08T12:00"), moment("2026-01-08T13:00"))

    with pytest.raises(NoDataError, match=r"shop \(test\) sent no data from 2026-01-08T12"):
        read(shop(), SHOP, later)


def test_another_service_and_environment_are_left_out() -> None:
    other = [(NINE.timestamp() + 60, 1000.0)]
    name, labels = "recommendation_requests_total", {"status": "success", "model_version": "v1"}
    prometheus = shop(
        series(name, other, **labels, job="other"),
        series(name, other, **labels, deployment_environment_name="staging"),
        series(name, other, **labels, deployment_environment_name=""),
    )

    assert read(prometheus, SHOP, PERIOD).figures.count(REQUESTS) == 220
    assert read(prometheus, Service("shop"), PERIOD).figures.count(REQUESTS) == 1000
