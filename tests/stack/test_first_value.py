"""Every reader sees a new series as 0 before its value, whoever else reads in between."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import web
from tests.speed import eventually
from tests.stack.examined import other_prometheus
from tests.stack.observed import Prometheus
from tests.stack.serving import RECMON, Service, serving

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


def _seen_by_a_person(service: Service) -> str:
    page = web.get(f"{service.url}/__metrics").text
    return next(line.rpartition(" ")[2] for line in page.splitlines() if line.startswith(CLICKS))


def test_two_prometheus_and_a_person_each_see_what_they_need(service: Service, tmp_path: Path) -> None:
    config = _scraping(httpx.URL(service.url).netloc.decode(), "/__metrics")
    with ExitStack() as stack:
        urls = [stack.enter_context(other_prometheus(tmp_path / str(number), config)) for number in range(READERS)]
        readers = [Prometheus(url) for url in urls]
        for reader in readers:
            eventually(partial(reader.values, "up == 1"))

        _click(service)
        at_once = _seen_by_a_person(service)
        for reader in readers:
            eventually(partial(reader.values, f"{CLICKS} == 3"))

        values = [[sample.value for sample in reader.samples(CLICKS)] for reader in readers]

    assert at_once == "3.0"
    assert [(seen[0], seen[-1]) for seen in values] == [(0, 3)] * READERS
