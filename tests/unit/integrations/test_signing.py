"""The recommendation id in the header of a response, and the messages that wait for it."""

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
Items = tuple[str, ...]


class Raw:
    """An ASGI application that sends given messages, or raises a given exception."""

    def __init__(self, *steps: Message | Exception) -> None:
        self._steps = steps

    async def __call__(self, _: Any, __: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            await send(step)


def _start(length: int | None = None, status: int = 200, **headers: str) -> Message:
    fields = {"content-type": "application/json", **({"content-length": str(length)} if length else {}), **headers}
    raw = [(name.encode(), value.encode()) for name, value in fields.items()]
    return {"type": "http.response.start", "status": status, "headers": raw}


def _part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


RAW = {
    "parts": Raw(_start(11), _part(b'["a",', more=True), _part(b'  "b"', more=True), _part(b"]", more=False)),
    "exact": Raw(_start(9), _part(b'["a",', more=True), _part(b'"b"]', more=True), _part(b"")),
    "fails": Raw(_start(9), _part(b'["a",', more=True), ValueError("made to fail")),
    "unfinished": Raw(_start(9)),
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


def _service() -> FastAPI:  # noqa: C901 - one handler for each case
    app = FastAPI()
    metrics = MetricsCollector("v2", variant="b")
    for name, raw in RAW.items():
        app.router.routes.append(Route(f"/{name}/recommendations", raw))

    @app.get("/recommendations")
    async def plain() -> Any:
        return ITEMS

    @app.get("/recorded/recommendations")
    def recorded() -> Any:
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
    """The recorded series of a service with a signing key."""
    monkeypatch.setenv("OTEL_RECMON_SIGNING_KEY", KEY)
    monkeypatch.setenv("OTEL_RECMON_MAX_BODY_BYTES", "100000")
    found: Recorded = request.getfixturevalue("recmon")
    return found


def _sent(app: FastAPI, path: str) -> list[Message]:
    """Return the messages that the server receives, in order, and the exception that ends them."""
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


def _slate(headers: Any) -> tuple[str, Items] | None:
    """Return the model version and the items, in order, of the recommendation id in a header."""
    token = headers.get(HEADER)
    if token is None:
        return None
    found = SIGNER.verify(token, 4e9, 4e9)
    assert isinstance(found, Recommendation)
    items = {found.position(item): item for item in "abxy"}
    return found.shown.model_version, tuple(items[position] for position in sorted(filter(None, items)))


class TestHeader:
    @pytest.mark.usefixtures("recorded")
    @pytest.mark.parametrize(
        ("path", "slate"),
        [
            ("/recommendations", ("test", ("a", "b"))),
            ("/recorded/recommendations", ("v2", ("x", "y"))),
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
    def test_a_response_with_a_slate_has_its_id(self, path: str, slate: tuple[str, Items] | None) -> None:
        start, *_ = _sent(_service(), path)

        headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        assert _slate({HEADER: headers.get(HEADER.lower())}) == slate

    @pytest.mark.usefixtures("recorded")
    def test_the_body_can_have_the_id_too(self) -> None:
        answer = Client(_service()).get("/recorded/recommendations")

        assert answer.json()["recommendation_id"] == answer.headers[HEADER]

    @pytest.mark.usefixtures("recorded")
    def test_an_id_set_by_the_service_is_kept(self) -> None:
        assert Client(_service()).get("/own/recommendations").headers.get_list(HEADER) == ["mine"]

    @pytest.mark.usefixtures("recmon")
    @pytest.mark.parametrize("path", [*(f"/{name}/recommendations" for name in RAW), "/recommendations", "/home"])
    def test_without_a_key_nothing_is_added(self, path: str) -> None:
        app = _service()

        sent = _sent(app, path)

        assert HEADER.lower().encode() not in dict(sent[0]["headers"])
        assert sent[0]["headers"] == next(
            (step["headers"] for step in getattr(RAW.get(path.split("/")[1]), "_steps", ())), sent[0]["headers"]
        )

    @pytest.mark.usefixtures("recorded")
    def test_a_compressed_response_is_read(self) -> None:
        app = _service()
        app.add_middleware(GZipMiddleware, minimum_size=1)

        answer = Client(app).get("/recommendations", headers={"accept-encoding": "gzip"})

        assert answer.headers["content-encoding"] == "gzip"
        assert answer.json() == ITEMS
        assert _slate(answer.headers) == ("test", ("a", "b"))

    @pytest.mark.usefixtures("recorded")
    @pytest.mark.parametrize(
        ("exposed", "expected"),
        [
            ([], "X-Recommendation-Id"),
            (["X-Total"], "X-Total, X-Recommendation-Id"),
            (["X-Total", "x-recommendation-id"], "X-Total, x-recommendation-id"),
        ],
    )
    def test_scripts_of_an_allowed_origin_may_read_the_header(self, exposed: list[str], expected: str) -> None:
        app = _service()
        app.add_middleware(CORSMiddleware, allow_origins=["http://shop"], expose_headers=exposed)
        client = Client(app)

        with_origin = client.get("/recommendations", headers={"origin": "http://shop"})
        without_origin = client.get("/recommendations")

        assert with_origin.headers.get_list("access-control-expose-headers") == [expected]
        assert HEADER in without_origin.headers
        assert "access-control-allow-origin" not in without_origin.headers

    def test_a_failure_of_the_signing_leaves_the_response_unchanged(
        self, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: object) -> None:
            raise RuntimeError("made to fail")

        monkeypatch.setattr(signing, "_exposed", fail)

        answer = Client(_service()).get("/recommendations")

        assert (answer.status_code, answer.json()) == (200, ITEMS)
        assert HEADER not in answer.headers
        assert recorded.value("recmon_errors_total", site="SignedSend") == 1


def _sent_by(*steps: Message) -> list[Message]:
    app = FastAPI()
    app.router.routes.append(Route("/recommendations", Raw(*steps)))
    return _sent(app, "/recommendations")


class TestMessages:
    @pytest.mark.usefixtures("recorded")
    @pytest.mark.parametrize("name", RAW)
    def test_all_messages_arrive_in_order_and_only_the_header_is_added(self, name: str) -> None:
        sent = _sent(_service(), f"/{name}/recommendations")

        start, *rest = sent
        expected = list(RAW[name]._steps)
        headers = [pair for pair in start["headers"] if pair[0] != HEADER.lower().encode()]
        assert [{**start, "headers": headers}, *rest] == expected

    @pytest.mark.usefixtures("recorded")
    def test_a_middleware_that_streams_responses_delays_nothing(self) -> None:
        app = _service()

        @app.middleware("http")
        async def passing(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
            return await call_next(request)

        start, *_ = _sent(app, "/late/recommendations")

        assert HEADER.lower().encode() in dict(start["headers"])
        assert [message["type"] for message in app.state.sent_before[:2]] == [
            "http.response.start",
            "http.response.body",
        ]

    @pytest.mark.usefixtures("recorded")
    def test_headers_from_an_iterator_arrive(self) -> None:
        headers = _start(9)["headers"]

        start, *_ = _sent_by({**_start(9), "headers": iter(headers)}, _part(b'["a","b"]'))

        assert start["headers"][: len(headers)] == headers
        assert _slate({HEADER: start["headers"][-1][1].decode()}) == ("test", ("a", "b"))

    @pytest.mark.usefixtures("recorded")
    def test_a_buffer_that_is_reused_later_does_not_change_the_response(self) -> None:
        buffer = bytearray(b'["a",')
        app = FastAPI()

        async def reusing(_: Any, __: Any, send: Callable[[Message], Awaitable[None]]) -> None:
            await send(_start(9))
            part = _part(memoryview(buffer), more=True)  # type: ignore[arg-type]  # servers accept it
            await send(part)
            buffer[:] = b'"b"] '
            part.update(body=memoryview(buffer)[:4], more_body=False)
            await send(part)

        class Reusing:
            __call__ = staticmethod(reusing)

        app.router.routes.append(Route("/recommendations", Reusing()))

        start, *parts = _sent(app, "/recommendations")

        assert b"".join(bytes(part["body"]) for part in parts) == b'["a","b"]'
        assert _slate({HEADER: start["headers"][-1][1].decode()}) == ("test", ("a", "b"))

    @pytest.mark.usefixtures("recorded")
    def test_a_response_that_starts_twice_keeps_its_order(self) -> None:
        sent = _sent_by(_start(9), _start(9, 500), _part(b'["a","b"]'))

        assert [message.get("status") for message in sent] == [200, 500, None]

    @pytest.mark.usefixtures("recorded")
    def test_the_headers_of_a_stream_do_not_wait_for_its_first_part(self) -> None:
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

    @pytest.mark.usefixtures("recorded")
    def test_held_messages_are_not_sent_after_a_cancellation(self) -> None:
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


class TestCounts:
    def test_a_stream_is_not_held_and_counted_as_unsigned(self, recorded: Recorded) -> None:
        _sent(_service(), "/stream/recommendations")

        assert recorded.value("recmon_events_dropped_total", reason="slate_unsigned") == 1
        assert recorded.value("recommendation_impressions_total") == 2

    @pytest.mark.parametrize("path", ["/recommendations", "/recorded/recommendations", "/exact/recommendations"])
    def test_a_slate_counts_once(self, recorded: Recorded, path: str) -> None:
        _sent(_service(), path)

        assert recorded.value("recommendation_requests_total", status="success") == 1
        assert recorded.value("recommendation_impressions_total") == 2
        assert recorded.value("recommendation_latency_seconds_count") == 1
        assert recorded.value("recmon_errors_total") == 0

    def test_events_with_the_id_are_attributed(self, recorded: Recorded) -> None:
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
