"""Where a value is found: JMESPath, or a header, query, path or body field."""

from typing import Any

import pytest

from otel_recmon.reading.exchange import Exchange
from otel_recmon.reading.expressions import PerRoute, field, source
from tests.unit.reading.exchanges import exchange


def _exchange(response: Any = None, body: Any = None) -> Exchange:
    request = {
        "headers": [(b"X-Variant", b"b"), (b"x-name", "größe".encode("latin-1"))],
        "query_string": b"user_id=u1&k=5&k=9&empty=&name=a%20b",
        "path_params": {"user_id": 7},
    }
    return exchange(request, response, body, headers=[(b"X-Model-Version", b"v7")])


BODY = {"order": {"total": 9.5}, "user": {"id": "u2"}}
RESPONSE = {"data": {"hits": [{"sku": "a"}, {"sku": "b"}]}, "meta": {"fallback": True}, "a b": 1}

SOURCES: dict[str, tuple[str, object]] = {
    "a key of the response": ("meta", {"fallback": True}),
    "JMESPath on the response": ("data.hits[].sku", ["a", "b"]),
    "a quoted key": ('"a b"', 1),
    "a key that is not there": ("nowhere", None),
    "a path that is not there": ("nowhere.at.all[]", None),
    "a request header in any case": ("header:X-VARIANT", "b"),
    "a request header that is not there": ("header:x-arm", None),
    "a header that is not ASCII": ("header:x-name", "größe"),
    "a response header": ("response_header:x-model-version", "v7"),
    "a request header is no response header": ("header:x-model-version", None),
    "a query parameter": ("query:user_id", "u1"),
    "the first of two": ("query:k", "5"),
    "one without a value": ("query:empty", ""),
    "one that was quoted": ("query:name", "a b"),
    "query parameters have a case": ("query:User_Id", None),
    "a path parameter": ("path:user_id", 7),
    "a field of the body": ("body:order.total", 9.5),
    "blanks after the colon": ("body: user.id", "u2"),
    "a comparison in JMESPath": ("length(data.hits) > `1`", True),
}


@pytest.mark.parametrize("case", SOURCES)
def test_a_source_finds(case: str) -> None:
    expression, expected = SOURCES[case]

    assert source(expression)(_exchange(RESPONSE, BODY)) == expected


@pytest.mark.parametrize("expression", ["data.[", "a..b", "header:", "query: ", "path:", "body:a..b", "@@", "body:"])
def test_an_expression_that_is_none_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"not a JMESPath expression|needs a name after the colon"):
        source(expression)


@pytest.mark.parametrize("value", [None, [], "text", 5, {"sku": None}, [{"sku": "a"}]])
def test_a_plain_key_of_something_else_is_none(value: object) -> None:
    assert field("sku")(value) is None


@pytest.mark.parametrize("response", [None, [], {"items": None}])
def test_an_expression_that_does_not_fit_the_response_finds_nothing(response: object) -> None:
    assert source("length(items)")(_exchange(response)) is None


def test_an_expression_may_be_for_one_route_and_another_for_the_rest() -> None:
    rules = PerRoute.of("GET /movies/{id} => a.movies ; /books/* => a.books; rest", field)

    assert [
        rules.at("GET", "/movies/{x}"),
        rules.at("POST", "/movies/{x}"),
        rules.at("POST", "/books/x/y"),
        rules.at("GET", "/"),
    ] == ["a.movies", "rest", "a.books", "rest"]


def test_without_an_expression_for_the_rest_there_is_none() -> None:
    rules = PerRoute.of("/movies => a", field)

    assert (rules.at("GET", "/movies"), rules.at("GET", "/books")) == ("a", None)


@pytest.mark.parametrize("text", [None, "", " ; ;"])
def test_no_text_has_no_rules(text: str | None) -> None:
    assert PerRoute.of(text, field).at("GET", "/") is None


def test_a_rule_for_a_route_wins_wherever_it_stands() -> None:
    rules = PerRoute.of("rest; /movies => a", field)

    assert rules.at("GET", "/movies") == "a"


@pytest.mark.parametrize("text", ["movies => a", "/movies => a..b", "a; b.."])
def test_a_rule_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        PerRoute.of(text, field)
