"""The pytest fixture for tests of users."""

import pytest
from fastapi import FastAPI, HTTPException, Response

from otel_recmon import MetricsCollector
from otel_recmon.testing import Recorded
from tests.unit.conftest import Client, labelled

# Built once and before any test, as the application of a user is.
app = FastAPI()
metrics = MetricsCollector(catalog_size=10)


@app.get("/recommendations/{user_id}")
def recommendations(user_id: int) -> list[dict[str, str]]:
    if user_id > 9:
        raise HTTPException(404)
    metrics.track_cache_hit(hit=True)
    return [{"id": "a", "category": "drama"}, {"id": "b", "category": "crime"}]


@app.post("/click")
def click(position: int) -> Response:
    return Response(status_code=204)


def test_a_slate_is_counted(recmon: Recorded) -> None:
    Client(app).get("/recommendations/7")
    assert recmon.value("recommendation_requests_total", status="success") == 1


def test_another_test_starts_from_nothing(recmon: Recorded) -> None:
    assert recmon.value("recommendation_requests_total") == 0
    assert recmon.value("recommendation_latency_seconds_count") == 0


@pytest.mark.parametrize("test", ["first", "second"])
def test_the_latency_is_there_in_every_test(recmon: Recorded, test: str) -> None:
    Client(app).get("/recommendations/7")
    assert recmon.value("recommendation_latency_seconds_count") == 1


def test_the_coverage_is_there_in_every_test(recmon: Recorded) -> None:
    Client(app).get("/recommendations/7")
    assert recmon.value("recommendation_catalog_coverage") == 20


def test_a_value_is_the_sum_over_the_labels_that_are_not_given(recmon: Recorded) -> None:
    client = Client(app)
    for position in (1, 2, 2):
        client.post("/click", params={"position": position})

    values = [
        recmon.value("recommendations_clicked_total"),
        recmon.value("recommendations_clicked_total", position="2"),
        recmon.value("recommendations_clicked_total", position="2", model_version="test"),
        recmon.value("recommendations_clicked_total", position="9"),
    ]
    assert values == [3, 2, 2, 0]


def test_all_series_can_be_read_at_once(recmon: Recorded) -> None:
    client = Client(app)
    client.get("/recommendations/7")
    client.get("/recommendations/99")

    counted = {
        key: value
        for key, value in recmon.series().items()
        if value and key[0].endswith("_total") and "recmon" not in key[0]
    }
    v = {"model_version": "test"}
    assert counted == {
        ("recommendation_requests_total", labelled(**v, status="success")): 1,
        ("recommendation_requests_total", labelled(**v, status="rejected")): 1,
        ("recommendation_outcomes_total", labelled(**v, outcome="served")): 1,
        ("recommendation_impressions_total", labelled(**v, position="1")): 1,
        ("recommendation_impressions_total", labelled(**v, position="2")): 1,
        ("recommendation_items_total", labelled(**v, category="drama")): 1,
        ("recommendation_items_total", labelled(**v, category="crime")): 1,
        ("recommendation_slo_responses_total", labelled(**v, good="true")): 1,
        ("recommendation_cache_hits_total", ()): 1,
    }


@pytest.mark.parametrize(
    "misspelt",
    ["recommendation_request_total", "recommendation_latency_seconds", "recommendation_requests", ""],
)
def test_a_misspelt_series_is_refused_with_those_there_are(recmon: Recorded, misspelt: str) -> None:
    with pytest.raises(
        ValueError, match=f"'{misspelt}' is not a series of otel-recmon; its series are .*recommendation_score_sum"
    ):
        recmon.value(misspelt)


def test_variables_of_the_environment_hold_in_the_test(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("OTEL_RECMON_MODEL_VERSION", "v9")
    monkeypatch.setenv("OTEL_RECMON_ROUTES", "GET /nowhere")
    recorded: Recorded = request.getfixturevalue("recmon")

    Client(app).get("/recommendations/7")

    assert recorded.value("recommendation_requests_total") == 0
    assert recorded.value("recmon_build_info", model_version="v9") == 1
