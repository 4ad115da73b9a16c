"""The examples run as they stand, and count nothing twice when the plugin is on as well."""

from pathlib import Path

import pytest

from tests import web
from tests.stack.serving import Counts, parsed, serving

EXAMPLES = Path(__file__).parents[2] / "examples"
EXPECTED = {
    'recommendation_requests_total{model_version="films-3",status="success"}': 2.0,
    'recommendation_requests_total{model_version="films-3",status="rejected"}': 1.0,
    'recommendation_requests_total{model_version="films-3",status="error"}': 0.0,
    'recommendation_outcomes_total{model_version="films-3",outcome="served"}': 1.0,
    'recommendation_outcomes_total{model_version="films-3",outcome="fallback"}': 1.0,
    'recommendation_slo_responses_total{good="true",model_version="films-3"}': 1.0,
    'recommendation_slo_responses_total{good="false",model_version="films-3"}': 1.0,
    'recommendation_impressions_total{model_version="films-3",position="1"}': 2.0,
    'recommendation_impressions_total{model_version="films-3",position="2"}': 2.0,
    'recommendation_impressions_total{model_version="films-3",position="3"}': 1.0,
    'recommendation_items_total{category="animation",model_version="films-3"}': 1.0,
    'recommendation_items_total{category="comedy",model_version="films-3"}': 1.0,
    'recommendation_items_total{category="crime",model_version="films-3"}': 2.0,
    'recommendation_items_total{category="horror",model_version="films-3"}': 1.0,
    'recommendation_latency_seconds_count{model_version="films-3"}': 2.0,
    'recommendation_stage_duration_seconds_count{model_version="films-3",stage="ranking"}': 2.0,
    'recommendation_stage_duration_seconds_count{model_version="films-3",stage="retrieval"}': 2.0,
    'recommendation_candidates_total{model_version="films-3",stage="ranking"}': 5.0,
    'recommendation_candidates_total{model_version="films-3",stage="retrieval"}': 4.0,
    "recommendation_cache_hits_total": 0.0,
    "recommendation_cache_misses_total": 2.0,
    'recommendations_clicked_total{model_version="films-3",position="2"}': 1.0,
    'recommendations_converted_total{model_version="films-3"}': 1.0,
    'recommendation_revenue_dollars_count{model_version="films-3"}': 1.0,
    'recommendation_revenue_dollars_sum{model_version="films-3"}': 4.5,
    'recommendation_catalog_coverage{model_version="films-3"}': 80.0,
    'recommendation_catalog_size{model_version="films-3"}': 5.0,
    'recommendation_popularity_gini{model_version="films-3"}': 0.4,
}
PLUGIN = {"OTEL_METRICS_EXPORTER": "none", "OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}


def _used(url: str) -> Counts:
    with web.client(base_url=url) as client:
        client.get("/recommendations/ann").raise_for_status()
        client.get("/recommendations/bob").raise_for_status()
        assert client.get("/recommendations/nobody").status_code == 404
        client.post("/track/click", json={"film": "up", "position": 2}).raise_for_status()
        client.post("/track/conversion", json={"film": "up", "revenue": 4.5}).raise_for_status()
        client.get("/metrics")
        return parsed(client.get("/metrics").text)


@pytest.mark.parametrize("on", [False, True], ids=["without the plugin", "with the plugin"])
def test_the_verbs_count_everything_once(on: bool) -> None:
    env = PLUGIN | {"OTEL_RECMON_ENABLED": str(on).lower()}

    with serving("service:app", env, instrumented=on, folder=EXAMPLES / "verbs") as service:
        counts = _used(service.url)
        quality = web.get(f"{service.url}/quality").json()

    ours = {
        series: value
        for series, value in counts.items()
        if series.startswith("recommendation") and "_bucket" not in series and "_created" not in series
    }
    approximate = ("recommendation_latency_seconds_sum", "recommendation_stage_duration_seconds_sum")
    exact = {s: v for s, v in ours.items() if not s.startswith((*approximate, "recommendation_diversity_score"))}
    assert exact == EXPECTED
    diversity = counts['recommendation_diversity_score{model_version="films-3"}']
    assert quality == {"diversity": pytest.approx(diversity), "coverage": 80.0}
