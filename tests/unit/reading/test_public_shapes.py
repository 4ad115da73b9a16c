"""The shapes in which public services and vendors return recommendations, with made-up values."""

from typing import Any

import pytest

from otel_recmon.config import Settings
from otel_recmon.reading.reader import Readers
from otel_recmon.reading.routes import RouteKind
from otel_recmon.recording.request_context import RequestContext
from otel_recmon.recording.store import Store
from tests.unit.reading.exchanges import exchange

FILM, BOOK = {"id": "f1", "title": "Low Tide"}, {"id": "b1", "title": "Salt Road"}
SHAPES: dict[str, tuple[Any, list[Any], list[Any] | None, list[Any] | None]] = {
    "ids under a plural of id": ({"is_new": False, "ids": [4, 7]}, [4, 7], None, None),
    "several lists side by side": ({"for_you": [FILM], "popular_now": [BOOK]}, ["f1", "b1"], None, None),
    "shelves as a map": ({"recommendations": {"films": [FILM], "books": [BOOK]}}, ["f1", "b1"], None, None),
    "a list in a list": ({"recs": [[611, 94, 3005]]}, [611, 94, 3005], None, None),
    "items with scores under a key of scores": (
        {"itemScores": [{"item": "ipad", "score": 4.5}]},
        ["ipad"],
        None,
        [4.5],
    ),
    "a wrapper of any noun": (
        {"data": [{"entry": {"mal_id": 71, "title": "Low Tide"}, "votes": 13}]},
        [71],
        None,
        None,
    ),
    "the item inside a stored row": (
        [{"id": "r-01", "job": {"id": "j-7", "title": "Nurse"}, "score": 0.5}],
        ["j-7"],
        None,
        [0.5],
    ),
    "sections whose items lie deeper": (
        {"recommendations": [{"title": "Top", "impressions": [{"position": 1, "article": {"article_id": "a1"}}]}]},
        ["a1"],
        None,
        None,
    ),
    "fields that a vector store keeps apart": (
        {"result": [{"id": 17, "score": 0.5, "payload": {"title": "Low Tide", "genre": "Drama"}}]},
        [17],
        ["Drama"],
        [0.5],
    ),
    "fields that a search engine keeps apart": (
        {"hits": {"hits": [{"_id": "f-1", "_score": 3.5, "_source": {"genre": "Drama"}}]}},
        ["f-1"],
        ["Drama"],
        [3.5],
    ),
    "objects in objects": (
        {"data": {"Get": {"Article": [{"title": "Harbor", "_additional": {"id": "w-1"}}]}}},
        ["w-1"],
        None,
        None,
    ),
    "JSON in a text": ('[{"title": "Low Tide", "score": 0.5}]', ["Low Tide"], None, [0.5]),
    "a final score beside others": (
        {"items": [{"id": "a", "relevance_score": 0.25, "final_score": 0.75}]},
        ["a"],
        None,
        [0.75],
    ),
    "a score as a text": ({"items": [{"id": "a", "score": "0.5"}]}, ["a"], None, [0.5]),
    "popularity, which no model computes": (
        {"results": [{"id": 808, "genre_ids": [18, 12], "popularity_score": 51.2, "vote_average": 7.1}]},
        [808],
        [["18", "12"]],
        None,
    ),
    "an id that begins with the word": ([{"id_lugar": 4, "nombre": "Mirador"}], [4], None, None),
    "a key in place of an id": ({"courses": [{"course_key": "Hx+1", "title": "Sea"}]}, ["Hx+1"], None, None),
    "the only id, of an artist": ({"recommendations": [{"artist_id": "ax-5"}]}, ["ax-5"], None, None),
    "a person": ({"people": [{"user_id": 40, "name": "Kim", "mutual": 3}]}, [40], None, None),
    "the author of a book": ({"books": [{"author_id": 40, "title": "Low Tide"}]}, ["Low Tide"], None, None),
    "the user who posted": ({"posts": [{"user_id": 40, "title": "Low Tide"}]}, ["Low Tide"], None, None),
    "details beside the id": (
        {"recommendations": [{"product_id": 4, "product_details": {"name": "n", "category": "Toys"}, "score": 0.5}]},
        [4],
        ["Toys"],
        [0.5],
    ),
    "one field that is no id": ({"feed": [{"post": "at://1"}, {"post": "at://2"}]}, ["at://1", "at://2"], None, None),
}
"""For each shape a response, and its items, categories and scores."""
USERS: dict[str, tuple[dict[str, str], Any, Any]] = {
    "in camel case": ({"userId": "u-9"}, None, "u-9"),
    "a profile": ({"profile_id": "pf-2"}, None, "pf-2"),
    "inside an object": ({}, {"context": {"user_id": "u-5"}}, "u-5"),
    "an object itself": ({}, {"user": {"id": "u-5", "age": 7}}, "u-5"),
    "nowhere": ({}, {"items": [{"id": "u-5"}]}, None),
}


def _reader() -> Any:
    return Readers(Settings(log_events=True, user_hash_key="k" * 16), Store(Settings())).reader(
        RouteKind.RECOMMENDATION, "POST", "/recommend"
    )


@pytest.mark.parametrize("case", SHAPES)
def test_a_public_shape_is_read(case: str) -> None:
    response, items, categories, scores = SHAPES[case]

    slate = _reader().read(exchange({"headers": []}, response), RequestContext()).slate

    assert (list(slate.items), slate.categories, slate.scores) == (items, categories, scores)


@pytest.mark.parametrize("case", USERS)
def test_a_public_name_of_the_user_is_read(case: str) -> None:
    query, body, user = USERS[case]
    text = "&".join(f"{name}={value}" for name, value in query.items()).encode()

    seen = _reader().read(exchange({"headers": [], "query_string": text}, [], body), RequestContext())

    assert seen.user == user


@pytest.mark.parametrize(
    ("body", "revenue"),
    [
        ({"amount": 1, "price": 19.9}, 19.9),
        ({"price": 2.5, "quantity": 4}, 10.0),
        ({"total": 27.5, "revenue": 25.0}, 25.0),
        ({"value": 3}, 3.0),
        ({"rating": 4}, 0.0),
    ],
)
def test_revenue_is_found_by_its_name_and_not_by_its_place(body: Any, revenue: float) -> None:
    reader = Readers(Settings(), Store(Settings())).reader(RouteKind.CONVERSION, "POST", "/purchase")

    (sale,) = reader.read(exchange({"headers": []}, None, body), RequestContext()).events

    assert sale.values == (revenue,)


@pytest.mark.parametrize(("expression", "ids"), [("row_id", ["r"]), ("job.sku", ["s"]), ("id", ["j"]), (None, ["j"])])
def test_a_configured_expression_sees_the_whole_row(expression: str | None, ids: list[str]) -> None:
    reader = Readers(Settings(item_id=expression), Store(Settings())).reader(RouteKind.RECOMMENDATION, "GET", "/recs")
    rows = [{"row_id": "r", "job": {"id": "j", "sku": "s", "title": "Nurse"}}]

    slate = reader.read(exchange({"headers": []}, rows), RequestContext()).slate

    assert slate is not None
    assert slate.items == ids


def test_the_ids_of_users_are_no_items() -> None:
    slate = _reader().read(exchange({"headers": []}, {"user_ids": ["u1"], "wine_ids": ["w1"]}), RequestContext()).slate

    assert slate.items == ["w1"]


@pytest.mark.parametrize(
    ("response", "items", "positions"),
    [
        (
            {"recommendations": [{"user_id": "u1", "items": ["a", "b"]}, {"user_id": "u2", "items": ["a"]}]},
            ["a", "b", "a"],
            [1, 2, 1],
        ),
        ({"recommendations": {"u1": ["a", "b"], "u2": ["c"]}}, ["a", "b", "c"], [1, 2, 1]),
        ({"recommendations": {"17": [FILM], "23": [BOOK, FILM]}}, ["f1", "b1", "f1"], [1, 1, 2]),
        ({"outputs": [{"name": "ids", "shape": [2, 2], "data": [7, 8, 9, 5]}]}, [7, 8, 9, 5], [1, 2, 1, 2]),
    ],
)
def test_each_of_several_users_has_a_slate_with_positions_from_1(
    response: Any, items: list[Any], positions: list[int]
) -> None:
    slate = _reader().read(exchange({"headers": []}, response, {"k": 9}), RequestContext()).slate

    assert (slate.items, slate.positions, slate.requested) == (items, positions, None)


def test_an_id_that_is_null_gives_way_to_another() -> None:
    rows = [{"id": None, "sku": "a"}, {"id": 4, "sku": "b"}]

    slate = _reader().read(exchange({"headers": []}, rows), RequestContext()).slate

    assert slate.items == ["a", "b"]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"is_fallback": True}, "fallback"),
        ({"metadata": {"fallback": True}}, "fallback"),
        ({"fallbackReason": "cold start"}, "fallback"),
        ({"strategy": "fallback"}, "fallback"),
        ({"is_fallback": False, "fallback_reason": None, "strategy": "als"}, None),
        ({"fallback": {"enabled": True}}, None),
    ],
)
def test_a_fallback_is_known_by_usual_names(said: Any, outcome: str | None) -> None:
    full = _reader().read(exchange({"headers": []}, {"items": ["a"], **said}), RequestContext()).slate
    empty = _reader().read(exchange({"headers": []}, {"items": [], **said}), RequestContext()).slate

    assert (full.outcome, empty.outcome) == (outcome, None)


@pytest.mark.parametrize(
    ("query", "response", "positions"),
    [
        ("offset=20", ["a", "b"], [21, 22]),
        ("offset=20", [{"id": "a", "position": 4}], [4.0]),
        ("offset=0", ["a", "b"], None),
        ("offset=-5", ["a", "b"], None),
        ("offset=many", ["a", "b"], None),
        ("", ["a", "b"], None),
    ],
)
def test_an_offset_is_added_to_the_positions_of_a_page(query: str, response: Any, positions: Any) -> None:
    reader = Readers(Settings(offset="query:offset"), Store(Settings())).reader(
        RouteKind.RECOMMENDATION, "GET", "/recs"
    )

    slate = reader.read(exchange({"headers": [], "query_string": query.encode()}, response), RequestContext()).slate

    assert slate is not None
    assert slate.positions == positions


@pytest.mark.parametrize("response", [{"recs": ["a", "b"], "scores": [0.5, 0.25]}, {"recs": [["a", 0.5], ["b", 0.25]]}])
def test_a_configured_list_keeps_its_scores(response: Any) -> None:
    reader = Readers(Settings(items="recs"), Store(Settings())).reader(RouteKind.RECOMMENDATION, "GET", "/recs")

    slate = reader.read(exchange({"headers": []}, response), RequestContext()).slate

    assert slate is not None
    assert (slate.items, slate.scores) == (["a", "b"], [0.5, 0.25])
