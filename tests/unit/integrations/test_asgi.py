"""What the watch does around an application."""

import asyncio
from typing import Any

import pytest

from otel_recmon.config import Settings
from otel_recmon.integrations.asgi import Switch, WatchMiddleware
from otel_recmon.reading.observer import Observer
from otel_recmon.recording.collector import MetricsCollector


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
