"""Slates, events and labels in the traffic of a route, by configured expressions or usual names."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon.config import Settings
from otel_recmon.reading.http_exchange import HttpExchange
from otel_recmon.reading.reader import Reader, Readers
from otel_recmon.reading.routes import RouteKind
from otel_recmon.recording.observation import Observation
from otel_recmon.recording.request_context import RequestContext
from otel_recmon.recording.slate import Slate
from otel_recmon.recording.store import Store
from otel_recmon.safety import Faults
from tests.unit.reading.exchanges import exchange
from tests.unit.reading.test_item_keys import JSON


def _reader(kind: RouteKind = RouteKind.RECOMMENDATION, template: str = "/recommendations", **changes: Any) -> Reader:
    settings = Settings(**changes)
    return Readers(settings, Store(settings)).reader(kind, "GET", template)


def _read(reader: Reader, found: HttpExchange) -> Observation:
    """Return the observation of a request whose handler recorded nothing."""
    return reader.read(found, RequestContext())


def _exchange(response: Any = None, body: Any = None, query: str = "", **path: Any) -> HttpExchange:
    request = {"headers": [(b"x-variant", b"b")], "query_string": query.encode(), "path_params": path}
    return exchange(request, response, body, headers=[(b"x-model-version", b"v7")])


RESPONSES: dict[str, tuple[dict[str, Any], Any, Slate]] = {
    "plain ids": ({}, ["a", "b"], Slate(["a", "b"])),
    "no items": ({}, {"detail": "x"}, Slate(None)),
    "an empty slate": ({}, {"items": []}, Slate([])),
    "objects with everything": (
        {},
        {"items": [{"id": "a", "genre": "x|y", "score": 0.5, "rank": 3}, {"id": "b", "genre": None, "score": None,
                                                                         "rank": 4}]},
        Slate(["a", "b"], [["x", "y"], None], [0.5], [3.0, 4.0]),
    ),
    "objects without categories, scores and ranks": ({}, [{"id": 1}, {"id": 2}], Slate([1, 2])),
    "an item with a rank and one without": ({}, [{"id": 1, "rank": 5}, {"id": 2}], Slate([1, 2])),
    "ranks of a page": ({}, [{"id": 1, "rank": 122}, {"id": 2, "rank": 121}], Slate([1, 2], positions=[122, 121])),
    "ranks by popularity": ({}, [{"id": 1, "rank": 4321}, {"id": 2, "rank": 7}], Slate([1, 2])),
    "positions with gaps": ({}, [{"id": 1, "position": 1}, {"id": 2, "position": 4}], Slate([1, 2], positions=[1, 4])),
    "ranks with gaps": ({}, [{"id": 1, "rank": 12}, {"id": 2, "rank": 1}], Slate([1, 2], positions=[12, 1])),
    "ranks from 0": (
        {"position_base": 0},
        [{"id": 1, "rank": 0}, {"id": 2, "rank": 1}],
        Slate([1, 2], None, None, [1.0, 2.0]),
    ),
    "configured places of everything": (
        {"items": "a.b[]", "item_id": "sku", "category": "x.kind", "score": "s[0]"},
        {"a": {"b": [{"sku": 1, "x": {"kind": "k"}, "s": [9]}, {"sku": 2}]}, "items": ["wrong"]},
        Slate([1, 2], ["k", None], [9]),
    ),
    "a configured place without a list": ({"items": "a.b"}, {"a": {"b": 7}, "items": ["a"]}, Slate(None)),
    "a configured place with an empty list": ({"items": "a"}, {"a": []}, Slate([])),
    "configured items without an id": (
        {"items": "a"},
        {"a": [{"price": 1}, {"price": 2}]},
        Slate([0, 1]),
    ),
    "configured items of mixed kinds": ({"items": "a"}, {"a": ["x", {"id": 1}]}, Slate(["x", {"id": 1}])),
    "an outcome": ({"outcome": "how"}, {"how": "fallback", "items": ["a"]},
                                Slate(["a"], outcome="fallback")),
    "an outcome that is true": ({"outcome": "how"}, {"how": True, "items": ["a"]}, Slate(["a"], outcome="fallback")),
    "an outcome that is false": ({"outcome": "how"}, {"how": False, "items": ["a"]}, Slate(["a"])),
    "an outcome in a response without items": ({"outcome": "how"}, {"how": "error"}, Slate(None, outcome="error")),
}  # fmt: skip


REQUESTED: dict[str, tuple[str, dict[str, Any], Any, int | None]] = {
    "nowhere": ("", {}, None, None),
    "in the query": ("limit=5", {}, None, 5),
    "in the query as k": ("k=5", {}, None, 5),
    "in the path": ("", {"n": 4}, None, 4),
    "in the body": ("", {}, {"top_k": 3}, 3),
    "in the query before the body": ("n=5", {}, {"n": 3}, 5),
    "in a body that is a list": ("", {}, [5], None),
    "as zero": ("limit=0", {}, None, None),
    "as a negative number": ("limit=-1", {}, None, None),
    "as a word": ("limit=all", {}, None, None),
    "as infinity": ("limit=inf", {}, None, None),
    "as a fraction": ("limit=2.5", {}, None, 2),
    "as an empty text": ("limit=", {}, None, None),
}


POSITIONS: dict[str, tuple[dict[str, Any], str, Any, Any]] = {
    "nowhere": ({}, "", None, None),
    "in the query": ({}, "position=3", None, 3.0),
    "in the query as rank": ({}, "rank=3", None, 3.0),
    "in the body": ({}, "", {"slot": 4}, 4.0),
    "from 0": ({"position_base": 0}, "position=0", None, 1.0),
    "at the configured place": ({"position": "query:at"}, "at=2&position=9", None, 2.0),
    "as a word": ({}, "position=top", None, "top"),
    "as an empty text": ({}, "position=", None, ""),
    "as a list": ({}, "", {"position": [1]}, [1]),
}


SEEN: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "a list of positions": ({"positions": [1, "3"]}, [1.0, 3.0], []),
    "an empty list of positions": ({"positions": []}, [], []),
    "objects with positions": (
        {"items": [{"id": "a", "position": 4}, {"id": "b", "position": 2}]},
        [4.0, 2.0],
        ["a", "b"],
    ),
    "objects without positions": ({"items": [{"id": "a"}, {"id": "b"}]}, [], ["a", "b"]),
    "plain ids": (["a", "b", "c"], [], ["a", "b", "c"]),
    "plain ids beside a recommendation id": ({"recommendation_id": "x", "items": ["b"]}, [], ["b"]),
    "one position": ({"position": 7}, [7.0], [None]),
    "one item": ({"item_id": 7}, [None], [7]),
    "nothing": (None, [None], [None]),
    "something else": ("text", [None], [None]),
}


class TestSlates:
    @pytest.mark.parametrize("case", RESPONSES)
    def test_the_slate_of_a_response(self, case: str) -> None:
        changes, response, expected = RESPONSES[case]
        faults = Faults()

        read = _reader(**changes).slates.read(_exchange(response), faults)

        assert (read, faults.dropped) == (expected, {})

    def test_a_first_item_without_category_and_score_does_not_hide_the_others(self) -> None:
        response = [{"id": 1}, {"id": 2, "category": "x", "score": 0.5}]

        assert _reader().slates.read(_exchange(response), Faults()) == Slate([1, 2], [None, "x"], [0.5])

    @pytest.mark.parametrize("unknown", ["splendid", "none of these"])
    def test_an_unknown_outcome_is_dropped(self, unknown: str) -> None:
        faults = Faults()

        read = _reader(outcome="how").slates.read(_exchange({"how": unknown, "items": ["a"]}), faults)

        assert (read, faults.dropped) == (Slate(["a"]), {"outcome_invalid": 1})

    @pytest.mark.parametrize("case", REQUESTED)
    def test_the_requested_number_of_items(self, case: str) -> None:
        query, path, body, expected = REQUESTED[case]

        template = "/".join(["/recommendations", *(f"{{{name}}}" for name in path)])
        read = _reader(template=template).slates.read(_exchange(["a"], body, query, **path), Faults())

        assert read.requested == expected

    @given(JSON, JSON)
    def test_any_response_to_any_request_is_read(self, response: Any, body: Any) -> None:
        faults = Faults()

        read = _reader().slates.read(_exchange(response, body), faults)

        assert read.items is None or isinstance(read.items, list)

    @given(JSON)
    def test_any_response_is_read_with_configured_expressions(self, response: Any) -> None:
        expressions: dict[str, Any] = {
            "items": "items",
            "item_id": "sku",
            "category": "kind",
            "score": "s",
            "outcome": "how",
            "limit": "limit",
        }

        read = _reader(**expressions).slates.read(_exchange(response), Faults())

        assert read.items is None or isinstance(read.items, list)


class TestEvents:
    @pytest.mark.parametrize("case", POSITIONS)
    def test_the_position_of_a_click(self, case: str) -> None:
        changes, query, body, expected = POSITIONS[case]

        assert _read(_reader(RouteKind.CLICK, **changes), _exchange(None, body, query)).events[0].values == (
            expected,
            None,
        )

    @pytest.mark.parametrize("case", SEEN)
    def test_the_positions_and_items_of_impressions(self, case: str) -> None:
        body, *expected = SEEN[case]

        assert _read(_reader(RouteKind.IMPRESSION), _exchange(None, body)).events[0].values == tuple(expected)

    def test_unusable_positions_of_impressions_are_kept(self) -> None:
        found = _read(_reader(RouteKind.IMPRESSION), _exchange(None, {"positions": [1, None, "x"]}))

        assert found.events[0].values == ([1.0, None, "x"], [])

    @given(JSON, st.sampled_from([RouteKind.CLICK, RouteKind.CONVERSION, RouteKind.IMPRESSION]))
    def test_any_event_is_read(self, body: Any, kind: RouteKind) -> None:
        found = _read(_reader(kind), _exchange(None, body))

        sizes = {len(event.values) for event in found.events}
        assert sizes == {1 if kind is RouteKind.CONVERSION else 2}

    def test_the_response_to_an_event_is_read_only_if_an_expression_needs_it(self) -> None:
        reads = [
            _reader().reads_response,
            _reader(RouteKind.CLICK).reads_response,
            _reader(RouteKind.CLICK, position="query:at").reads_response,
            _reader(RouteKind.CLICK, position="clicked.at").reads_response,
        ]

        assert reads == [True, False, False, True]


class TestLabels:
    def test_the_model_version_of_the_response_counts_if_none_is_configured(self) -> None:
        cases = [
            (_reader(), {"model_version": "v8"}),
            (_reader(), ["a"]),
            (_reader(model_version="v1"), {"model_version": "v8"}),
            (_reader(model_version="v1", model_version_from="meta.v"), {"meta": {"v": "v9"}}),
        ]

        versions = [_read(reader, _exchange(body)).model_version for reader, body in cases]

        assert versions == ["v8", "v7", None, "v9"]

    def test_variant_and_surface_are_read_only_if_configured(self) -> None:
        readers = _reader(), _reader(variant="header:x-variant", surface="path:place")

        found = [_read(reader, _exchange(place="home")) for reader in readers]

        assert [(seen.variant, seen.surface) for seen in found] == [(None, None), ("b", "home")]


class TestSettings:
    def test_expressions_may_differ_by_route(self) -> None:
        settings = Settings(items="/movies => a; b")
        readers = Readers(settings, Store(settings))
        body = {"a": ["movie"], "b": ["other"]}

        read = [
            readers.reader(RouteKind.RECOMMENDATION, "GET", template).slates.read(_exchange(body), Faults()).items
            for template in ("/movies", "/books")
        ]

        assert read == [["movie"], ["other"]]

    @pytest.mark.parametrize("changes", [{"items": "a..b"}, {"variant": "header:"}, {"score": "["}])
    def test_an_unusable_expression_is_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"not a JMESPath expression|needs a name"):
            Readers(Settings(**changes), Store(Settings()))
