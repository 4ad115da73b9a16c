"""An HTTP exchange parses each part when it is first read."""

from typing import Any

import pytest

from otel_recmon.catalog import ERROR, REJECTED, SUCCESS
from otel_recmon.reading.bodies import Body
from otel_recmon.reading.exchange import ABANDONED, Exchange
from otel_recmon.reading.http_exchange import HttpExchange
from otel_recmon.safety import Faults

JSON = (b"content-type", b"application/json")


def exchange(request: dict[str, Any] | None = None, code: int = 200, **how: Any) -> HttpExchange:
    return HttpExchange(request or {"headers": [JSON]}, code, [JSON], how.pop("faults", Faults()), **how)


def test_it_is_an_exchange() -> None:
    found: Exchange = exchange()

    assert found.has_parameters is False


@pytest.mark.parametrize(
    ("code", "how", "status", "accepted", "redirected"),
    [
        (200, {}, SUCCESS, True, False),
        (204, {}, SUCCESS, True, False),
        (101, {}, None, False, False),
        (302, {}, None, False, True),
        (304, {}, SUCCESS, False, False),
        (404, {}, REJECTED, False, False),
        (503, {}, ERROR, False, False),
        (200, {"broken_off": ERROR}, ERROR, False, False),
        (302, {"broken_off": ERROR}, ERROR, False, False),
        (200, {"broken_off": ABANDONED}, ABANDONED, True, False),
        (0, {"broken_off": ABANDONED}, ABANDONED, False, False),
    ],
)
def test_the_status_class(code: int, how: dict[str, Any], status: str | None, accepted: bool, redirected: bool) -> None:
    found = exchange(code=code, **how)

    assert (found.status, found.accepted, found.redirected) == (status, accepted, redirected)


def test_headers_and_query_are_read_once() -> None:
    found = exchange({"headers": [], "query_string": b"a=1"})

    assert found.headers is found.headers
    assert found.response_headers is found.response_headers
    assert found.query is found.query


@pytest.mark.parametrize(
    ("body", "content", "dropped"),
    [(b'{"a": 1}', {"a": 1}, {}), (b"{", None, {"body_unreadable": 1}), (b"x" * 101, None, {"body_too_large": 1})],
)
def test_bodies_are_parsed_once(body: bytes, content: object, dropped: dict[str, int]) -> None:
    for part, name in (("request_body", "body"), ("response_body", "response")):
        faults = Faults()
        given: dict[str, Any] = {part: Body(100, body)}
        found = exchange(faults=faults, **given)
        assert faults.dropped == {}

        read = [getattr(found, name), getattr(found, name)]

        assert (read, faults.dropped) == ([content, content], dropped)


@pytest.mark.parametrize("broken_off", [ERROR, ABANDONED])
def test_an_incomplete_response_is_not_parsed(broken_off: str) -> None:
    faults = Faults()
    found = exchange(faults=faults, response_body=Body(100, b'{"a"'), broken_off=broken_off)

    assert (found.response, faults.dropped) == (None, {})


def test_a_query_that_is_no_text_is_read_all_the_same() -> None:
    found = exchange({"headers": [], "query_string": b"\xff\xfe=1&%zz&&=&a=%ff"})

    assert found.query["a"] == "\ufffd"


def test_a_request_without_query_parameters_and_body_has_none() -> None:
    found = exchange({"headers": [], "query_string": b"", "path_params": None})

    assert (dict(found.query), dict(found.path_params), found.body, found.response) == ({}, {}, None, None)
