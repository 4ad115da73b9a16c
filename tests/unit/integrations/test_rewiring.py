"""A decorator over a route decorator reaches the route, and only that one."""

from collections.abc import Callable

from fastapi import APIRouter, FastAPI

from otel_recmon.integrations.decorator import rewire
from tests.unit.conftest import Client


def _handler(answer: str) -> Callable[[], str]:
    def handler() -> str:
        return answer

    return handler


def test_a_route_of_the_function_calls_the_replacement_and_others_do_not() -> None:
    app = FastAPI()
    old, other = _handler("old"), _handler("other")
    app.get("/old")(old)
    app.get("/again")(old)
    app.get("/other")(other)

    rewire(old, _handler("new"))

    client = Client(app)
    assert [client.get(path).json() for path in ("/old", "/again", "/other")] == ["new", "new", "other"]


def test_a_route_of_a_router_that_is_included_afterwards_calls_the_replacement() -> None:
    app, router, old = FastAPI(), APIRouter(prefix="/api"), _handler("old")
    router.get("/items")(old)

    rewire(old, _handler("new"))
    app.include_router(router)

    assert Client(app).get("/api/items").json() == "new"


def test_a_function_without_a_route_is_no_problem() -> None:
    rewire(_handler("old"), _handler("new"))
