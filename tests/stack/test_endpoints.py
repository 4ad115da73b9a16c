"""An endpoint that does not take what is exported: no request waits for it, and nothing is lost or piled up."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests import web
from tests.speed import eventually
from tests.stack.serving import OTLP, Service, serving
from tests.stack.sink import FAULTS, HANGS, Sink, listening

APP = """
    import sys, threading
    from fastapi import FastAPI
    app = FastAPI()

    @app.get("/recommendations")
    async def recommendations():
        return [{"id": 1, "score": 0.5}, {"id": 2, "score": 0.25}]

    @app.get("/threads")
    async def threads():
        frames = sys._current_frames()
        return {thread.name: modules(frames.get(thread.ident)) for thread in threading.enumerate()}

    def modules(frame):
        found = set()
        while frame:
            found.add(frame.f_globals.get("__name__", ""))
            frame = frame.f_back
        return sorted(found)
"""
EXPORTER = "opentelemetry.exporter.otlp.proto.http.metric_exporter"
REQUESTS = 20


@dataclass
class Exporting:
    """A service that exports to a sink, and how often it was asked for recommendations."""

    service: Service
    sink: Sink
    asked: int = 0

    def ask(self) -> None:
        """Have it answer some requests."""
        for _ in range(REQUESTS):
            web.get(f"{self.service.url}/recommendations").raise_for_status()
            self.asked += 1

    def threads(self) -> dict[str, list[str]]:
        """The threads of the service, and the modules that each of them is in."""
        found: dict[str, list[str]] = web.get(f"{self.service.url}/threads").raise_for_status().json()
        return found

    def all_arrived(self) -> bool:
        """Whether the sink knows of every request."""
        return self.sink.totals().get("recommendation.requests") == self.asked


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporting]:
    """A service that has exported, and waits for an answer to an export for as long as it takes."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "service.py").write_text(textwrap.dedent(APP))
    with listening() as sink:
        env = OTLP | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "3600",
            "OTEL_METRIC_EXPORT_INTERVAL": "100",
        }
        with serving("service:app", env, folder=folder) as service:
            running = Exporting(service, sink)
            running.ask()
            eventually(running.all_arrived)
            yield running


def test_requests_are_answered_while_an_export_hangs_on_a_thread_of_its_own(exporting: Exporting) -> None:
    with exporting.sink.failing(HANGS):
        eventually(lambda: exporting.sink.refused)

        exporting.ask()
        threads = exporting.threads()

        assert exporting.sink.refused == 1
        assert [name for name, modules in threads.items() if EXPORTER in modules] == [
            "OtelPeriodicExportingMetricReader"
        ]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_an_endpoint_did_not_take_arrives_with_the_next_export(exporting: Exporting, fault: str) -> None:
    with exporting.sink.failing(fault):
        eventually(lambda: exporting.sink.refused)
        exporting.ask()

    eventually(exporting.all_arrived)
    assert exporting.sink.totals()["recommendation.latency"] == exporting.asked
    assert exporting.sink.totals()["recommendation.impressions"] == 2 * exporting.asked


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_piles_up_while_an_endpoint_fails(exporting: Exporting, fault: str) -> None:
    eventually(exporting.all_arrived)
    before = (exporting.sink.points, set(exporting.threads()))

    with exporting.sink.failing(fault):
        eventually(lambda: exporting.sink.refused >= (1 if fault == HANGS else 3))
        exporting.ask()
        during = set(exporting.threads())
    eventually(exporting.all_arrived)

    assert (exporting.sink.points, during) == before
    assert exporting.sink.points == len(exporting.sink.last)
