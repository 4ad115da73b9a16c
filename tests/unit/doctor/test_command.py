import json
import logging
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otel_recmon.cli.group import group
from tests.unit.doctor.patients import HEALTHY

APP = """
    from fastapi import APIRouter, FastAPI
    app = FastAPI(openapi_url=None)
    shop, events, inner = APIRouter(prefix="/shop"), APIRouter(), FastAPI(openapi_url=None)

    @shop.get("/{user}/recommendations")
    def recommendations(user: str): return []

    @events.post("/click")
    def click(): return {}

    @inner.get("/health")
    def health(): return {}

    shop.include_router(events)
    app.include_router(shop, prefix="/v1")
    app.mount("/inner", inner)
"""


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    yield
    logging.disable(logging.NOTSET)  # as the command leaves it, for its process ends


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an application, entered."""
    (tmp_path / "doctored.py").write_text(textwrap.dedent(APP))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def run(*arguments: str, **changes: str) -> Result:
    cleared = {name: None for name in os.environ if name.startswith(("OTEL_", "SLACK_", "WEB_", "GUNICORN_"))}
    return CliRunner().invoke(group, ["doctor", *arguments], env={**cleared, **HEALTHY, **changes})


def test_a_finding_says_what_why_and_how() -> None:
    result = run("--only", "environment", OTEL_SDK_DISABLED="true")

    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "error sdk-disabled (environment)",
        "  OTEL_SDK_DISABLED is true.",
        "  Why: The OpenTelemetry SDK exports nothing: no metrics, no traces, no logs.",
        "  Fix: Remove OTEL_SDK_DISABLED, or set it to false.",
        "",
        "1 finding in environment",
    ]


def test_nothing_wrong_is_said_and_what_was_not_examined() -> None:
    result = run("--only", "prometheus")

    assert (result.exit_code, result.output) == (
        0,
        "nothing wrong in nothing\nnot examined: prometheus (name it with --prometheus URL)\n",
    )


def test_the_routes_of_an_application_are_listed(folder: Path) -> None:
    result = run("--only", "environment", "--app", "doctored:app", "--json")

    assert (
        json.loads(result.output)["routes"]
        == [
            {"method": "GET", "template": "/v1/shop/{user}/recommendations", "watched_as": "recommendation"},
            {"method": "POST", "template": "/v1/shop/click", "watched_as": "click"},
            {"method": "GET", "template": "/inner/health", "watched_as": None},
        ]
        or result.output
    )


def test_a_response_is_tried_on_the_route_that_it_belongs_to(folder: Path) -> None:
    (folder / "response.json").write_text('["a", "b", "c", "d", "e", "f"]')

    result = run("--try", "response.json", "--app", "doctored:app", "--request", "GET /v1/shop/7/recommendations")

    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert "route GET /v1/shop/{user}/recommendations, watched as recommendation" in lines
    assert "items 6: a, b, c, d, e, ..." in lines


@pytest.mark.parametrize(
    ("body", "header", "words"),
    [
        (b'{"a": 1}', "a: b", "nothing in it looks like items; set OTEL_RECMON_ITEMS"),
        (
            b"<html>",
            "content-type: text/html",
            "nothing in it looks like items; set OTEL_RECMON_ITEMS to where they are",
        ),
        (b"<html>", "a: b", "it is not the JSON that its content type says"),
        (b'["a"]', "content-encoding: br", "it is packed in another way than by gzip or deflate"),
        (b" " * 300_000, "a: b", "it is too long to be read; raise OTEL_RECMON_MAX_BODY_BYTES"),
    ],
)
def test_a_response_that_cannot_be_read_is_told_from_one_without_items(
    folder: Path, body: bytes, header: str, words: str
) -> None:
    (folder / "response.json").write_bytes(body)

    result = run("--try", "response.json", "--response-header", header)

    assert result.exit_code == 1
    assert words in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--pid", "4194304"), "process 4194304 cannot be looked at (No such file or directory)"),
        (("--app", "doctored"), "--app 'doctored' is not of the form module:app"),
        (("--app", "doctored:nothing"), "doctored:nothing cannot be imported: AttributeError"),
        (("--app", "doctored:APIRouter"), "doctored:APIRouter has no routes: it is a type, not an application"),
        (("--command", "'"), '--command "\'" cannot be read: No closing quotation'),
        (("--try", "none.json"), "--try none.json: No such file or directory"),
        (("--grafana", "http://127.0.0.1:1", "--alerts", "none.toml"), "--alerts none.toml: "),
    ],
)
def test_what_cannot_be_examined_is_said_with_exit_code_2(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert f"otel-recmon doctor: {words}" in result.output


def test_an_unknown_topic_is_refused() -> None:
    assert run("--only", "weather").exit_code == 2
