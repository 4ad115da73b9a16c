"""Which keys of an item hold its id, category, score and position."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon.reading.item_keys import Fields, _fields, categories_of, fields_of, scores_of
from otel_recmon.values import number

FIELDS: dict[str, tuple[dict[str, Any], Fields | None]] = {
    "an id": ({"id": 1}, Fields("id", True, None, None, None)),  # noqa: FBT003
    "an id among much else": (
        {"price": 3, "item_id": "a", "user_id": "u", "genre": "x", "score": 1, "rank": 2},
        Fields("item_id", True, "genre", "score", "rank"),  # noqa: FBT003
    ),
    "camel case": (
        {"productId": "a", "categoryName": "x", "relevanceScore": 1},
        Fields("productId", True, "categoryName", "relevanceScore", None),  # noqa: FBT003
    ),
    "capitals, dashes and blanks": (
        {"Item-ID": "a", "Predicted Rating": 4.5, "GENRES": "x|y"},
        Fields("Item-ID", True, "GENRES", "Predicted Rating", None),  # noqa: FBT003
    ),
    "an id of its own kind": ({"movieId": 7}, Fields("movieId", True, None, None, None)),  # noqa: FBT003
    "the id of somebody else": ({"user_id": 7, "title": "Alien"}, Fields("title", False, None, None, None)),  # noqa: FBT003
    "nothing but the id of somebody else": ({"user_id": 7, "session_id": 8}, None),
    "a usual id wins over one of its own kind": (
        {"movieId": 7, "id": 8},
        Fields("id", True, None, None, None),  # noqa: FBT003
    ),
    "a title for an id": ({"title": "Alien", "year": 1979}, Fields("title", False, None, None, None)),  # noqa: FBT003
    "a title of its own kind": ({"book_title": "Dune"}, Fields("book_title", False, None, None, None)),  # noqa: FBT003
    "a score of its own kind": ({"id": 1, "als_score": 2}, Fields("id", True, None, "als_score", None)),  # noqa: FBT003
    "a usual score wins over another": (
        {"als_score": 2, "id": 1, "score": 3},
        Fields("id", True, None, "score", None),  # noqa: FBT003
    ),
    "a position wins over a rank": (
        {"id": 1, "rank": 2, "position": 3},
        Fields("id", True, None, None, "position"),  # noqa: FBT003
    ),
    "nothing that names an item": ({"price": 3, "currency": "EUR"}, None),
    "nothing": ({}, None),
    "a key that is empty": ({"": 1}, None),
    "keys of signs alone": ({"--": 1, "€": 2}, None),
    "a key as long as a book": ({"x" * 100_000: 1, "id": 2}, Fields("id", True, None, None, None)),  # noqa: FBT003
}

CATEGORIES: dict[str, tuple[Any, list[str] | str | None]] = {
    "a text": ("Drama", "Drama"),
    "a text with blanks around": (" Drama ", "Drama"),
    "an empty text": ("", None),
    "a blank text": ("  ", None),
    "texts joined by a pipe": ("Crime|Drama", ["Crime", "Drama"]),
    "a pipe and nothing": ("| |", []),
    "a list": (["Crime", "Drama"], ["Crime", "Drama"]),
    "an empty list": ([], None),
    "a list of nothing": ([None, ""], None),
    "an object with a name": ({"id": 7, "name": "Drama"}, "Drama"),
    "an object with an id alone": ({"id": 7}, "7"),
    "an object of something else": ({"x": 1}, None),
    "an empty object": ({}, None),
    "objects with names": ([{"name": "Crime"}, {"name": "Drama"}], ["Crime", "Drama"]),
    "a number": (7, "7"),
    "a truth value": (True, None),
    "a number with a fraction": (0.5, None),
    "NaN": (math.nan, None),
    "nothing": (None, None),
    "lists in lists": ([["Crime"], "Drama"], ["Drama"]),
    "an object in an object": ({"name": {"title": {"label": "Drama"}}}, "Drama"),
}

NUMBERS: dict[str, tuple[Any, float | None]] = {
    "a whole number": (7, 7.0),
    "a number with a fraction": (0.5, 0.5),
    "its text": ("0.5", 0.5),
    "its text with blanks around": (" 7 ", 7.0),
    "a negative one": ("-3", -3.0),
    "a word": ("seven", None),
    "an amount with its currency": ("$7", None),
    "an amount with a comma": ("7,50", None),
    "an empty text": ("", None),
    "NaN": (math.nan, None),
    "the text of NaN": ("nan", None),
    "infinity": (math.inf, None),
    "the text of a number beyond all": ("1e999", None),
    "a text of many digits": ("9" * 10_000, None),
    "a truth value": (True, None),
    "nothing": (None, None),
    "a list": ([7], None),
    "an object": ({"value": 7}, None),
}

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**64), 2**64), st.floats(), st.text(max_size=12)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)
KEYS = st.sampled_from(["id", "user_id", "title", "genre", "score", "rank", "x_score", "my_id", "", "ID", "name"])


@pytest.mark.parametrize("case", FIELDS)
def test_the_fields_of_an_item_with(case: str) -> None:
    item, expected = FIELDS[case]

    assert fields_of(item) == expected


@pytest.mark.parametrize("case", CATEGORIES)
def test_the_categories_in(case: str) -> None:
    value, expected = CATEGORIES[case]

    assert (categories_of(value) or None) == (expected or None)


@pytest.mark.parametrize("case", NUMBERS)
def test_the_number_in(case: str) -> None:
    value, expected = NUMBERS[case]

    assert number(value) == expected


def test_a_number_beyond_all_is_none() -> None:
    assert number(10**400) is None


@pytest.mark.parametrize(
    ("values", "scores"),
    [([0.5, None, 0.25], [0.5, 0.25]), ([None, None], None), ([], None), ([0, None], [0])],
)
def test_scores_that_are_there_are_kept(values: list[Any], scores: list[Any] | None) -> None:
    assert scores_of(values) == scores


@given(st.dictionaries(st.one_of(KEYS, st.text(max_size=20)), JSON, max_size=8))
def test_the_fields_of_any_object_are_keys_of_it(item: dict[str, Any]) -> None:
    fields = fields_of(item)

    keys = {fields.id, fields.category, fields.score, fields.position} - {None} if fields else set()
    assert keys <= set(item)


@given(JSON)
def test_the_categories_in_any_json_are_texts_or_none(value: Any) -> None:
    found = categories_of(value)

    assert found is None or isinstance(found, str) or all(isinstance(part, str) for part in found)


@given(JSON)
def test_the_number_in_any_json_is_finite_or_none(value: Any) -> None:
    found = number(value)

    assert found is None or math.isfinite(found)


def test_categories_nested_without_an_end_are_none() -> None:
    nested: Any = "Drama"
    for _ in range(5_000):
        nested = [nested]

    assert categories_of(nested) is None


def test_items_with_many_or_long_keys_are_read_without_being_remembered() -> None:
    _fields.cache_clear()

    found = [fields_of({"id": 1, **dict.fromkeys(keys)}) for keys in (map(str, range(2_000)), ["x" * 2_000])]

    assert [fields and fields.id for fields in found] == ["id", "id"]
    assert _fields.cache_info().currsize == 0
