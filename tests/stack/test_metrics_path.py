"""The service's own page of metrics answers behind every kind of proxy."""

from pathlib import Path

import pytest

from tests import web
from tests.stack.serving import RECMON, UVICORN, serving

APP = """
from fastapi import FastAPI
app = FastAPI({arguments})

@app.get("/recommendations")
def recommendations() -> list[str]:
    return ["a", "b"]
"""
PATH = "/__metrics"
ROOT = "/api"


@pytest.mark.parametrize(
    ("arguments", "server", "asked", "not_asked"),
    [
        pytest.param("", (), PATH, ROOT + PATH, id="no proxy"),
        pytest.param("", ("--root-path", ROOT), PATH, "/other" + PATH, id="uvicorn behind a proxy that strips"),
        pytest.param(f"root_path='{ROOT}'", (), PATH, "/other" + PATH, id="an application behind a proxy that strips"),
        pytest.param(f"root_path='{ROOT}'", (), ROOT + PATH, "/other" + PATH, id="a proxy that does not strip"),
        pytest.param(f"root_path='{ROOT}/'", (), ROOT + PATH, "/other" + PATH, id="a slash at the end"),
    ],
)
def test_the_page_answers(arguments: str, server: tuple[str, ...], asked: str, not_asked: str, tmp_path: Path) -> None:
    (tmp_path / "rooted.py").write_text(APP.format(arguments=arguments))
    command = (*UVICORN, "--app-dir", str(tmp_path), *server)

    with serving("rooted:app", RECMON, server=command, folder=tmp_path) as service:
        answers = [web.get(service.url + path) for path in (asked, not_asked)]

    assert [answer.status_code for answer in answers] == [200, 404]
    assert "recmon_build_info" in answers[0].text
