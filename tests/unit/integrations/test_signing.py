"""The header of a response that shows a slate, and how long the response waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from otel_recmon import MetricsCollector, recommendation_id
from otel_recmon.attribution import HEADER, Recommendation, Signer
from otel_recmon.integrations import signing
from otel_recmon.recording.request_context import RequestContext
from otel_recmon.testing import Recorded
from tests.unit.conftest import Client

KEY = "a key of the tests alone"
SIGNER = Signer([KEY])
ITEMS = [{"id": "a", "category": "drama"}, {"id": "b", "category": "crime"}]
Message = dict[str, Any]
Said = tuple[str, ...]


class Raw:
    """An ASGI application that sends what it is told to, step by step."""

    def __init__(self, *steps: Message | Exception) -> None:
        self._steps = steps

    async def __call__(self, _: Any, __: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            await send(step)


def _start(length: int | None = None, status: int = 200, **headers: str) -> Message:
    said = {"content-type": "application/json", **({"content-length": str(length)} if length else {}), **headers}
    raw = [(name.encode(), value.encode()) for name, value in said.items()]
    return {"type": "http.response.start", "status": status, "headers": raw}


def _part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


RAW = {
    "parts": Raw(_start(11), _part(b'["a",', more=True), _part(b'  "b"', more=True), _part(b"]", more=False)),
    "exact": Raw(_start(9), _part(b'["a",', more=True), _part(b'"b"]', more=True), _part(b"")),
    "dies": Raw(_start(9), _part(b'["a",', more=True), ValueError("made to fail")),
    "stays": Raw(_start(9)),
    "longer": Raw(_start(10**9), _part(b'["a",', more=True), _part(b'"b"]')),
    "odd": Raw(
        {**_start(), "headers": [(b"content-length", b"nine"), (b"content-type", b"application/json")]}, _part(b'["a"]')
    ),
    "file": Raw(_start(9), {"type": "http.response.pathsend", "path": "/nowhere"}),
    "empty": Raw(_start(2), _part(b"[]")),
    "unread": Raw(_start(8), _part(b'{"a": 1}')),
    "redirect": Raw(_start(9, 302), _part(b'["a","b"]')),
    "own": Raw(_start(9, 200, **{"X-Recommendation-ID": "mine"}), _part(b'["a","b"]')),
}


def _service() -> FastAPI:  # noqa: C901 - one handler a case
    app = FastAPI()
    metrics = MetricsCollector("v2", variant="b")
    for name, raw in RAW.items():
        app.router.routes.append(Route(f"/{name}/recommendations", raw))

    @app.get("/recommendations")
    async def plain() -> Any:
        return ITEMS

    @app.get("/said/recommendations")
    def said() -> Any:
        metrics.track_recommendations("jane", ["x", "y"])
        return {"items": ["x", "y"], "recommendation_id": recommendation_id()}

    @app.get("/home")
    def home() -> Any:
        metrics.track_recommendations("jane", ["x"])
        return {}

    @app.get("/stream/recommendations")
    async def stream(*, first: bool = False) -> Response:
        if first:
            metrics.track_recommendations("jane", ["x"])

        async def parts() -> AsyncIterator[bytes]:
            yield b'["a",'
            yield b'"b"]'

        return StreamingResponse(parts(), media_type="application/json")

    @app.get("/page/recommendations")
    async def page() -> Response:
        return HTMLResponse("<li>a</li>")

    @app.get("/missing/recommendations")
    async def missing() -> Any:
        metrics.track_recommendations("jane", ["x"])
        raise HTTPException(404)

    @app.get("/products")
    async def products() -> Any:
        return ITEMS

    @app.get("/late/recommendations")
    async def late(tasks: BackgroundTasks, request: Request) -> Any:
        async def work() -> None:
            request.app.state.sent_before = list(request.app.state.sent)

        tasks.add_task(work)
        return ITEMS

    return app


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Recorded:
    """What is recorded with a key."""
    monkeypatch.setenv("OTEL_RECMON_SIGNING_KEY", KEY)
    monkeypatch.setenv("OTEL_RECMON_MAX_BODY_BYTES", "100000")
    found: Recorded = request.getfixturevalue("recmon")
    return found


def _sent(app: FastAPI, path: str) -> list[Message]:
    """What the server is handed, in order; an exception is the last of it."""
    sent: list[Any] = []
    app.state.sent = sent

    requests = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(requests, None) or await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    try:
        asyncio.run(app({**scope, "root_path": "", "asgi": {"version": "3.0"}}, receive, send))
    except ValueError as error:
        sent.append(error)
    return sent


def _shown(headers: Any) -> tuple[str, Said] | None:
    """The model version and the items, in order, that a header says."""
    token = headers.get(HEADER)
    if token is None:
        return None
    found = SIGNER.verify(token, 4e9, 4e9)
    assert isinstance(found, Recommendation)
    places = {found.position(item): item for item in "abxy"}
    return found.shown.model_version, tuple(places[place] for place in sorted(filter(None, places)))


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/recommendations", ("test", ("a", "b"))),
        ("/said/recommendations", ("v2", ("x", "y"))),
        ("/home", ("v2", ("x",))),
        ("/stream/recommendations?first=true", ("v2", ("x",))),
        ("/parts/recommendations", ("test", ("a", "b"))),
        ("/exact/recommendations", ("test", ("a", "b"))),
        ("/odd/recommendations", None),
        ("/empty/recommendations", ("test", ())),
        ("/stream/recommendations", None),
        ("/page/recommendations", None),
        ("/missing/recommendations", None),
        ("/products", None),
        ("/longer/recommendations", None),
        ("/unread/recommendations", None),
        ("/redirect/recommendations", None),
    ],
)
def test_a_response_that_shows_a_slate_has_its_id(
    recorded: Recorded, path: str, shown: tuple[str, Said] | None
) -> None:
    start, *_ = _sent(_service(), path)

    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    assert _shown({HEADER: headers.get(HEADER.lower())}) == shown


def test_the_body_can_have_it_too(recorded: Recorded) -> None:
    answer = Client(_service()).get("/said/recommendations")

    assert answer.json()["recommendation_id"] == answer.headers[HEADER]


def test_an_id_that_the_service_sends_itself_stays(recorded: Recorded) -> None:
    assert Client(_service()).get("/own/recommendations").headers.get_list(HEADER) == ["mine"]


@pytest.mark.parametrize("name", RAW)
def test_every_message_arrives_in_order_with_nothing_but_the_header_added(recorded: Recorded, name: str) -> None:
    sent = _sent(_service(), f"/{name}/recommendations")

    start, *rest = sent
    wanted = list(RAW[name]._steps)
    headers = [pair for pair in start["headers"] if pair[0] != HEADER.lower().encode()]
    assert [{**start, "headers": headers}, *rest] == wanted


@pytest.mark.parametrize("path", [*(f"/{name}/recommendations" for name in RAW), "/recommendations", "/home"])
def test_without_a_key_nothing_is_added_or_held(recmon: Recorded, path: str) -> None:
    app = _service()

    sent = _sent(app, path)

    assert HEADER.lower().encode() not in dict(sent[0]["headers"])
    assert sent[0]["headers"] == next(
        (step["headers"] for step in getattr(RAW.get(path.split("/")[1]), "_steps", ())), sent[0]["headers"]
    )


def test_a_stream_is_not_held_and_that_is_counted(recorded: Recorded) -> None:
    _sent(_service(), "/stream/recommendations")

    assert recorded.value("recmon_events_dropped_total", reason="slate_unsigned") == 1
    assert recorded.value("recommendation_impressions_total") == 2


@pytest.mark.parametrize("path", ["/recommendations", "/said/recommendations", "/exact/recommendations"])
def test_a_slate_counts_once(recorded: Recorded, path: str) -> None:
    _sent(_service(), path)

    assert recorded.value("recommendation_requests_total", status="success") == 1
    assert recorded.value("recommendation_impressions_total") == 2
    assert recorded.value("recommendation_latency_seconds_count") == 1
    assert recorded.value("recmon_errors_total") == 0


def test_a_middleware_that_makes_streams_of_everything_delays_nothing(recorded: Recorded) -> None:
    app = _service()

    @app.middleware("http")
    async def passing(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        return await call_next(request)

    start, *_ = _sent(app, "/late/recommendations")

    assert HEADER.lower().encode() in dict(start["headers"])
    assert [message["type"] for message in app.state.sent_before[:2]] == ["http.response.start", "http.response.body"]


def test_a_packed_response_is_read(recorded: Recorded) -> None:
    app = _service()
    app.add_middleware(GZipMiddleware, minimum_size=1)

    answer = Client(app).get("/recommendations", headers={"accept-encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json() == ITEMS
    assert _shown(answer.headers) == ("test", ("a", "b"))


@pytest.mark.parametrize(
    ("exposed", "wanted"),
    [
        ([], "X-Recommendation-Id"),
        (["X-Total"], "X-Total, X-Recommendation-Id"),
        (["X-Total", "x-recommendation-id"], "X-Total, x-recommendation-id"),
    ],
)
def test_scripts_that_may_read_the_response_may_read_the_header(
    recorded: Recorded, exposed: list[str], wanted: str
) -> None:
    app = _service()
    app.add_middleware(CORSMiddleware, allow_origins=["http://shop"], expose_headers=exposed)
    client = Client(app)

    theirs = client.get("/recommendations", headers={"origin": "http://shop"})
    ours = client.get("/recommendations")

    assert theirs.headers.get_list("access-control-expose-headers") == [wanted]
    assert HEADER in ours.headers
    assert "access-control-allow-origin" not in ours.headers


def test_a_failure_of_ours_leaves_the_response_as_it_is(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("made to fail")

    monkeypatch.setattr(signing, "_exposed", fail)

    answer = Client(_service()).get("/recommendations")

    assert (answer.status_code, answer.json()) == (200, ITEMS)
    assert HEADER not in answer.headers
    assert recorded.value("recmon_errors_total", site="SignedSend") == 1


def test_a_click_comes_back(recorded: Recorded) -> None:
    app = _service()

    @app.post("/click")
    async def click(request: Request) -> Any:
        return await request.json()

    @app.post("/purchase")
    def purchase(recommendation_id: str) -> Any:
        return {}

    client = Client(app)
    slate = client.get("/recommendations").headers[HEADER]
    client.post("/click", json={"item_id": "b"}, headers={HEADER: slate})
    client.post("/click", json={"item_id": "b", "recommendation_id": slate})
    client.post("/click", json={"product_id": "a", "recommendation_id": slate})
    client.post("/purchase", params={"recommendation_id": slate})

    assert recorded.value("recommendations_clicked_total", position="2") == 1
    assert recorded.value("recommendations_clicked_total", position="1") == 1
    assert recorded.value("recommendation_conversion_delay_seconds_count") == 1
    assert recorded.value("recmon_attributions_total", result="attributed") == 3
    assert recorded.value("recmon_attributions_total", result="duplicate") == 1


def _sent_by(*steps: Message) -> list[Message]:
    app = FastAPI()
    app.router.routes.append(Route("/recommendations", Raw(*steps)))
    return _sent(app, "/recommendations")


def test_headers_that_can_be_gone_through_once_only_arrive(recorded: Recorded) -> None:
    headers = _start(9)["headers"]

    start, *_ = _sent_by({**_start(9), "headers": iter(headers)}, _part(b'["a","b"]'))

    assert start["headers"][: len(headers)] == headers
    assert _shown({HEADER: start["headers"][-1][1].decode()}) == ("test", ("a", "b"))


def test_what_an_application_does_with_its_buffer_later_changes_nothing(recorded: Recorded) -> None:
    buffer = bytearray(b'["a",')
    app = FastAPI()

    async def reusing(_: Any, __: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        await send(_start(9))
        part = _part(memoryview(buffer), more=True)  # type: ignore[arg-type]  # as servers take it
        await send(part)
        buffer[:] = b'"b"] '
        part.update(body=memoryview(buffer)[:4], more_body=False)
        await send(part)

    class Reusing:
        __call__ = staticmethod(reusing)

    app.router.routes.append(Route("/recommendations", Reusing()))

    start, *parts = _sent(app, "/recommendations")

    assert b"".join(bytes(part["body"]) for part in parts) == b'["a","b"]'
    assert _shown({HEADER: start["headers"][-1][1].decode()}) == ("test", ("a", "b"))


def test_a_response_that_starts_twice_keeps_its_order(recorded: Recorded) -> None:
    sent = _sent_by(_start(9), _start(9, 500), _part(b'["a","b"]'))

    assert [message.get("status") for message in sent] == [200, 500, None]


def test_the_headers_of_a_stream_do_not_wait_for_its_first_part(recorded: Recorded) -> None:
    async def run() -> list[str]:
        seen: list[str] = []

        async def onward(message: MutableMapping[str, Any]) -> None:
            seen.append(message["type"])

        class Watched:
            context = RequestContext()
            holds_slate = True

            def complete(self) -> None:
                """Nothing is recorded here."""

            def drop_streamed(self) -> None:
                """Nothing is counted here."""

        await signing.SignedSend(Watched(), onward, 1_000, lambda *_: None)(_start())
        return seen

    assert asyncio.run(run()) == ["http.response.start"]


def test_a_client_that_is_given_up_is_not_sent_what_was_held(recorded: Recorded) -> None:
    app = FastAPI()

    async def hanging(_: Any, __: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        await send(_start(9))
        raise asyncio.CancelledError

    class Hanging:
        __call__ = staticmethod(hanging)

    app.router.routes.append(Route("/recommendations", Hanging()))

    with pytest.raises(asyncio.CancelledError):
        _sent(app, "/recommendations")
    assert app.state.sent == []
