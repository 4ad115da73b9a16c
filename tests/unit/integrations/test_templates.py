"""A request has the template of its route, also where a middleware answers it before it is routed."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Host, Route

from otel_recmon.integrations.templates import RouteCache, template

ROUTES = {
    "/recommendations": "/recommendations",
    "/v1/users/7/recommendations": "/v1/users/{user_id}/recommendations",
    "/v1/shop/de/recommendations": "/v1/shop/{country}/recommendations",
    "/legacy/recommend/7": "/legacy/recommend/{user_id}",
    "/v1/mounted/recommend/7": "/v1/mounted/recommend/{user_id}",
    "/v1/plain/recommendations": "/v1/plain/recommendations",
    "/v1/nowhere": None,
}


def _nothing() -> None:
    """Answer."""


def application() -> FastAPI:
    """Return an application with a route of its own, of a router, of a router in a router, and of a mount."""
    app, outer, inner, legacy = FastAPI(), APIRouter(prefix="/v1"), APIRouter(), FastAPI()
    app.get("/recommendations")(_nothing)
    outer.get("/users/{user_id}/recommendations")(_nothing)
    inner.get("/{country}/recommendations")(_nothing)
    legacy.get("/recommend/{user_id}")(_nothing)
    outer.include_router(inner, prefix="/shop")
    others = APIRouter()
    others.mount("/mounted", legacy)
    others.routes.append(Route("/plain/recommendations", lambda _: JSONResponse({})))
    app.include_router(others, prefix="/v1")
    app.include_router(outer)
    app.mount("/legacy", legacy)
    return app


class Refusing:
    """A middleware that lets nothing through."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, asgi: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - nothing is read
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Watched:
    """Notes the template of each request once it is answered."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.seen: str | None = None

    async def __call__(self, asgi: Any, receive: Any, send: Any) -> None:
        await self.app(asgi, receive, send)
        self.seen = template(asgi, "")


async def _seen(app: FastAPI, path: str) -> str | None:
    watched = Watched(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(watched), base_url="http://shop") as client:
        await client.get(path)
    return watched.seen


@pytest.mark.parametrize("path", ROUTES)
def test_a_request_has_the_template_of_the_route_that_handled_it(path: str) -> None:
    assert asyncio.run(_seen(application(), path)) == ROUTES[path]


@pytest.mark.parametrize("path", ROUTES)
def test_a_request_that_a_middleware_answers_has_the_template_that_it_would_have_had(path: str) -> None:
    app = application()
    app.add_middleware(Refusing)

    assert asyncio.run(_seen(app, path)) == ROUTES[path]


def test_a_host_is_not_taken_for_the_routes_behind_it() -> None:
    behind = application()
    behind.add_middleware(Refusing)
    watched = Watched(Starlette(routes=[Host("shop", behind)]))
    known = RouteCache(lambda _, found: found)
    seen = []

    async def noted(asgi: Any, receive: Any, send: Any) -> None:
        await watched(asgi, receive, send)
        seen.append(known.find(asgi, ""))

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(noted), base_url="http://shop") as client:
            for path in ("/v1/nowhere", "/recommendations", "/v1/users/7/recommendations"):
                await client.get(path)

    asyncio.run(run())

    assert seen == [None, "/recommendations", "/v1/users/{user_id}/recommendations"]
