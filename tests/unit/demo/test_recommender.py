import ast
import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Request, Response

from otel_recmon.demo import recommender
from otel_recmon.demo.traffic import MODEL_VERSIONS, assemble_slates, load_impressions

URL = "http://recommender"
SLATES = assemble_slates(load_impressions(rows=1_000))[:60]
Broken = Callable[[str], list[tuple[int, Any]]]


def _responses(*requests: Request) -> list[Response]:
    async def send() -> list[Response]:
        async with AsyncClient(transport=ASGITransport(recommender.app)) as client:
            return [await client.send(request) for request in requests]

    return asyncio.run(send())


def _asked(*requests: tuple[str, str]) -> list[tuple[int, object]]:
    queries = [{"surface": surface, "request_id": request_id} for surface, request_id in requests]
    responses = _responses(*(Request("GET", f"{URL}/recommendations", params=query) for query in queries))
    return [(response.status_code, response.json()) for response in responses]


@pytest.fixture
def broken() -> Iterator[Broken]:
    """Return the answers to sixty requests with a fault; remove the fault at the end."""

    def answers(fault: str) -> list[tuple[int, Any]]:
        _responses(Request("PUT", f"{URL}/fault?name={fault}"))
        return _asked(*((slate.surface, slate.request_id) for slate in SLATES))

    yield answers
    _responses(Request("PUT", f"{URL}/fault"))


def _items(answers: list[tuple[int, Any]], key: str) -> list[Any]:
    return [item[key] for _, answer in answers for item in answer["recommendations"]]


class TestFault:
    def test_one_request_in_five_fails(self, broken: Broken) -> None:
        assert Counter(status for status, _ in broken("errors")) == {200: 48, 500: 12}

    def test_one_answer_in_three_is_a_fallback(self, broken: Broken) -> None:
        assert sum(answer["fallback"] for _, answer in broken("fallback")) == 20

    def test_one_answer_in_six_is_empty(self, broken: Broken) -> None:
        assert sum(not answer["recommendations"] for _, answer in broken("empty-slates")) == 10

    def test_all_users_get_the_same_items_of_one_category(self, broken: Broken) -> None:
        answers = broken("popularity-collapse")

        assert set(_items(answers, "category")) == {recommender.HIT_CATEGORY}
        assert set(_items(answers, "item_id")) == set(recommender.HITS)

    def test_scores_are_inverted(self, broken: Broken) -> None:
        drifted, well = _items(broken("score-drift"), "score"), _items(broken(""), "score")

        assert drifted == [1 - score for score in well]

    def test_each_request_has_its_own_variant(self, broken: Broken) -> None:
        assert len({answer["variant"] for _, answer in broken("label-flood")}) == len(SLATES)

    def test_the_cache_hits_known_items_until_its_outage(self, broken: Broken) -> None:
        seen: list[bool] = []
        recommender.app.state.on_cache_lookup = seen.append
        try:
            broken("")
            seen.clear()
            broken("")
            well = set(seen)
            seen.clear()
            broken("cache-outage")
        finally:
            recommender.app.state.on_cache_lookup = None

        assert (well, set(seen)) == ({True}, {False})


class TestRequests:
    def test_each_slate_is_answered_with_the_decisions_of_the_policy(self) -> None:
        slates = assemble_slates(load_impressions(rows=300))

        answers = _asked(*((slate.surface, slate.request_id) for slate in slates))

        assert answers == [
            (
                200,
                {
                    "model_version": slate.model_version,
                    "variant": slate.policy,
                    "surface": slate.surface,
                    "fallback": False,
                    "recommendations": [
                        {
                            "item_id": i.item_id,
                            "category": i.category,
                            "score": i.propensity,
                            "position": i.position,
                        }
                        for i in slate.impressions
                    ],
                },
            )
            for slate in slates
        ]

    @pytest.mark.parametrize("request_id", ["60000", "-1", "", "one", "1.5"])
    def test_an_unknown_request_is_not_found(self, request_id: str) -> None:
        assert _asked(("all", request_id)) == [(404, {"detail": "no such request was logged"})]

    def test_a_request_on_another_surface_is_not_found(self) -> None:
        assert _asked(("men", "0")) == [(404, {"detail": "no such request was logged on this surface"})]

    def test_events_are_accepted_with_an_empty_response(self) -> None:
        event = {"model_version": "bts-2019.11", "variant": "bts", "item_id": "men-01"}

        responses = _responses(
            Request("POST", f"{URL}/track/click?surface=men", json=event | {"position": 2}),
            Request("POST", f"{URL}/track/conversion?surface=men", json=event | {"revenue": 9.9}),
        )

        assert [(response.status_code, response.content) for response in responses] == [(204, b""), (204, b"")]


class TestIndependence:
    def test_the_service_imports_nothing_from_otel_recmon(self) -> None:
        tree = ast.parse(Path(recommender.__file__).read_text(encoding="utf-8"))

        imported = {
            name.split(".")[0]
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or "."]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }

        assert imported <= {*sys.stdlib_module_names, "fastapi", "pydantic"}

    def test_the_driver_and_the_service_have_the_same_model_versions(self) -> None:
        assert recommender.MODEL_VERSIONS == MODEL_VERSIONS
