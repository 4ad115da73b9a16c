"""A server that is stopped loses nothing, whichever it is, and a hung endpoint does not hold it up."""

import signal
import textwrap
from pathlib import Path

import httpx
import pytest

from tests import web
from tests.speed import eventually
from tests.stack.serving import DEADLINE, GUNICORN, GUNICORN_PRELOAD, OTLP, UVICORN, UVICORN_WORKERS, serving
from tests.stack.sink import HANGS, Sink, listening

APP = """
    from fastapi import FastAPI
    app = FastAPI()

    @app.get("/recommendations")
    async def recommendations():
        return {"recommendations": [{"id": 1, "score": 0.5}, {"id": 2, "score": 0.4}]}

    @app.post("/click")
    def click(position: int):
        return {}
"""
SERVERS = {
    "uvicorn": UVICORN,
    "uvicorn with workers": UVICORN_WORKERS,
    "gunicorn": GUNICORN,
    "gunicorn with preload": GUNICORN_PRELOAD,
}
SENT = 21


def _env(sink: Sink) -> dict[str, str]:
    return OTLP | {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the service's code is."""
    (tmp_path / "service.py").write_text(textwrap.dedent(APP))
    return tmp_path


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS.keys())
def test_a_server_stopped_by_sigterm_has_exported_every_request(server: tuple[str, ...], folder: Path) -> None:
    with listening() as sink, serving("service:app", _env(sink), folder=folder, server=server) as service:
        for _ in range(SENT):
            eventually(lambda: _answers(service.url))
        web.post(f"{service.url}/click?position=2")
        service.stop()

    totals = sink.totals()
    assert totals["recommendation.requests"] == SENT
    assert totals["recommendation.latency"] == SENT
    assert totals["recommendation.score"] == SENT
    assert totals["recommendation.impressions"] == 2 * SENT
    assert totals["recommendations.clicked"] == 1


def test_the_first_event_of_each_counter_is_preceded_by_a_zero(folder: Path) -> None:
    with listening() as sink, serving("service:app", _env(sink), folder=folder) as service:
        web.get(f"{service.url}/recommendations")
        service.stop()

    counters = {key: value for key, value in sink.first.items() if key[1] == "recommendation.requests"}
    assert set(counters.values()) == {0}
    assert sink.totals()["recommendation.requests"] == 1


def test_only_the_processes_that_serve_report(folder: Path) -> None:
    with listening() as sink, serving("service:app", _env(sink), folder=folder, server=UVICORN_WORKERS) as service:
        eventually(lambda: _answers(service.url))
        service.stop()

    assert 1 <= len(sink.instances()) <= 2


def test_an_endpoint_that_hangs_holds_the_shutdown_up_for_seconds_only(folder: Path) -> None:
    patient = {"OTEL_EXPORTER_OTLP_TIMEOUT": "3600"}  # so that only the plugin's own deadline ends it
    with listening() as sink, serving("service:app", _env(sink) | patient, folder=folder) as service:
        web.get(f"{service.url}/recommendations")
        with sink.failing(HANGS):
            service.process.send_signal(signal.SIGTERM)

            code = service.process.wait(DEADLINE)

    assert code in (0, -signal.SIGTERM)


def _answers(url: str) -> bool:
    try:
        return web.get(f"{url}/recommendations").status_code == 200
    except httpx.TransportError:
        return False
