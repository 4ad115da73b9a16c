import json
import logging
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otel_recmon.cli.group import group
from tests.unit.doctor.healthy_target import HEALTHY

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
    logging.disable(logging.NOTSET)  # the command does not restore it, because its process ends


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an application in it."""
    (tmp_path / "doctored.py").write_text(textwrap.dedent(APP))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def run(*arguments: str, **changes: str) -> Result:
    cleared = {name: None for name in os.environ if name.startswith(("OTEL_", "SLACK_", "WEB_", "GUNICORN_"))}
    return CliRunner().invoke(group, ["doctor", *arguments], env={**cleared, **HEALTHY, **changes})


def test_a_finding_has_a_problem_an_effect_and_a_fix() -> None:
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


def test_without_findings_the_skipped_topics_are_listed() -> None:
    result = run("--only", "prometheus")

    assert (result.exit_code, result.output) == (
        0,
        "nothing wrong in nothing\nnot examined: prometheus (set --prometheus URL)\n",
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


def test_a_response_is_read_with_the_route_that_matches_its_request(folder: Path) -> None:
    (folder / "response.json").write_text('["a", "b", "c", "d", "e", "f"]')

    result = run("--try", "response.json", "--app", "doctored:app", "--request", "GET /v1/shop/7/recommendations")

    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert "route GET /v1/shop/{user}/recommendations, watched as recommendation" in lines
    assert "items 6: a, b, c, d, e, ..." in lines


@pytest.mark.parametrize(
    ("body", "header", "words"),
    [
        (b'{"a": 1}', "a: b", "not recognised: set OTEL_RECMON_ITEMS to their place in the response"),
        (b'{"codes": ["a"]}', "a: b", "not recognised: if the list codes has the items, set OTEL_RECMON_ITEMS=codes"),
        (b"<html>", "content-type: text/html", "not recognised: they are text/html and not JSON"),
        (b"<html>", "a: b", "not recognised: one of them is not valid JSON"),
        (b'["a"]', "content-encoding: lzma", "not recognised: they are compressed with lzma"),
        (b" " * 300_000, "a: b", "one of them has 300000 bytes; set OTEL_RECMON_MAX_BODY_BYTES to more than that"),
    ],
)
def test_unreadable_responses_and_responses_without_items_are_distinguished(
    folder: Path, body: bytes, header: str, words: str
) -> None:
    (folder / "response.json").write_bytes(body)

    result = run("--try", "response.json", "--response-header", header)

    assert result.exit_code == 1
    assert words in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--pid", "4194304"), "process 4194304 cannot be read (No such file or directory)"),
        (("--app", "doctored"), "--app 'doctored' is not of the form module:app"),
        (("--app", "doctored:nothing"), "doctored:nothing cannot be imported: AttributeError"),
        (("--app", "doctored:APIRouter"), "doctored:APIRouter has no routes: it is a type, not an application"),
        (("--command", "'"), '--command "\'" cannot be read: No closing quotation'),
        (("--try", "none.json"), "--try none.json: No such file or directory"),
        (("--grafana", "http://127.0.0.1:1", "--alerts", "none.toml"), "--alerts none.toml: "),
    ],
)
def test_an_unusable_argument_exits_with_2_and_a_message(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert f"otel-recmon doctor: {words}" in result.output


def test_an_unknown_topic_is_refused() -> None:
    assert run("--only", "weather").exit_code == 2
