"""What the watch does around an application."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from otel_recmon.config import Settings
from otel_recmon.integrations.asgi import Switch, WatchMiddleware
from otel_recmon.reading.observer import Observer
from otel_recmon.recording.collector import MetricsCollector
from tests.unit.conftest import Read, labelled, named


def test_metrics_that_a_client_does_not_take_are_not_answered_twice(metrics: MetricsCollector) -> None:
    switch, sent = Switch(), []
    switch.turn_on(Observer(Settings(metrics_path="/__metrics"), metrics.defaults))

    async def application(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message.get("status"))
        if message["type"] == "http.response.body":
            raise OSError

    asgi = {"type": "http", "method": "GET", "path": "/__metrics", "headers": []}
    with pytest.raises(OSError):  # noqa: PT011 - it is the client's
        asyncio.run(WatchMiddleware(application, switch)(asgi, receive, send))  # type: ignore[arg-type]  # a coroutine it is
    assert sent == [200, None]


START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
PART = {"type": "http.response.body", "body": b'["a"', "more_body": True}
END = {"type": "http.response.body", "body": b"]"}
FILE = {"type": "http.response.pathsend", "path": "/a/file"}
LEAVE, FAIL = "the application hears that the client has left", "the next message fails to be sent"


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        pytest.param([START, PART, END], "success", id="a whole response"),
        pytest.param([START, PART, END, LEAVE], "success", id="the client leaves afterwards"),
        pytest.param([START, PART, LEAVE, END], "rejected", id="a stream that a middleware ends"),
        pytest.param([START, FAIL, PART, END], "rejected", id="a middleware that hides the failure of the socket"),
        pytest.param([START, LEAVE, FILE], "rejected", id="a file that nobody receives"),
        pytest.param([START, PART, LEAVE], "rejected", id="a stream that nobody ends"),
        pytest.param([START, PART], "error", id="an application that stops too early"),
    ],
)
def test_a_response_that_the_client_did_not_wait_for_is_rejected(
    metrics: MetricsCollector, series: Read, steps: list[Any], status: str
) -> None:
    switch, failing = Switch(), []
    switch.turn_on(Observer(Settings(), metrics.defaults))

    async def application(_: Any, receive: Any, send: Any) -> None:
        for step in steps:
            if step == LEAVE:
                await receive()
            elif step == FAIL:
                failing.append(step)
            else:
                await _send_hiding_failures(send, step)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        if failing:
            failing.clear()
            raise OSError

    route = SimpleNamespace(path="/recommendations")
    asgi = {"type": "http", "method": "GET", "path": route.path, "headers": [], "route": route}
    asyncio.run(WatchMiddleware(application, switch)(asgi, receive, send))  # type: ignore[arg-type]  # a coroutine it is

    requests = named(series(), "recommendation_requests_total")
    assert {labels: count for labels, count in requests.items() if count} == {
        labelled(model_version="v1", status=status): 1
    }


async def _send_hiding_failures(send: Any, message: Any) -> None:
    with suppress(OSError):
        await send(message)
