"""What the code says and what the plugin sees of one request is counted once."""

import asyncio
from contextlib import suppress
from typing import Any

import httpx
import pytest
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import JSONResponse

from otel_recmon import MetricsCollector, monitor_latency
from otel_recmon.testing import Recorded
from tests import web
from tests.stack.threaded import threaded

BODY = {"recommendations": [{"id": "a"}, {"id": "b"}]}


class GoneError(Exception):
    """What a service answers with 404."""


def service(metrics: MetricsCollector) -> FastAPI:  # noqa: C901 - one handler a case
    """A service that mixes verbs, the decorator and the plugin in every way."""
    app = FastAPI()

    @app.get("/background/recommendations")
    async def background(tasks: BackgroundTasks) -> Any:
        tasks.add_task(metrics.track_recommendations, "u", ["a", "b"])
        return BODY

    @app.post("/background/click")
    async def click(tasks: BackgroundTasks) -> Any:
        tasks.add_task(metrics.track_click, 1)
        return {}

    @app.get("/two/recommendations")
    async def two() -> Any:
        metrics.track_recommendations("u", ["a", "b"])
        metrics.track_recommendations("u", ["c"])
        return BODY

    @app.get("/raising/recommendations")
    async def raising() -> Any:
        metrics.track_recommendations("u", ["a", "b"])
        raise RuntimeError

    @app.get("/unavailable/recommendations")
    @monitor_latency(metrics)
    async def unavailable() -> Any:
        return JSONResponse({}, 503)

    @app.exception_handler(GoneError)
    async def gone(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({}, 404)

    @app.get("/gone/recommendations")
    @monitor_latency(metrics)
    async def handled() -> Any:
        raise GoneError

    @monitor_latency(metrics)
    async def rank() -> None:
        raise ValueError

    @app.get("/helped/recommendations")
    async def helped() -> Any:
        try:
            await rank()
        except ValueError:
            return BODY

    @app.post("/purchase")
    async def purchase() -> Any:
        metrics.track_click(1)
        return {}

    @app.get("/polling/recommendations")
    async def polling() -> Any:
        async def poll() -> None:
            for _ in range(3):
                await asyncio.sleep(0.01)
                metrics.track_request(success=True)

        app.state.task = asyncio.create_task(poll())
        return BODY

    @app.get("/wait")
    async def wait() -> Any:
        await app.state.task

    @app.post("/served/click")
    async def served(request: Request) -> Any:
        await request.body()
        return {}

    return app


Counts = dict[str, float]
CASES: dict[str, tuple[list[tuple[str, str]], Counts]] = {
    "a slate said again by a background task": (
        [("GET", "/background/recommendations")],
        {"success": 1, "served": 1, "good": 1},
    ),
    "a click said again by a background task": ([("POST", "/background/click")], {"clicks": 1}),
    "two slates in one request": ([("GET", "/two/recommendations")], {"success": 1, "served": 1, "good": 1}),
    "a slate of a request that fails": (
        [("GET", "/raising/recommendations")],
        {"error": 1, "failed": 1, "bad": 1},
    ),
    "a monitored handler that answers 503": (
        [("GET", "/unavailable/recommendations")],
        {"error": 1, "failed": 1, "bad": 1},
    ),
    "a monitored handler whose exception becomes a 404": ([("GET", "/gone/recommendations")], {"rejected": 1}),
    "a monitored helper whose failure the handler makes good": (
        [("GET", "/helped/recommendations")],
        {"success": 1, "served": 1, "good": 1},
    ),
    "a click within a purchase": ([("POST", "/purchase")], {"clicks": 1, "conversions": 1}),
    "a task that outlives its request": (
        [("GET", "/polling/recommendations"), ("GET", "/wait")],
        {"success": 3, "served": 3, "good": 1},
    ),
}


def _counts(recmon: Recorded) -> Counts:
    requests, outcomes = "recommendation_requests_total", "recommendation_outcomes_total"
    found = {
        **{status: recmon.value(requests, status=status) for status in ("success", "error", "rejected")},
        "served": recmon.value(outcomes, outcome="served"),
        "failed": recmon.value(outcomes, outcome="error"),
        "good": recmon.value("recommendation_slo_responses_total", good="true"),
        "bad": recmon.value("recommendation_slo_responses_total", good="false"),
        "clicks": recmon.value("recommendations_clicked_total"),
        "conversions": recmon.value("recommendations_converted_total"),
    }
    return {name: value for name, value in found.items() if value}


def _send(calls: list[tuple[str, str]]) -> None:
    """Send requests over one connection, on which the last is read only when the one before is over."""
    with threaded(service(MetricsCollector())) as url, web.client(base_url=url) as client:
        for method, path in calls:
            client.request(method, path)
        with suppress(httpx.TransportError):  # after a failure the server closes the connection, when all is over too
            client.get("/nothing")


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_counted_twice_or_lost_with(case: str, recmon: Recorded) -> None:
    calls, wanted = CASES[case]

    _send(calls)

    assert _counts(recmon) == wanted


def test_a_version_that_a_client_names_is_not_believed_where_the_service_has_one(recmon: Recorded) -> None:
    _send([("POST", "/served/click?model_version=jane@example.org")])

    assert recmon.value("recommendations_clicked_total", model_version="test") == 1
