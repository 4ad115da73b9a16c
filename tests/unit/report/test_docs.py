"""The commands, the code and the JSON document of docs/report.md."""

import json
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi import FastAPI

from otel_recmon.cli.group import group
from otel_recmon.report.document import hourly, summary
from otel_recmon.report.reading import read
from otel_recmon.report.router import REASONS
from tests.docs.blocks import ROOT, one
from tests.unit.report.held import held, series, serving
from tests.unit.report.shop import NINE, PERIOD, SHOP, shop

PAGE = "docs/report.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
ANYWHERE = "https://metrics.example.com"
LINES = [line for line in one(PAGE, "--html").text.splitlines() if line.startswith("otel-recmon report")]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A Prometheus with data of the service on the page, in the week of the page and now."""
    labels = {"job": "team/shop", "deployment_environment_name": "production", "status": "success"}
    moments = [NINE.timestamp(), time.time() - 600]
    with serving(held(series("recommendation_requests_total", [(at, 5.0) for at in moments], **labels))) as there:
        yield there


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_page_runs(line: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROMETHEUS_URL", url)

    result = CliRunner().invoke(group, shlex.split(line.replace(ANYWHERE, url), comments=True)[1:])

    assert result.exit_code == 0, result.output
    assert (tmp_path / "week.html").exists() == ("--html" in line)


def test_the_code_of_the_page_adds_the_routes() -> None:
    names: dict[str, Any] = {}

    exec(one(PAGE, "dashboard_router").text, names)

    app: FastAPI = names["app"]
    assert {"/dashboard/summary", "/dashboard/hourly"} <= set(app.openapi()["paths"])


def test_the_document_of_the_page_has_keys_that_there_are() -> None:
    found = asdict(summary(read(shop(), SHOP, PERIOD)))

    shown = json.loads(one(PAGE, "p99_ms").text)
    assert set(_paths(shown)) <= set(_paths(found))
    for key in asdict(hourly(read(shop(), SHOP, PERIOD))[0]):
        assert f"`{key}`" in TEXT


def _paths(document: Mapping[str, Any]) -> Iterator[str]:
    for key, value in document.items():
        yield key
        if isinstance(value, Mapping):
            yield from (f"{key}.{inner}" for inner in _paths(value))


def test_every_status_of_the_routes_is_explained() -> None:
    assert [code for code in REASONS if f"| {code} | " not in TEXT] == []
