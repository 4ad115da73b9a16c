"""The choice of one service; services are never merged."""

import pytest

from otel_recmon.query.service import Service
from otel_recmon.report.failure import NoDataError, SeveralError, UnknownError
from otel_recmon.report.services import chosen, service, services
from tests.unit.report.held import series
from tests.unit.report.shop import NINE, PERIOD, SHOP, shop

STAGING = Service("shop", "staging")
BARE = Service("blog")
SEVERAL = (BARE, STAGING, SHOP)


def test_services_are_found_by_what_they_counted_in_the_period() -> None:
    at = [(NINE.timestamp() + 5, 1.0)]
    prometheus = shop(
        series("recommendations_clicked_total", at, deployment_environment_name="staging"),
        series("recommendation_impressions_total", at, job="blog", deployment_environment_name=""),
        series("recommendation_requests_total", [(NINE.timestamp() - 5, 1.0)], job="gone"),
        series("http_server_request_duration_seconds_count", at, job="foreign"),
    )

    assert services(prometheus, PERIOD) == SEVERAL
    assert services(prometheus, PERIOD, "blog") == (BARE,)
    assert service(prometheus, PERIOD, "blog", None) == BARE
    with pytest.raises(UnknownError, match="services with data: blog, shop"):
        service(prometheus, PERIOD, "shap", None)


@pytest.mark.parametrize(
    ("job", "environment", "expected"),
    [("shop", "test", SHOP), (None, "staging", STAGING), ("blog", None, BARE), (None, "", BARE)],
)
def test_a_service_is_chosen_by_job_and_environment(
    job: str | None, environment: str | None, expected: Service
) -> None:
    assert chosen(SEVERAL, PERIOD, job, environment) == expected


def test_the_only_one_needs_no_choice() -> None:
    assert chosen([SHOP], PERIOD, None, None) == SHOP


@pytest.mark.parametrize("job", [None, "shop"])
def test_of_several_one_has_to_be_chosen(job: str | None) -> None:
    with pytest.raises(SeveralError, match=r"choose a job and an environment: .*shop \(staging\), shop \(test\)"):
        chosen(SEVERAL, PERIOD, job, None)


def test_an_unknown_one_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(
        UnknownError,
        match=r"shap has no data in this period; services with data: blog, shop \(staging\), shop \(test\)$",
    ):
        chosen(SEVERAL, PERIOD, "shap", None)


def test_without_any_there_is_no_data() -> None:
    with pytest.raises(NoDataError, match="is this the Prometheus that receives the metrics"):
        chosen([], PERIOD, None, None)


def test_a_name_with_quotes_stays_one_label() -> None:
    assert Service('a"b\\', "ü").selector("x") == 'x{job="a\\"b\\\\", deployment_environment_name="ü"}'
