import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from otel_recmon import catalog
from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.prometheus_source import PrometheusSource
from otel_recmon.demo.scrape import Exposition
from tests.speed import scaled

REVENUE = [
    {"metric": {"__name__": "recommendation_revenue_dollars_sum", "variant": variant}, "value": [1.5, value]}
    for variant, value in (("bts", "148.10000000000002"), ("random", "0"))
]
Exports = Callable[[], list[list[float]]]


def _settled(exports: Exports, deadline_s: float = scaled(30)) -> tuple[Exposition, list[str]]:
    """Read from a fake Prometheus with these exports; return the metrics and the queries."""
    queries: list[str] = []

    async def query(request: web.Request) -> web.Response:
        queries.append(request.query["query"])
        found: list[dict[str, Any]] = REVENUE
        if queries[-1].endswith("[5m]"):
            found = [{"metric": {}, "values": [[at, "1"] for at in times]} for times in exports()]
        return web.json_response({"status": "success", "data": {"result": found}})

    async def read() -> Exposition:
        app = web.Application()
        app.router.add_get("/api/v1/query", query)
        async with TestServer(app) as server, ClientSession() as client:
            url = str(server.make_url("")).rstrip("/")
            return await PrometheusSource(url, "shop", Path("/logs"), deadline_s).settled(client)

    return asyncio.run(read()), queries


def _growing(*late: int) -> Exports:
    """Return exports of processes: one before the start, then one per query, with `late` queries of delay."""
    began, queries = time.time(), iter(range(1_000))

    def exports() -> list[list[float]]:
        seen = next(queries)
        return [[began - 1, *(began + 60 + n for n in range(seen - missed))] for missed in late]

    return exports


def test_the_values_are_read_once_after_two_exports() -> None:
    exposition, queries = _settled(_growing(0))

    assert queries == ['recmon_build_info{job="shop"}[5m]'] * 3 + ['{job="shop"}']
    assert exposition.by(catalog.REVENUE, "variant", "_sum") == {"bts": 148.10000000000002}
    assert exposition.origin == "Prometheus"


def test_the_slowest_process_is_waited_for() -> None:
    _, queries = _settled(_growing(0, 2))

    assert len(queries) == 3 + 2 + 1


@pytest.mark.parametrize("processes", [(), (1_000,), (0, 1_000)])
def test_missing_metrics_are_reported_with_the_folder_of_logs(processes: tuple[int, ...]) -> None:
    with pytest.raises(DemoError) as failed:
        _settled(_growing(*processes), deadline_s=0.3)

    assert str(failed.value) == "the metrics did not reach Prometheus within 0.3 s; the logs are in /logs"
