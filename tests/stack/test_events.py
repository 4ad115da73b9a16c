"""The event log on the real components: what the Collector writes says all that Prometheus has counted."""

import random
import signal
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_recmon.catalog import SeriesKey
from otel_recmon.eventlog import RECOUNTED, Event, counted, events
from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually
from tests.stack.observed import Prometheus
from tests.stack.serving import DEADLINE, GUNICORN_PRELOAD, RECMON, UVICORN, Service, serving
from tests.stack.sink import HANGS, listening

APP = """
    from fastapi import FastAPI, HTTPException, Request, Response
    from opentelemetry.trace import format_span_id, get_current_span
    from otel_recmon import MetricsCollector

    app = FastAPI()
    metrics = MetricsCollector()
    GENRES = ["drama", "comedy", "war", "sport", None]

    def mark(response):
        response.headers["x-span"] = format_span_id(get_current_span().get_span_context().span_id)

    @app.get("/users/{user_id}/recommendations")
    async def recommendations(user_id: str, n: int, response: Response, broken: bool = False):
        mark(response)
        if n < 0:
            raise HTTPException(404)
        if broken:
            raise RuntimeError(user_id)
        return {"user_id": user_id, "recommendations": [
            {"id": f"i{k}", "genres": [GENRES[k % 5], "film"] if k % 2 else GENRES[k % 5], "score": 1 / (k + 1)}
            for k in range(n)
        ]}

    @app.get("/said/recommendations")
    async def said(user_id: str, n: int, response: Response):
        mark(response)
        metrics.track_cache_hit(n % 2 == 0)
        with metrics.stage("retrieval") as stage:
            stage.candidates = 10 * n
        metrics.track_recommendations(user_id, [f"i{k}" for k in range(n)], surface="top", requested=3)
        metrics.track_recommendations(user_id, ["x"], ["drama"], positions=[7], surface="bottom", cache_hit=True)
        return {}

    @app.get("/home")
    async def home(user_id: str, response: Response):
        mark(response)
        metrics.track_recommendations(user_id, ["a"], variant="of a route that is not watched")
        return {}

    @app.post("/click")
    async def click(request: Request, response: Response):
        mark(response)
        return await request.json()

    @app.post("/conversion")
    async def conversion(request: Request, response: Response):
        mark(response)
        return await request.json()

    @app.post("/cart")
    @app.post("/seen")
    async def seen(request: Request, response: Response):
        mark(response)
        return await request.json()
"""
NAMES = {metric.prometheus for metric in RECOUNTED}
OFTEN = {"OTEL_METRIC_EXPORT_INTERVAL": "500", "OTEL_BLRP_SCHEDULE_DELAY": "500"}
UVICORN_WORKERS = (*UVICORN, "--workers", "4")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The Collector, which writes the events, and Prometheus."""
    with Stack() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the service's code is."""
    (tmp_path / "service.py").write_text(textwrap.dedent(APP))
    return tmp_path


def _env(url: str, name: str, **more: str) -> dict[str, str]:
    return RECMON | {
        "OTEL_SERVICE_NAME": name,
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_METRIC_EXPORT_INTERVAL": "3600000",
        "OTEL_BLRP_SCHEDULE_DELAY": "3600000",
        "OTEL_RECMON_METRICS_PATH": "",
        "OTEL_RECMON_LOG_EVENTS": "true",
        "OTEL_RECMON_USER_HASH_KEY": "a key of the tests alone",
        "OTEL_RECMON_VARIANT": "header:x-variant",
        "OTEL_RECMON_EXPERIMENT": "ranker",
        **more,
    }


class Client:
    """Sends requests, each on a connection and in a trace of its own, and remembers the server's span of each trace."""

    def __init__(self, service: Service) -> None:
        self._url = service.url
        self._draw = random.Random(5)
        self.spans: dict[str, str] = {}
        eventually(lambda: web.answers(service.url))

    def send(self, method: str, path: str, user: int, **arguments: Any) -> None:
        trace = f"{self._draw.getrandbits(128):032x}"
        headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "x-variant": f"arm{user}"}
        answer = web.request(method, self._url + path, headers=headers, **arguments)
        self.spans[trace] = answer.headers.get("x-span", "")


def _traffic(client: Client) -> int:
    """Send some of everything; return how many requests for recommendations there were."""
    for n in range(-1, 13):
        for user in range(5):
            client.send("GET", f"/users/canary{user}/recommendations?n={n}&limit=4", user)
    for user in range(5):
        client.send("GET", f"/users/canary{user}/recommendations?n=3&broken=1", user)
        client.send("GET", f"/said/recommendations?n={user}&user_id=canary{user}", user)
        client.send("GET", f"/home?user_id=canary{user}", user)
        for position in (1, "2", 40, None):
            client.send("POST", "/click", user, json={"user_id": f"canary{user}", "position": position})
        client.send("POST", "/conversion", user, json={"user_id": f"canary{user}", "revenue": user - 1})
        client.send("POST", "/cart", user, json={"user_id": f"canary{user}", "item_id": "i-7"})
        client.send("POST", "/seen", user, json={"user_id": f"canary{user}", "positions": [1, 2, "x", 11]})
    return 14 * 5 + 5 + 5 + 5


def _log(stack: Stack, name: str) -> list[Event]:
    """Return the events of a service."""
    text = "".join(path.read_text() for path in sorted(stack.events.parent.iterdir()))
    whole = text[: text.rfind("\n") + 1]  # a line may be being written
    return list(events(line for line in whole.splitlines() if f'"{name}"' in line))


def _counters(stack: Stack, name: str) -> dict[SeriesKey, float]:
    """Return the last values of the counters of a service, summed over its processes."""
    sums: defaultdict[SeriesKey, float] = defaultdict(float)
    for labels, value in Prometheus(stack.prometheus_url).values(f'{{job="{name}"}}').items():
        named = dict(labels)
        own = {"model_version", "variant", "surface", "status", "outcome", "good", "position", "category", "stage"}
        own |= {"experiment", "bucket", "action"}
        series = (named["__name__"], tuple(sorted((label, named[label]) for label in own & set(named))))
        sums[series] += value if named["__name__"] in NAMES else 0
    return {series: total for series, total in sums.items() if total}


def _total(counts: dict[SeriesKey, float], name: str) -> float:
    return sum(total for (series, _), total in counts.items() if series == name)


@pytest.mark.parametrize("impressions", ["", "POST /seen"], ids=["by slate", "by client"])
def test_every_counter_in_prometheus_follows_from_the_events(stack: Stack, folder: Path, impressions: str) -> None:
    name = "reported" if impressions else "returned"
    caps = {"OTEL_RECMON_IMPRESSION_ROUTES": impressions, "OTEL_RECMON_MAX_VARIANTS": "3"}
    env = _env(stack.otlp_http_url, name, **caps) | OFTEN
    with serving("service:app", env, folder=folder, server=UVICORN_WORKERS) as service:
        requests = _traffic(Client(service))
        eventually(lambda: _total(counted(_log(stack, name)), "recommendation_requests_total") == requests)
        eventually(lambda: counted(_log(stack, name)) == _counters(stack, name))

    found = counted(_log(stack, name))
    assert _total(found, "recommendation_requests_total") == requests
    assert _total(found, "recommendations_clicked_total") == 20
    assert {series for series, _ in found} == NAMES


def test_an_event_has_the_trace_of_its_request_and_the_span_of_its_server(stack: Stack, folder: Path) -> None:
    env = _env(stack.otlp_http_url, "traced", OTEL_RECMON_IMPRESSION_ROUTES="POST /seen")
    with serving("service:app", env, folder=folder) as service:
        client = Client(service)
        _traffic(client)
        service.stop()

    eventually(lambda: {event.trace_id for event in _log(stack, "traced")} == set(client.spans) or None)
    spans = {event.trace_id: event.span_id for event in _log(stack, "traced")}
    unmarked = {trace for trace, span in client.spans.items() if not span}  # an error has no headers of the handler's
    assert {trace: span for trace, span in spans.items() if trace not in unmarked} == {
        trace: span for trace, span in client.spans.items() if trace not in unmarked
    }
    assert len(unmarked) == 10


def test_the_log_holds_a_hash_for_each_user_and_no_id(stack: Stack, folder: Path) -> None:
    with serving("service:app", _env(stack.otlp_http_url, "hashed"), folder=folder, server=UVICORN_WORKERS) as service:
        _traffic(Client(service))
        service.stop()

    log = eventually(lambda: _log(stack, "hashed"))
    assert len({event.attributes["user"] for event in log}) == 5
    assert "canary" not in "".join(path.read_text() for path in stack.events.parent.iterdir())


def test_a_preloading_server_logs_each_event_once(stack: Stack, folder: Path) -> None:
    (folder / "service.py").write_text(textwrap.dedent(APP) + "metrics.track_click(99)\n")
    env = _env(stack.otlp_http_url, "preloaded")

    with serving("service:app", env, folder=folder, server=GUNICORN_PRELOAD) as service:
        for position in range(1, 22):
            web.post(f"{service.url}/click", json={"position": position})
        service.stop()

    eventually(lambda: len(_log(stack, "preloaded")) >= 22 or None)
    assert sorted(event.attributes["position"] for event in _log(stack, "preloaded")) == [*range(1, 22), 99]


def test_the_log_rotates_and_its_parts_are_the_whole(folder: Path) -> None:
    with Stack(environment={"COLLECTOR_EVENTS_MAX_MB": "1"}) as stack:
        env = _env(stack.otlp_http_url, "rotated", OTEL_BLRP_MAX_EXPORT_BATCH_SIZE="10")
        with serving("service:app", env, folder=folder) as service:
            for _ in range(60):
                web.get(f"{service.url}/users/7/recommendations?n=300").raise_for_status()
            service.stop()

        eventually(lambda: len(_log(stack, "rotated")) == 60 or None)
        sizes = [path.stat().st_size for path in stack.events.parent.iterdir()]

    assert len(sizes) > 1
    assert max(sizes) <= 1024 * 1024


def test_an_endpoint_that_hangs_holds_the_shutdown_up_for_seconds_only(folder: Path) -> None:
    patient = {"OTEL_EXPORTER_OTLP_TIMEOUT": "3600"}  # so that only the plugin's own deadline ends it
    with listening() as sink, serving("service:app", _env(sink.url, "hung") | patient, folder=folder) as service:
        web.get(f"{service.url}/users/7/recommendations?n=3")
        sink.fault = HANGS
        service.process.send_signal(signal.SIGTERM)

        code = service.process.wait(DEADLINE)

    assert code in (0, -signal.SIGTERM)
