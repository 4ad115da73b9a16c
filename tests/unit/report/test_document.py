"""The keys of the JSON documents, which are a contract."""

import json
from dataclasses import asdict

import pytest

from otel_recmon.report.document import hourly, summary
from otel_recmon.report.reading import read
from otel_recmon.stats.intervals import Rate
from tests.unit.report.shop import PERIOD, SHOP, counted, shop

REPORT = read(shop(), SHOP, PERIOD)
V2 = read(shop(), SHOP, PERIOD, "v2")


def test_a_summary_says_all_there_is() -> None:
    found = asdict(summary(REPORT))

    versions = found.pop("model_versions")
    assert found == {
        "model_version": None,
        "requests": {
            "total": 220,
            "success": 200,
            "error": 20,
            "rejected": 0,
            "error_rate": 20 / 220,
            "good_share": None,
        },
        "impressions": {"total": None, "mean_list_length": None},
        "clicks": {"total": 20, "ctr": 0.1, "ctr_interval": Rate(20, 200, unbounded=True).interval, "item_ctr": None},
        "conversions": {
            "total": 4,
            "conversion_rate": 0.2,
            "conversion_rate_interval": Rate(4, 20, unbounded=True).interval,
        },
        "revenue": {"total": 50.0, "per_user": None, "per_request": 0.25, "per_sale": 25.0},
        "latency": {
            "avg_ms": 100.0,
            "p50_ms": 55.0,
            "p95_ms": pytest.approx(505.0),
            "p99_ms": pytest.approx(901.0),
            "p95_between_ms": (100.0, 1000.0),
            "p99_between_ms": (100.0, 1000.0),
        },
        "users": None,
        "quality": {"diversity": 1.0, "coverage": 50.0, "fleet_coverage": None, "staleness_hours": 26.5},
        "outcomes": {},
        "cache_hit_rate": 0.75,
        "period": {"start": "2026-01-08T09:00:00Z", "end": "2026-01-08T12:00:00Z"},
        "service": "shop",
        "environment": "test",
    }
    assert [(one["model_version"], one["requests"]["total"]) for one in versions] == [("v1", 100), ("v2", 120)]


def test_a_summary_of_one_model_version_names_it() -> None:
    assert summary(V2).model_version == "v2"
    assert [part.model_version for part in summary(V2).model_versions] == ["v2"]


def test_an_hour_has_its_figures_or_none() -> None:
    rows = [asdict(row) for row in hourly(REPORT)]

    assert rows[1:] == [
        {
            "hour": "2026-01-08T10:00:00Z",
            "requests": 76,
            "clicks": 6,
            "ctr": 0.1,
            "conversions": 4,
            "revenue": 50.0,
            "avg_latency_ms": pytest.approx(1000 * 17 / 120),
            "p95_latency_ms": pytest.approx(730.0),
        },
        {"hour": "2026-01-08T11:00:00Z"}
        | dict.fromkeys(("requests", "clicks", "ctr", "conversions", "revenue", "avg_latency_ms", "p95_latency_ms")),
    ]


def test_a_percentile_beyond_the_last_bucket_has_no_upper_bound() -> None:
    name = "recommendation_latency_seconds_bucket"
    bounds = [counted(name, 1, le="1", model_version="v9"), counted(name, 50, le="+Inf", model_version="v9")]

    latency = summary(read(shop(*bounds), SHOP, PERIOD, "v9")).latency

    assert (latency.p99_ms, latency.p99_between_ms) == (1000.0, (1000.0, None))


def test_documents_are_json() -> None:
    json.dumps([asdict(summary(REPORT)), *(asdict(row) for row in hourly(REPORT))], allow_nan=False)
