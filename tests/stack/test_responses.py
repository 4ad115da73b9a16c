"""The response that the client received is counted, also if an exception handler or a middleware sent it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.routing import Mount

from otel_recmon.testing import Recorded
from tests import web
from tests.speed import eventually
from tests.stack.threaded import threaded

REQUESTS, OUTCOMES = "recommendation_requests_total", "recommendation_outcomes_total"
IMPRESSIONS, CLICKS = "recommendation_impressions_total", "recommendations_clicked_total"
CHUNK = b"a" * 65_536


def _counts(recmon: Recorded) -> dict[str, float]:
    """The counts above 0: requests by status, outcomes, impressions and clicks."""
    found = {status: recmon.value(REQUESTS, status=status) for status in ("success", "error", "rejected")}
    found |= {f"outcome {name}": recmon.value(OUTCOMES, outcome=name) for name in ("served", "error", "unrecognized")}
    found |= {"impressions": recmon.value(IMPRESSIONS), "clicks": recmon.value(CLICKS)}
    return {name: value for name, value in found.items() if value}


SLATE = {"success": 1, "outcome served": 1, "impressions": 2}
FAILURE = {"error": 1, "outcome error": 1}
REJECTED = {"rejected": 1}


class TestStreams:
    """A client that leaves in the middle of a stream."""

    @staticmethod
    def _plain(_: FastAPI) -> None:
        """Add no middleware."""

    @staticmethod
    def _function(app: FastAPI) -> None:
        @app.middleware("http")
        async def passing(request: Request, call_next: Callable[[Request], Any]) -> Any:
            return await call_next(request)

    @staticmethod
    def _gzip(app: FastAPI) -> None:
        app.add_middleware(GZipMiddleware)

    @pytest.mark.parametrize("add", [_plain, _function, _gzip])
    def test_a_stream_that_the_client_cut_off_is_rejected(self, add: Any, recmon: Recorded) -> None:
        app = FastAPI()
        add(app)
        ended = []

        async def stream() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield CHUNK
                    await asyncio.sleep(0.001)
            finally:
                ended.append(True)

        @app.get("/recommendations")
        async def recommendations() -> StreamingResponse:
            return StreamingResponse(stream(), media_type="application/json")

        with threaded(app) as url:
            host, _, port = url.removeprefix("http://").partition(":")
            with socket.create_connection((host, int(port))) as client:
                client.sendall(b"GET /recommendations HTTP/1.1\r\nHost: here\r\n\r\n")
                client.recv(1_000)
            eventually(lambda: ended)
            eventually(lambda: _counts(recmon))

        assert _counts(recmon) == REJECTED


class TestHandlersOfExceptions:
    """The response of a handler of all exceptions is the response of the request."""

    @staticmethod
    def _app(answer: Any, *, debug: bool = False, asynchronous: bool = True) -> FastAPI:
        app = FastAPI(debug=debug)

        @app.get("/recommendations")
        async def recommendations() -> Any:
            raise RuntimeError

        async def later(_: Request, __: Exception) -> Any:
            return answer()

        def at_once(_: Request, __: Exception) -> Any:
            return answer()

        if answer is not None:
            app.add_exception_handler(Exception, later if asynchronous else at_once)
        return app

    @staticmethod
    def _fallback() -> JSONResponse:
        return JSONResponse({"recommendations": [{"id": "a"}, {"id": "b"}]})

    @staticmethod
    def _broken() -> JSONResponse:
        raise ValueError

    @pytest.mark.parametrize("asynchronous", [True, False])
    @pytest.mark.parametrize(
        ("answer", "status", "expected"),
        [
            (_fallback, 200, SLATE),
            (lambda: JSONResponse({}, 401), 401, REJECTED),
            (lambda: JSONResponse({}, 503), 503, FAILURE),
            (_broken, 500, FAILURE),
            (None, 500, FAILURE),
        ],
        ids=["a fallback", "a rejection", "an error", "a handler that fails", "no handler"],
    )
    def test_its_response_is_counted(
        self, answer: Any, status: int, expected: dict[str, float], asynchronous: bool, recmon: Recorded
    ) -> None:
        with threaded(self._app(answer, asynchronous=asynchronous)) as url:
            assert web.get(f"{url}/recommendations").status_code == status

        assert _counts(recmon) == expected

    def test_the_page_of_a_traceback_is_an_error(self, recmon: Recorded) -> None:
        with threaded(self._app(self._fallback, debug=True)) as url:
            assert web.get(f"{url}/recommendations").status_code == 500

        assert _counts(recmon) == FAILURE

    @pytest.mark.parametrize("outer_handler", [True, False])
    def test_the_handler_of_a_mounted_application_answers_through_the_outer_middleware(
        self, outer_handler: bool, recmon: Recorded
    ) -> None:
        outer = self._app((lambda: JSONResponse({}, 503)) if outer_handler else None)
        outer.mount("/mounted", self._app(self._fallback))
        outer.add_middleware(CORSMiddleware, allow_origins=["*"])

        with threaded(outer) as url:
            answer = web.get(f"{url}/mounted/recommendations", headers={"origin": "http://shop.example"})

        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
        assert _counts(recmon) == SLATE

    def test_after_a_request_with_a_handler_the_next_is_counted_as_ever(self, recmon: Recorded) -> None:
        app = self._app(self._fallback)

        @app.get("/fine/recommendations")
        async def fine() -> Any:
            return {"recommendations": [{"id": "a"}, {"id": "b"}]}

        with threaded(app) as url:
            for path in ("/recommendations", "/fine/recommendations"):
                web.get(url + path)

        assert _counts(recmon) == {name: 2 * value for name, value in SLATE.items()}


class TestRedirects:
    """A redirect is a click where the route itself redirects, as a click tracker does."""

    @staticmethod
    def _tracker() -> FastAPI:
        app = FastAPI()

        @app.post("/click")
        async def click() -> RedirectResponse:
            return RedirectResponse("/item", 303)

        return app

    def test_a_click_tracker_counts(self, recmon: Recorded) -> None:
        with threaded(self._tracker()) as url:
            assert web.post(f"{url}/click", follow_redirects=False).status_code == 303

        assert _counts(recmon) == {"clicks": 1}

    def test_a_middleware_that_wants_https_does_not_count(self, recmon: Recorded) -> None:
        app = self._tracker()
        app.add_middleware(HTTPSRedirectMiddleware)

        with threaded(app) as url:
            assert web.post(f"{url}/click", follow_redirects=False).status_code == 307

        assert _counts(recmon) == {}

    def test_a_slash_too_many_counts_once(self, recmon: Recorded) -> None:
        with threaded(self._tracker()) as url:
            assert web.post(f"{url}/click/", follow_redirects=False).status_code == 307
            assert web.post(f"{url}/click", follow_redirects=False).status_code == 303

        assert _counts(recmon) == {"clicks": 1}

    @pytest.mark.parametrize("place", ["application", "mount"])
    def test_a_middleware_of_a_mounted_application_does_not_count(self, place: str, recmon: Recorded) -> None:
        mounted, https = self._tracker(), [Middleware(HTTPSRedirectMiddleware)]
        if place == "application":
            mounted.add_middleware(HTTPSRedirectMiddleware)
        app = FastAPI(routes=[Mount("/shop", mounted, middleware=https if place == "mount" else None)])

        with threaded(app) as url:
            assert web.post(f"{url}/shop/click", follow_redirects=False).status_code == 307

        assert _counts(recmon) == {}

    def test_a_click_tracker_of_a_mounted_application_counts_once(self, recmon: Recorded) -> None:
        with threaded(FastAPI(routes=[Mount("/shop", self._tracker())])) as url:
            assert web.post(f"{url}/shop/click/", follow_redirects=False).status_code == 307
            assert web.post(f"{url}/shop/click", follow_redirects=False).status_code == 303

        assert _counts(recmon) == {"clicks": 1}
