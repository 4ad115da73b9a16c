import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from otel_recmon.doctor.application import ApplicationRoute
from otel_recmon.doctor.dry_run import DEFAULT_REQUEST, DryRun, RecordedExchange, dry_run
from otel_recmon.doctor.target import DoctorError
from otel_recmon.reading.routes import RouteKind
from tests.unit.doctor.healthy_target import healthy_target

TEMPLATE = "/users/{user_id}/recommendations"
ROUTES = (ApplicationRoute("GET", "/health", None), ApplicationRoute("GET", TEMPLATE, RouteKind.RECOMMENDATION))


def read_response(
    folder: Path, body: Any, request: str = DEFAULT_REQUEST, routes: tuple[ApplicationRoute, ...] = (), **settings: str
) -> DryRun:
    file = folder / "response.json"
    file.write_text(body if isinstance(body, str) else json.dumps(body))
    return dry_run(healthy_target(**settings), RecordedExchange(request, file, ("X-Variant: b",)), routes)


def test_all_values_that_the_plugin_reads_are_shown(tmp_path: Path) -> None:
    body = {
        "model_version": "v9",
        "recommendations": [{"id": "a", "genre": "x", "score": 0.5}, {"id": "b", "genre": "y|z", "score": 0.25}],
    }

    found = read_response(
        tmp_path, body, "GET /users/7/recommendations?limit=3", ROUTES, OTEL_RECMON_VARIANT="header:x-variant"
    )

    assert found == DryRun(
        route=f"GET {TEMPLATE}",
        watched_as="recommendation",
        outcome="partial",
        model_version="v9",
        variant="b",
        surface=None,
        user="7",
        requested=3,
        advice=None,
        items=["a", "b"],
        categories=["x", ["y", "z"]],
        scores=[0.5, 0.25],
        positions=None,
    )
    assert found.successful


def test_the_configured_expressions_are_used(tmp_path: Path) -> None:
    body = {"data": {"hits": [{"sku": 1}, {"sku": 2}]}, "backup": True}
    settings = {"OTEL_RECMON_ITEMS": "data.hits[]", "OTEL_RECMON_ITEM_ID": "sku", "OTEL_RECMON_OUTCOME": "backup"}

    found = read_response(tmp_path, body, DEFAULT_REQUEST, (), **settings)

    assert (found.items, found.outcome) == ([1, 2], "fallback")


@pytest.mark.parametrize("body", [{"detail": "hello"}, "not JSON"])
def test_a_response_without_items_is_not_successful(tmp_path: Path, body: Any) -> None:
    found = read_response(tmp_path, body)

    assert (found.items, found.outcome, found.successful) == (None, "unrecognized", False)
    assert found.set_aside == ({"body_unreadable": 1} if isinstance(body, str) else {})


def test_values_set_aside_are_shown_with_their_reason(tmp_path: Path) -> None:
    found = read_response(tmp_path, [{"id": 1, "score": -0.5}])

    assert (found.scores, found.set_aside, found.successful) == ([-0.5], {"score_invalid": 1}, True)


def test_an_unwatched_route_is_read_but_not_successful(tmp_path: Path) -> None:
    found = read_response(tmp_path, ["a"], "GET /basket")

    assert (found.watched_as, found.items, found.successful) == (None, ["a"], False)


def test_json_lines_are_read(tmp_path: Path) -> None:
    file = tmp_path / "response.ndjson"
    file.write_text('{"id": 1}\n{"id": 2}\n')

    assert dry_run(healthy_target(), RecordedExchange(DEFAULT_REQUEST, file)).items == [1, 2]


@pytest.mark.parametrize(
    ("request_line", "words"),
    [
        ("/recommendations", "is neither a JSON file nor of the form 'GET /recommendations'"),
        ("GET /films", "the application has no route for GET /films"),
    ],
)
def test_a_malformed_or_unknown_request_is_refused(tmp_path: Path, request_line: str, words: str) -> None:
    with pytest.raises(DoctorError, match=words):
        read_response(tmp_path, [], request_line, ROUTES)


def test_a_missing_response_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DoctorError, match="No such file"):
        dry_run(healthy_target(), RecordedExchange(DEFAULT_REQUEST, tmp_path / "none.json"))


class TestRequestFiles:
    BODY: ClassVar = {"recommendations": ["a", "b"]}

    def test_the_body_of_the_request_is_read(self, tmp_path: Path) -> None:
        file = tmp_path / "request.json"
        request = {"path": "/recommend?session=4", "headers": {"X-Tenant": "t"}, "body": {"user_id": "ann", "k": 3}}
        file.write_text(json.dumps(request))

        found = read_response(tmp_path, self.BODY, str(file), (), OTEL_RECMON_SURFACE="header:x-tenant")

        assert (found.route, found.user, found.requested, found.surface, found.outcome) == (
            "POST /recommend",
            "ann",
            3,
            "t",
            "partial",
        )

    def test_a_query_may_stand_apart(self, tmp_path: Path) -> None:
        file = tmp_path / "request.json"
        file.write_text(json.dumps({"method": "get", "path": "/recommend", "query": {"limit": 2}}))

        found = read_response(tmp_path, self.BODY, str(file))

        assert (found.route, found.requested, found.outcome) == ("GET /recommend", 2, "served")

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (None, "No such file"),
            ("[1, 2", "is not a JSON object such as"),
            ("[1, 2]", "is not a JSON object such as"),
            ('{"body": {}}', "is not a JSON object such as"),
        ],
    )
    def test_a_file_that_is_no_request_is_refused(self, tmp_path: Path, content: str | None, words: str) -> None:
        file = tmp_path / "request.json"
        if content is not None:
            file.write_text(content)

        with pytest.raises(DoctorError, match=words):
            read_response(tmp_path, self.BODY, str(file))
