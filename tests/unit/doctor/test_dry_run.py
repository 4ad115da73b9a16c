import json
from pathlib import Path
from typing import Any

import pytest

from otel_recmon.doctor.application import Watched
from otel_recmon.doctor.dry_run import DEFAULT, Asked, Trial, trial
from otel_recmon.doctor.target import DoctorError
from otel_recmon.reading.routes import RouteKind
from tests.unit.doctor.patients import patient

TEMPLATE = "/users/{user_id}/recommendations"
ROUTES = (Watched("GET", "/health", None), Watched("GET", TEMPLATE, RouteKind.RECOMMENDATION))


def tried(folder: Path, body: Any, request: str = DEFAULT, routes: tuple[Watched, ...] = (), **settings: str) -> Trial:
    file = folder / "response.json"
    file.write_text(body if isinstance(body, str) else json.dumps(body))
    return trial(patient(**settings), Asked(request, file, ("X-Variant: b",)), routes)


def test_all_that_the_plugin_reads_is_shown(tmp_path: Path) -> None:
    body = {
        "model_version": "v9",
        "recommendations": [{"id": "a", "genre": "x", "score": 0.5}, {"id": "b", "genre": "y|z", "score": 0.25}],
    }

    found = tried(
        tmp_path, body, "GET /users/7/recommendations?limit=3", ROUTES, OTEL_RECMON_VARIANT="header:x-variant"
    )

    assert found == Trial(
        route=f"GET {TEMPLATE}",
        watched_as="recommendation",
        outcome="partial",
        model_version="v9",
        variant="b",
        surface=None,
        user="7",
        requested=3,
        items=["a", "b"],
        categories=["x", ["y", "z"]],
        scores=[0.5, 0.25],
        positions=None,
    )
    assert found.good


def test_expressions_hold(tmp_path: Path) -> None:
    body = {"data": {"hits": [{"sku": 1}, {"sku": 2}]}, "backup": True}
    settings = {"OTEL_RECMON_ITEMS": "data.hits[]", "OTEL_RECMON_ITEM_ID": "sku", "OTEL_RECMON_OUTCOME": "backup"}

    found = tried(tmp_path, body, DEFAULT, (), **settings)

    assert (found.items, found.outcome) == ([1, 2], "fallback")


@pytest.mark.parametrize("body", [{"detail": "hello"}, "not JSON"])
def test_a_response_without_items_is_not_good(tmp_path: Path, body: Any) -> None:
    found = tried(tmp_path, body)

    assert (found.items, found.outcome, found.good) == (None, "unrecognized", False)
    assert found.set_aside == ({"body_unreadable": 1} if isinstance(body, str) else {})


def test_what_is_set_aside_is_said(tmp_path: Path) -> None:
    found = tried(tmp_path, [{"id": 1, "score": -0.5}])

    assert (found.scores, found.set_aside, found.good) == ([-0.5], {"score_invalid": 1}, True)


def test_a_route_that_is_not_watched_is_read_and_is_not_good(tmp_path: Path) -> None:
    found = tried(tmp_path, ["a"], "GET /home")

    assert (found.watched_as, found.items, found.good) == (None, ["a"], False)


def test_lines_of_json_are_read(tmp_path: Path) -> None:
    file = tmp_path / "response.ndjson"
    file.write_text('{"id": 1}\n{"id": 2}\n')

    assert trial(patient(), Asked(DEFAULT, file)).items == [1, 2]


@pytest.mark.parametrize(
    ("request_line", "words"),
    [
        ("/recommendations", "--request '/recommendations' is not of the form 'GET /recommendations'"),
        ("GET /films", "the application has no route for GET /films"),
    ],
)
def test_a_request_that_means_nothing_is_refused(tmp_path: Path, request_line: str, words: str) -> None:
    with pytest.raises(DoctorError, match=words):
        tried(tmp_path, [], request_line, ROUTES)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DoctorError, match="No such file"):
        trial(patient(), Asked(DEFAULT, tmp_path / "none.json"))
