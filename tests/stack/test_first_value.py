"""Every reader sees a new series as 0 before its value, whoever else reads in between."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from otel_recmon.stack.ports import free_port
from tests import web
from tests.speed import eventually
from tests.stack.examined import other_prometheus
from tests.stack.observed import Prometheus
from tests.stack.serving import OTLP, RECMON, Service, serving
from tests.stack.sink import listening

APP = """
from fastapi import FastAPI
app = FastAPI()

@app.post("/click")
def click(position: int) -> None:
    pass
"""
CLICKS = "recommendations_clicked_total"
READERS = 2


def _scraping(target: str, path: str) -> dict[str, Any]:
    job = {"job_name": "shop", "metrics_path": path, "static_configs": [{"targets": [target]}]}
    return {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "clicked.py").write_text(APP)
    with serving("clicked:app", RECMON | {"OTEL_RECMON_FIRST_ZERO_SECONDS": "3"}, folder=tmp_path) as found:
        yield found


def _click(service: Service) -> None:
    for _ in range(3):
        web.post(f"{service.url}/click?position=1").raise_for_status()


def _clicks_on(page: str) -> str:
    lines = web.get(page).text.splitlines()
    return next(line.rpartition(" ")[2] for line in lines if line.startswith(CLICKS))


def test_two_prometheus_and_a_person_each_see_what_they_need(service: Service, tmp_path: Path) -> None:
    config = _scraping(httpx.URL(service.url).netloc.decode(), "/__metrics")
    with ExitStack() as stack:
        urls = [stack.enter_context(other_prometheus(tmp_path / str(number), config)) for number in range(READERS)]
        readers = [Prometheus(url) for url in urls]
        for reader in readers:
            eventually(partial(reader.values, "up == 1"))

        _click(service)
        at_once = _clicks_on(f"{service.url}/__metrics")
        for reader in readers:
            eventually(partial(reader.values, f"{CLICKS} == 3"))

        values = [[sample.value for sample in reader.samples(CLICKS)] for reader in readers]

    assert at_once == "3.0"
    assert [(seen[0], seen[-1]) for seen in values] == [(0, 3)] * READERS


def test_two_exporters_of_a_process_each_begin_with_zero(tmp_path: Path) -> None:
    (tmp_path / "clicked.py").write_text(APP)
    port = free_port()
    with listening() as sink:
        both = {
            "OTEL_METRICS_EXPORTER": "otlp,prometheus",
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_RECMON_FIRST_ZERO_SECONDS": "1",
        }
        with serving("clicked:app", OTLP | both, folder=tmp_path) as service:
            _click(service)
            first = _clicks_on(f"http://127.0.0.1:{port}/metrics")
            eventually(lambda: sink.totals().get("recommendations.clicked") == 3)
            eventually(lambda: _clicks_on(f"http://127.0.0.1:{port}/metrics") == "3.0")

    sent = {value for key, value in sink.first.items() if key[1] == "recommendations.clicked"}
    assert (first, sent) == ("0.0", {0})
