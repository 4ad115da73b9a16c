"""The items of a response, in the shapes that services return, and responses without items."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon.reading.items import as_objects
from otel_recmon.reading.ranks import _remembered
from otel_recmon.reading.shapes import find_items
from otel_recmon.reading.tables import Found
from tests.unit.reading.test_item_keys import JSON

A, B = {"id": "a"}, {"id": "b"}

FOUND: dict[str, tuple[Any, list[Any]]] = {
    "a bare list of ids": (["a", "b"], ["a", "b"]),
    "a bare list of numbers": ([3, 1], [3, 1]),
    "texts and numbers mixed": (["a", 1], ["a", 1]),
    "a bare list of objects": ([A, B], [A, B]),
    "an empty list": ([], []),
    "a usual key": ({"items": [A]}, [A]),
    "a usual key in another case": ({"Results": [A]}, [A]),
    "a key with recommend in its name": ({"recommended_movies": [A]}, [A]),
    "an unknown key": ({"stuff": [A]}, [A]),
    "an unknown key of 100000 characters": ({"x" * 100_000: [A]}, [A]),
    "one level down": ({"data": {"items": [A]}}, [A]),
    "one level down under an unknown key": ({"payload": {"stuff": [A]}}, [A]),
    "objects nested beside their score": (
        {"results": [{"item": {"id": "a", "genre": "x"}, "score": 1}, {"item": B, "score": 2}]},
        [
            {"item": {"id": "a", "genre": "x"}, "id": "a", "genre": "x", "score": 1},
            {"item": B, "id": "b", "score": 2},
        ],
    ),
    "nested products": ([{"product": A}, {"product": B}], [{"product": A, **A}, {"product": B, **B}]),
    "ids keyed by rank from 1": ({"1": "a", "2": "b"}, ["a", "b"]),
    "objects keyed by rank from 0": ({"0": A, "1": B}, [A, B]),
    "ranks out of order": ({"2": "b", "10": "j", "1": "a"} | {str(n): "x" for n in range(3, 10)},
                           ["a", "b", *["x"] * 7, "j"]),
    "ranks under a usual key": ({"items": {"1": "a", "2": "b"}}, ["a", "b"]),
    "an empty list under a usual key": ({"results": []}, []),
    "an empty slate next to a history": ({"recommendations": [], "history": [A]}, []),
    "an empty slate next to items": ({"recommendations": [], "items": [A]}, []),
    "items next to decoys": ({"history": ["h"], "categories": ["c"], "filters": [A], "stuff": [B]}, [B]),
    "a key with recommend in its name wins": ({"items": [A], "recommendations": [B]}, [B]),
    "a usual key wins over an unknown one": ({"aaa": [A], "items": ["b"]}, ["b"]),
    "the list that looks most like items": ({"aaa": ["x"], "bbb": [{"id": 1, "score": 2}]}, [{"id": 1, "score": 2}]),
    "a null list next to another": ({"items": None, "results": [A]}, [A]),
    "a title for an id": ([{"title": "Alien"}], [{"title": "Alien"}]),
    "an object under the key id": ([{"id": {"id": "a"}}], [{"id": "a"}]),
    "pandas, one list per column": (
        {"item_id": ["a", "b"], "score": [0.5, 0.4]},
        [{"item_id": "a", "score": 0.5}, {"item_id": "b", "score": 0.4}],
    ),
    "pandas, one object per column": (
        {"item_id": {"0": "a", "1": "b"}, "score": {"0": 0.5, "1": 0.4}},
        [{"item_id": "a", "score": 0.5}, {"item_id": "b", "score": 0.4}],
    ),
    "parallel lists": ({"ids": [7, 8], "scores": [0.5, 0.4]}, [{"id": 7, "score": 0.5}, {"id": 8, "score": 0.4}]),
    "parallel lists of which none is called ids": (
        {"recommendations": ["a", "b"], "categories": ["x", "y"]},
        [{"id": "a", "category": "x"}, {"id": "b", "category": "y"}],
    ),
    "titles beside years": ({"movies": ["a", "b"], "years": [1995, 1979]}, ["a", "b"]),
    "tensors": (
        {"outputs": [{"name": "item_ids", "data": [7, 8]}, {"name": "scores", "data": [0.5, 0.4]}]},
        [{"item_id": 7, "score": 0.5}, {"item_id": 8, "score": 0.4}],
    ),
    "one tensor": ({"outputs": [{"name": "ids", "shape": [1, 2], "data": [7, 8]}]}, [7, 8]),
    "an id that is null": (
        [{"id": None, "sku": "a"}, {"id": "x", "sku": "b"}],
        [{"id": None, "sku": "a"}, {"id": "x", "sku": "b"}],
    ),
    "shelves in an object": ({"shelves": {"new": [A], "old": [B]}}, [A, B]),
    "slates beside a history": ({"history": ["h"], "for_you": [A], "trending": [B]}, [A, B]),
    "known items beside the items": ({"known_positive_items": [A], "top_k_items": [B]}, [B]),
    "lists of different nouns": ({"id": 17, "movies": ["m1"], "books": ["b1", "b2"]}, ["m1", "b1", "b2"]),
    "a map of scores that is the body": (
        {"5f1a": 0.9, "60b2": 0.4},
        [{"id": "5f1a", "score": 0.9}, {"id": "60b2", "score": 0.4}],
    ),
    "items in the data of a result": (
        {"results": [{"value": "Hat", "data": {"id": "s7"}, "strategy": {"id": "alike"}}]},
        [{"value": "Hat", "data": {"id": "s7"}, "strategy": {"id": "alike"}, "id": "s7"}],
    ),
    "because you watched": ({"because_you_watched": [A], "title": "Heat"}, [A]),
    "users": ({"recommended_users": [{"user_id": 1}]}, [{"user_id": 1}]),
    "a JSON text in JSON": ({"recommendations": '["a"]'}, ["a"]),
    "the body of a proxy": ({"statusCode": 200, "body": '{"items": ["a"]}'}, ["a"]),
    "pairs of id and score": ([["a", 0.9], ["b", 0]], [{"id": "a", "score": 0.9}, {"id": "b", "score": 0}]),
    "pairs under a usual key": ({"items": [[7, 0.5]]}, [{"id": 7, "score": 0.5}]),
    "a score for each id": ({"recos": {"a": 0.9, "2": 1}}, [{"id": "a", "score": 0.9}, {"id": "2", "score": 1}]),
    "a score for each id that could be a rank": ({"recs": {"1": 0.9}}, [{"id": "1", "score": 0.9}]),
    "shelves": ({"rows": [{"title": "New", "items": [A]}, {"title": "For you", "items": [B, A]}]}, [A, B, A]),
    "shelves with an id": ([{"id": "new", "Items": ["a"]}, {"id": "old", "Items": ["b"]}], ["a", "b"]),
    "shelves without a title": ({"results": [{"recommendations": [A]}, {"recommendations": []}]}, [A]),
    "empty shelves": ({"rows": [{"title": "New", "items": []}]}, []),
    "items of which one has items": ([{"id": "a", "items": [B]}, {"id": "b"}], [{"id": "a", "items": [B]}, B]),
    "pandas, one object per row": ([{"item_id": "a", "score": 0.5}], [{"item_id": "a", "score": 0.5}]),
}  # fmt: skip

NOT_FOUND: dict[str, Any] = {
    "None": None,
    "a text": "a,b,c",
    "a number": 7,
    "a boolean": True,
    "an empty object": {},
    "an error message": {"detail": "not found"},
    "a single item": {"id": "a", "title": "Alien"},
    "a list of nulls": {"items": [None, None]},
    "nulls under usual keys": {"items": None, "products": None},
    "a list of lists": [["a"], ["b"]],
    "a list of booleans": [True, False],
    "a list of floats": {"embedding": [0.5, 0.25]},
    "a list of empty objects": {"items": [{}]},
    "a list of empty texts": ["", ""],
    "objects without an id": {"items": [{"price": 3}]},
    "decoys only": {"history": ["a"], "errors": [], "categories": ["x"], "users": [A], "watched": [B]},
    "decoys one level down": {"user": {"history": [A], "likes": [B]}},
    "an empty list under an unknown key": {"stuff": []},
    "items three levels down": {"a": {"b": {"c": {"items": [A]}}}},
    "a text in JSON": {"recommendations": "[a"},
    "figures": {"mean": 0.5, "std": 0.1},
    "chart data": {"labels": ["mon", "tue"], "values": [3, 4]},
    "two lists that look the same": {"aaa": [A], "bbb": ["x"], "ccc": [{"price": 1}], "ddd": [B]},
    "lists of unknown keys inside an object": {"recommendations": {"best": ["a"], "worst": ["b"]}},
    "tensors without ids": {"outputs": [{"name": "probabilities", "data": [0.5, 0.4]}]},
    "columns without ids": {"recommendations": {"price": [3, 3], "stock": [1, 1]}},
    "an empty object under a usual key": {"items": {}},
    "digits that are not ranks": {"7": "a", "9": "b"},
    "a superscript digit": {"²": "a"},
    "lists keyed by rank": {"0": [], "1": []},
    "pairs of whole numbers": {"items": [[1, 2], [3, 4]]},
    "pairs under an unknown key": {"trend": [["monday", 0.5]]},
    "numbers under an unknown key": {"stuff": {"mean": 0.5}},
    "counts under a key with recommend in its name": {"recommendations": {"count": 3, "total": 9}},
    "shelves of shelves": [{"items": [{"items": ["a"]}]}],
    "shelves of objects without an id": [{"title": "New", "items": [{"price": 3}]}],
}

WITH_JUNK: dict[str, tuple[Any, list[Any] | None, str]] = {
    "a key of five thousand digits": (
        {"9" * 5_000: "a"},
        None,
        "int() of more than 4,300 digits raises ValueError: the request is not counted at all",
    ),
    "a null among the items": (
        {"items": [A, None, B]},
        [A, B],
        "one null makes the whole slate unrecognized",
    ),
    "an empty wrapper in front": (
        {"recommendations": [{"item": None, "score": 1}, {"item": A, "score": 2}]},
        [{"item": A, "id": "a", "score": 2}],
        "only the first element decides whether the elements are wrapped",
    ),
    "pandas, split into columns and rows": (
        {"columns": ["item_id", "score"], "index": [0, 1], "data": [["a", 0.5], ["b", 0.4]]},
        [{"id": "a", "score": 0.5}, {"id": "b", "score": 0.4}],
        "the row numbers in `index` are taken for the items",
    ),
}


class TestFoundItems:
    @pytest.mark.parametrize("case", FOUND)
    def test_items_are_found(self, case: str) -> None:
        body, items = FOUND[case]

        found = find_items(body)

        assert found is not None
        assert found[0] == items

    @pytest.mark.parametrize("case", WITH_JUNK)
    def test_junk_beside_the_items_does_not_hide_them(self, case: str) -> None:
        body, items, _ = WITH_JUNK[case]

        found = find_items(body)

        assert (found and found[0]) == items

    def test_plain_ids_have_no_fields_and_objects_those_of_the_first(self) -> None:
        plain, objects = find_items(["a"]), find_items([{"sku": "a", "genre": "x"}, {"sku": "b"}])

        assert plain == Found(["a"])
        assert objects is not None
        assert objects[1] is not None
        assert (objects[1].id, objects[1].category) == ("sku", "genre")

    def test_the_body_is_not_changed(self) -> None:
        body = {"results": [{"item": {"id": "a"}, "score": 1}]}

        find_items(body)

        assert body == {"results": [{"item": {"id": "a"}, "score": 1}]}

    def test_a_long_key_is_unknown_and_not_cached(self) -> None:
        _remembered.cache_clear()

        found = find_items({"recommendations" * 7: [{"id": "a"}]})

        assert found is not None
        assert found[0] == [{"id": "a"}]
        assert _remembered.cache_info().currsize == 0


class TestNoItems:
    @pytest.mark.parametrize("case", NOT_FOUND)
    def test_no_items_are_found(self, case: str) -> None:
        assert find_items(NOT_FOUND[case]) is None

    def test_objects_without_an_id_are_not_items(self) -> None:
        assert as_objects([{"price": 1}]) is None

    def test_a_body_nested_a_thousand_times_has_no_items(self) -> None:
        body: Any = ["a"]
        for _ in range(1_000):
            body = {"data": body}

        assert find_items(body) is None


class TestAnyJson:
    @given(JSON)
    def test_any_json_has_a_list_of_items_or_none(self, body: Any) -> None:
        found = find_items(body)

        assert found is None or isinstance(found[0], list)

    @given(
        st.dictionaries(st.sampled_from(["items", "recommendations", "data", "0", "1", "x", "history", "item"]), JSON)
    )
    def test_any_json_under_usual_keys_has_a_list_of_items_or_none(self, body: dict[str, Any]) -> None:
        found = find_items(body)

        assert found is None or isinstance(found[0], list)

    @given(st.lists(st.dictionaries(st.sampled_from(["item", "product", "id", "score", "title"]), JSON, min_size=1)))
    def test_any_objects_are_items_or_none(self, items: list[dict[str, Any]]) -> None:
        found = find_items(items)

        assert found is None or len(found[0]) <= len(items)
