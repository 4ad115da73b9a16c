"""Clicks that come back late, twice, forged or without an id, to any of four workers: each counts where it belongs."""

import hashlib
import json
import random
import textwrap
import threading
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_recmon.attribution import HEADER, Recommendation, Signer
from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually
from tests.stack.observed import Prometheus
from tests.stack.serving import DEADLINE, OTLP, UVICORN, Service, serving

APP = """
    import os
    from pathlib import Path
    from fastapi import FastAPI, Request, Response

    app = FastAPI()

    @app.post("/recommendations")
    async def recommendations(request: Request):
        asked = await request.json()
        version = Path(__file__).with_name("version").read_text()
        items = [f"{version}-{asked['user_id']}-{k}" for k in range(asked["length"])]
        return {"model_version": version, "variant": asked["arm"], "items": [{"id": item} for item in items]}

    @app.post("/click")
    async def click(request: Request, response: Response):
        response.headers["x-pid"] = str(os.getpid())
        return await request.json()

    @app.post("/conversion")
    async def conversion(request: Request):
        return await request.json()
"""
WORKERS = 4
SLATES = 400
CLICKS = 1_000
ONE_IN_A_HUNDRED = CLICKS // 100
KEY, RETIRED = "the key of the tests", "the key before it"
WINDOW = 86_400
VERSIONS = "v1", "v2"
SETTINGS = {
    "OTEL_RECMON_SIGNING_KEY": f"{KEY}, {RETIRED}",
    "OTEL_RECMON_ATTRIBUTION_WINDOW": str(WINDOW),
    "OTEL_RECMON_MODEL_VERSION": "default",
    "OTEL_RECMON_MODEL_VERSION_FROM": "/recommendations => model_version",
    "OTEL_RECMON_VARIANT": "/recommendations => variant",
}
Json = dict[str, Any]
Sum = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class Shown:
    """A slate as its reader got it."""

    version: str
    arm: str
    items: list[str]
    token: str

    def older(self, seconds: float, key: str = KEY) -> str:
        """The id that it would have, had it been shown that long ago."""
        found = Signer([KEY, RETIRED]).verify(self.token, 4e9, 4e9)
        assert isinstance(found, Recommendation)
        return Signer([key]).sign(found.shown, self.items, found.at - seconds)


@dataclass(frozen=True)
class Click:
    """A click, how often it is sent, and what must become of each."""

    token: str
    item: str
    results: tuple[str, ...]


@dataclass
class Truth:
    """What was sent, and what must be counted."""

    clicked: Counter[tuple[str, ...]] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    pids: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Fleet:
    """Four workers behind one port, and the Prometheus that they end in."""

    service: Service
    prometheus: Prometheus
    folder: Path

    def slate(self, number: int) -> Shown:
        """Have a slate shown, by whichever worker it is."""
        asked = {"user_id": f"user-{number}", "length": 3 + number % 10, "arm": "ab"[number % 2]}
        with self.connected() as post:
            said, headers = post("/recommendations", asked, {})
        return Shown(said["model_version"], said["variant"], [item["id"] for item in said["items"]], headers[HEADER])

    def slates(self, version: str) -> list[Shown]:
        """Have many shown by a version."""
        (self.folder / "version").write_text(version)
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(self.slate, range(SLATES // 2)))

    def click(self, click: Click) -> list[str]:
        """Send a click as often as it is to be sent, over one connection, and return who took it."""
        headers = {HEADER: click.token} if click.token else {}
        with self.connected() as post:
            return [post("/click", {"item_id": click.item}, headers)[1]["x-pid"] for _ in click.results]

    @contextmanager
    def connected(self) -> Iterator[Callable[[str, Json, Json], tuple[Json, Message]]]:
        """Open a connection of its own, lighter than that of a client that could do more."""
        connection = HTTPConnection(self.service.url.removeprefix("http://"), timeout=DEADLINE)

        def post(path: str, said: Json, headers: Json) -> tuple[Json, Message]:
            connection.request("POST", path, json.dumps(said), {"content-type": "application/json", **headers})
            answer = connection.getresponse()
            assert answer.status == 200
            return json.load(answer), answer.headers

        with closing(connection):
            yield post

    def sums(self, metric: str, *labels: str) -> Sum:
        """What has been counted by labels, all workers together."""
        found = self.prometheus.values(f"sum by ({', '.join(labels)}) ({metric}) > 0")
        return {tuple(dict(series).get(label, "") for label in labels): value for series, value in found.items()}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The workers, all of which answer."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "service.py").write_text(textwrap.dedent(APP))
    (folder / "version").write_text("v1")
    with Stack() as stack:
        env = (
            OTLP
            | SETTINGS
            | {
                "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_http_url,
                "OTEL_METRIC_EXPORT_INTERVAL": "500",
            }
        )
        server = (*UVICORN, "--workers", str(WORKERS))
        with serving("service:app", env, folder=folder, server=server) as service:
            fleet = Fleet(service, Prometheus(stack.prometheus_url), folder)
            eventually(lambda: service.log.read_text().count("Application startup complete") == WORKERS)
            yield fleet


def clicks(slates: Sequence[Shown], truth: Truth) -> list[Click]:
    """Different clicks on slates, in no order, some of them not as they should be; and what must be counted."""
    draw = random.Random(7)
    places = [(slate, place) for slate in slates for place in range(len(slate.items))]
    found = []
    for number, (slate, place) in enumerate(draw.sample(places, CLICKS)):
        kind = (
            ("twice", "forged", "missing", "expired", "malformed")[number // ONE_IN_A_HUNDRED]
            if (number < 5 * ONE_IN_A_HUNDRED)
            else draw.choice(("at once", "later", "signed before the key was changed"))
        )
        tokens = {
            "forged": slate.older(0, "a key of somebody else"),
            "missing": "",
            "expired": slate.older(WINDOW + 60),
            "malformed": slate.token[: draw.randrange(1, len(slate.token))],
            "later": slate.older(draw.uniform(0, WINDOW - 600)),
            "signed before the key was changed": slate.older(draw.uniform(0, WINDOW - 600), RETIRED),
        }
        good = kind not in ("forged", "missing", "expired", "malformed")
        label = str(place + 1) if place < 10 else "11+"
        truth.clicked[(slate.version, slate.arm, label) if good else ("default", "", "unknown")] += 1
        results = ("attributed", "duplicate") if kind == "twice" else ("attributed" if good else kind,)
        truth.results.update(results)
        found.append(Click(tokens.get(kind, slate.token), slate.items[place], results))
    draw.shuffle(found)
    return found


@pytest.fixture(scope="module")
def truth(fleet: Fleet) -> Truth:
    """Slates of two versions, the second from half-way on, then clicks to whichever worker it is."""
    truth = Truth()
    slates = [slate for version in VERSIONS for slate in fleet.slates(version)]
    with ThreadPoolExecutor(8) as pool:
        took = list(pool.map(fleet.click, clicks(slates, truth)))
    assert all(len(set(pids)) == 1 for pids in took)  # a connection stays with its worker
    truth.pids.update(pid for pids in took for pid in pids)
    wanted = {
        "recmon_attributions_total": truth.results.total(),
        "recommendations_clicked_total": CLICKS,
        "recommendation_click_delay_seconds_count": truth.results["attributed"],
    }
    eventually(lambda: {name: sum(fleet.sums(name, "job").values()) for name in wanted} == wanted)
    return truth


def test_every_click_counts_for_the_version_the_arm_and_the_position_of_its_slate(fleet: Fleet, truth: Truth) -> None:
    assert fleet.sums("recommendations_clicked_total", "model_version", "variant", "position") == truth.clicked
    assert len(truth.pids) == WORKERS
    assert truth.clicked.total() == CLICKS


def test_what_cannot_be_attributed_counts_by_its_reason(fleet: Fleet, truth: Truth) -> None:
    found = fleet.sums("recmon_attributions_total", "result")

    assert found == {(result,): count for result, count in truth.results.items()}
    assert truth.results == {
        "attributed": CLICKS - 4 * ONE_IN_A_HUNDRED,
        **dict.fromkeys(("duplicate", "forged", "missing", "expired", "malformed"), ONE_IN_A_HUNDRED),
    }


def test_every_attributed_click_has_its_delay(fleet: Fleet, truth: Truth) -> None:
    counted = fleet.sums("recommendation_click_delay_seconds_count", "model_version", "variant")

    wanted: Counter[tuple[str, ...]] = Counter()
    for (version, arm, _), count in truth.clicked.items():
        wanted[version, arm] += count
    del wanted["default", ""]
    assert counted == wanted


@pytest.mark.usefixtures("truth")
def test_the_same_click_at_several_workers_counts_once_at_each(fleet: Fleet) -> None:
    """What docs/attribution.md says of several processes: they know nothing of each other's clicks."""
    slate = fleet.slate(1)
    before = fleet.sums("recmon_attributions_total", "result")
    pids: set[str] = set()
    sent = 0

    while len(pids) < 2:
        pids.update(fleet.click(Click(slate.token, slate.items[0], ("",))))
        sent += 1
        assert sent < 200

    def risen() -> dict[str, float]:
        after = fleet.sums("recmon_attributions_total", "result")
        return {key[0]: value - before[key] for key, value in after.items() if value > before[key]}

    assert eventually(lambda: risen() if sum(risen().values()) == sent else {}) == {
        "attributed": 2.0,
        **({"duplicate": float(sent - 2)} if sent > 2 else {}),
    }


CANARIES = {
    kind: f"canary-{kind}-" + hashlib.sha256(kind.encode()).hexdigest()[:12] for kind in ("user", "item", "text")
}
SHOP = """
    from fastapi import FastAPI, Request
    from otel_recmon import MetricsCollector, recommendation_id

    app = FastAPI()
    metrics = MetricsCollector("v1")

    @app.post("/recommendations")
    async def recommendations(request: Request):
        asked = await request.json()
        return {"query": asked["text"], "user_id": asked["user"], "items": [{"id": asked["item"]}, {"id": "other"}]}

    @app.post("/said/recommendations")
    async def said(request: Request):
        asked = await request.json()
        metrics.track_recommendations(asked["user"], [asked["item"], "other"])
        return {"id": recommendation_id()}

    @app.post("/click")
    async def click(request: Request):
        return await request.json()

    @app.post("/said/click")
    async def said_click(request: Request):
        said = await request.json()
        slate, user = request.headers["x-recommendation-id"], said["user_id"] + " again"
        metrics.track_click(said["text"], recommendation_id=slate, item_id=said["item_id"], user_id=user)

    @app.post("/conversion")
    async def conversion(request: Request):
        return await request.json()

    @app.post("/seen")
    async def seen(request: Request):
        return await request.json()
"""


PATHS = "/click", "/said/click", "/conversion", "/seen"
EVENTS = 4 * len(PATHS)


class Ear:
    """Takes every OTLP signal, and remembers it by its path, to the byte."""

    def __init__(self) -> None:
        self.url = ""
        self.heard: dict[str, bytes] = {}


@contextmanager
def listening() -> Iterator[Ear]:
    """Run one on a port the system hands out."""
    ear = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            ear.heard[self.path] = ear.heard.get(self.path, b"") + body
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ear.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield ear
    finally:
        server.shutdown()
        server.server_close()


def spans(heard: dict[str, bytes]) -> list[Any]:
    """The spans of the service's requests that were heard."""
    request = ExportTraceServiceRequest.FromString(heard.get("/v1/traces", b""))
    found = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
    return [span for span in found if span.kind == span.SPAN_KIND_SERVER]


@dataclass(frozen=True)
class Left:
    """What a service that was told the canaries has left behind."""

    heard: dict[str, bytes]
    log: str
    tokens: list[str]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    """Tell a service the canaries in every way but in an address, which others than we put into spans and logs."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(textwrap.dedent(SHOP))
    user, item, text = CANARIES.values()
    with listening() as ear:
        env = (
            OTLP
            | SETTINGS
            | {
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_LOGS_EXPORTER": "otlp",
                "OTEL_BSP_SCHEDULE_DELAY": "200",
                "OTEL_BLRP_SCHEDULE_DELAY": "200",
                "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true",
                "OTEL_EXPORTER_OTLP_ENDPOINT": ear.url,
                "OTEL_RECMON_IMPRESSION_ROUTES": "POST /seen",
                "OTEL_RECMON_USER": "body:user_id",
            }
        )
        with serving("shop:app", env, folder=folder) as service:
            with web.client(base_url=service.url, headers={"x-user": user}) as client:
                tokens = []
                for path in ("/recommendations", "/said/recommendations"):
                    answer = client.post(path, json={"text": text, "user": user, "item": item}).raise_for_status()
                    tokens.append(answer.headers[HEADER])
                said = {"item_id": item, "user_id": user, "text": text, "position": text, "revenue": text}
                for token in (*tokens, text, "AQ" + text):
                    for path in PATHS:
                        client.post(path, json=said, headers={HEADER: token}).raise_for_status()
            eventually(lambda: len(spans(ear.heard)) == len(tokens) + EVENTS)
            service.stop()
            yield Left(ear.heard, service.log.read_text(), tokens)


@pytest.mark.parametrize("kind", CANARIES)
def test_no_user_item_or_text_leaves_the_process(left: Left, kind: str) -> None:
    raw = [urlsafe_b64decode(token + "=" * (-len(token) % 4)) for token in left.tokens]
    places = {**left.heard, "log": left.log.encode(), "tokens": b" ".join([*raw, *(t.encode() for t in left.tokens)])}

    assert set(left.heard) == {"/v1/metrics", "/v1/traces", "/v1/logs"}
    assert [place for place, content in places.items() if CANARIES[kind].encode() in content] == []
    assert b"dropped a value (position_invalid)" in left.heard["/v1/logs"]


def test_the_log_and_the_telemetry_do_not_hold_the_ids_nor_the_keys(left: Left) -> None:
    everything = b"".join(left.heard.values()) + left.log.encode()

    assert [secret for secret in (*left.tokens, KEY, RETIRED) if secret.encode() in everything] == []


def test_the_span_of_a_click_links_to_that_of_its_slate(left: Left) -> None:
    found = spans(left.heard)
    shown = {span.span_id for span in found if span.name.endswith("recommendations")}
    linked = {(span.name, link.span_id) for span in found for link in span.links}

    assert len(shown) == 2
    assert linked == {(f"POST {path}", span_id) for path in PATHS for span_id in shown}
