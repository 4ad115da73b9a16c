"""Answers and errors of the dashboard routes."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fastapi import FastAPI

from otel_recmon.definitions import CTR
from otel_recmon.report.router import REASONS, dashboard_router
from otel_recmon.testing import Recorded
from tests.unit.conftest import Client
from tests.unit.query.test_client import answering
from tests.unit.report.held import series, serving
from tests.unit.report.shop import NINE, shop

THREE_HOURS = {"start_date": "2026-01-08T09:00", "end_date": "2026-01-08T12:00"}
SUMMARY, HOURLY = "/dashboard/summary", "/dashboard/hourly"


def client(url: str, **more: Any) -> Client:
    app = FastAPI()
    app.include_router(dashboard_router(prometheus=url, job="shop", **more))
    return Client(app)


@pytest.fixture(scope="module")
def dashboard() -> Iterator[Client]:
    """The routes, with a Prometheus that has the data of the shop."""
    with serving(shop()) as url:
        yield client(url)


class TestAnswers:
    def test_a_summary_has_the_figures_of_the_period(self, dashboard: Client) -> None:
        found = dashboard.get(SUMMARY, params=THREE_HOURS).raise_for_status().json()

        assert found["period"] == {"start": "2026-01-08T09:00:00Z", "end": "2026-01-08T12:00:00Z"}
        assert found["requests"]["total"] == 220
        assert (found["clicks"]["total"], found["clicks"]["ctr"]) == (20, 0.1)
        assert (found["conversions"]["total"], found["conversions"]["conversion_rate"]) == (4, 0.2)
        assert (found["revenue"]["total"], found["revenue"]["per_user"]) == (50.0, None)
        assert [found["latency"][key] for key in ("avg_ms", "p95_ms", "p99_ms")] == pytest.approx([100, 505, 901])

    def test_a_summary_can_be_that_of_a_model_version(self, dashboard: Client) -> None:
        found = dashboard.get(SUMMARY, params={**THREE_HOURS, "model_version": "v2"}).raise_for_status().json()

        assert (found["model_version"], found["requests"]["total"], found["latency"]["avg_ms"]) == ("v2", 120, None)

    def test_hours_are_those_of_a_day(self, dashboard: Client) -> None:
        rows = dashboard.get(HOURLY, params={"date": "2026-01-08", "model_version": "v1"}).raise_for_status().json()

        assert [row["hour"] for row in rows] == [f"2026-01-08T{hour:02}:00:00Z" for hour in range(24)]
        assert {row["hour"][11:13]: row["requests"] for row in rows if row["requests"] is not None} == {
            "08": 0,
            "09": 44,
            "10": 56,
        }
        assert set(rows[9]) >= {"hour", "requests", "clicks", "ctr", "conversions", "avg_latency_ms"}


class TestParameters:
    def test_a_plus_sign_that_nobody_encoded_is_understood(self, dashboard: Client) -> None:
        found = dashboard.get(f"{SUMMARY}?start_date=2026-01-08T10:00+01:00&end_date=2026-01-08T13:00+01:00")

        assert found.json()["period"]["start"] == "2026-01-08T10:00:00+01:00"
        assert found.json()["requests"]["total"] == 220

    @pytest.mark.parametrize(
        ("path", "parameters", "status", "reason"),
        [
            (SUMMARY, {"start_date": "2026-01-09", "end_date": "2026-01-08"}, 422, "is not before the end"),
            (SUMMARY, {"start_date": "2026-01-08", "end_date": "2026-01-08"}, 422, "for a single day"),
            (SUMMARY, {"start_date": "soon", "end_date": "2026-01-08"}, 422, "is not a date or time"),
            (SUMMARY, {"start_date": "2999-01-08", "end_date": "2999-01-09"}, 422, "is in the future"),
            (SUMMARY, {"start_date": "2025-01-01", "end_date": "2026-01-08"}, 422, "longer than 92 days"),
            (HOURLY, {"date": "9999-12-31"}, 422, "out of range"),
            (SUMMARY, THREE_HOURS | {"model_version": "v3"}, 404, "known versions: v1, v2"),
            (SUMMARY, {"start_date": "2026-01-06", "end_date": "2026-01-07"}, 404, "no service sent data"),
        ],
    )
    def test_what_cannot_be_answered_says_why(
        self, dashboard: Client, path: str, parameters: dict[str, str], status: int, reason: str
    ) -> None:
        answer = dashboard.get(path, params=parameters)

        assert (answer.status_code, reason in answer.json()["detail"]) == (status, True), answer.text

    def test_a_missing_parameter_is_named(self, dashboard: Client) -> None:
        answer = dashboard.get(SUMMARY, params={"start_date": "2026-01-08"})

        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["query", "end_date"]

    def test_environments_are_never_merged(self) -> None:
        staging = series(
            "recommendation_requests_total",
            [(NINE.timestamp() + 60, 1000.0)],
            deployment_environment_name="staging",
            status="success",
        )
        with serving(shop(staging)) as url:
            several = client(url).get(SUMMARY, params=THREE_HOURS)
            one = client(url, environment="test").get(SUMMARY, params=THREE_HOURS)

        assert (several.status_code, "shop (staging), shop (test)" in several.text) == (409, True)
        assert one.json()["requests"]["total"] == 220


class TestPrometheus:
    def test_a_prometheus_that_answers_garbage_is_a_bad_gateway(self) -> None:
        with answering("<html>") as (url, _):
            answer = client(url).get(SUMMARY, params=THREE_HOURS)

        assert (answer.status_code, "does not answer like Prometheus" in answer.text) == (502, True)

    def test_a_prometheus_that_is_not_there_is_a_bad_gateway(self) -> None:
        with answering("") as (url, _):
            pass
        answer = client(url).get(HOURLY, params={"date": "2026-01-08"})

        assert (answer.status_code, "Prometheus cannot be reached" in answer.text) == (502, True)
        assert url not in answer.text

    def test_a_prometheus_that_is_slow_is_a_gateway_timeout(self) -> None:
        with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:  # nobody serves
            url = f"http://127.0.0.1:{server.server_port}"
            hung = client(url, timeout_s=0.05).get(SUMMARY, params=THREE_HOURS)
        with answering({"status": "error", "errorType": "timeout", "error": "query timed out"}, 503) as (url, _):
            busy = client(url).get(SUMMARY, params=THREE_HOURS)

        assert (hung.status_code, "did not answer within 0.05 s" in hung.text) == (504, True)
        assert (busy.status_code, "query timed out" in busy.text) == (504, True)

    def test_what_is_given_to_authenticate_is_sent(self) -> None:
        with answering({"status": "success", "data": {"resultType": "vector", "result": []}}) as (url, asked):
            client(url, headers={"X-Scope-OrgID": "shops"}).get(SUMMARY, params=THREE_HOURS)

        assert {request.rpartition(" ")[2] for request, _ in asked} == {"shops"}


class TestRouter:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"prometheus": "prometheus:9090"}, "must be a URL"),
            ({"prometheus": ""}, "must be a URL"),
            ({"job": ""}, "job must be the label job"),
            ({"timeout_s": 0}, "must be above 0"),
        ],
    )
    def test_a_wrong_argument_is_refused_when_the_app_is_built(self, wrong: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            dashboard_router(**{"prometheus": "http://localhost:9090", "job": "shop"} | wrong)

    def test_the_routes_are_documented(self, dashboard: Client) -> None:
        document = dashboard.get("/openapi.json").json()
        paths, clicks = document["paths"], document["components"]["schemas"]["Clicks"]["properties"]
        assert clicks["ctr"]["description"] == CTR.meaning

        for path, model in ((SUMMARY, "Summary"), (HOURLY, "Hour")):
            responses = paths[path]["get"]["responses"]
            assert f"/{model}" in str(responses["200"])
            assert {int(code) for code in responses} == {200, *REASONS}

    def test_the_routes_are_not_counted_as_recommendations(self, recmon: Recorded) -> None:
        app = FastAPI()
        app.get("/recommendations")(lambda: ["a", "b"])
        with serving(shop()) as url:
            app.include_router(dashboard_router(prometheus=url, job="shop"))
            for path, parameters in (
                (SUMMARY, THREE_HOURS),
                (HOURLY, {"date": "2026-01-08"}),
                ("/recommendations", {}),
            ):
                Client(app).get(path, params=parameters).raise_for_status()

        assert recmon.value("recommendation_requests_total") == 1
