"""The labels of a call: its own, those of its collector, or the configured ones."""

import pytest
from opentelemetry.sdk.metrics import MeterProvider

from otel_recmon import MetricsCollector
from otel_recmon.recording.labels import Labels
from tests.unit.conftest import Read, labelled, named
from tests.unit.recording.expected_series import nonzero


def test_a_call_may_name_another_version_variant_and_surface(provider: MeterProvider, series: Read) -> None:
    metrics = MetricsCollector("v1", variant="a", surface="home", meter_provider=provider)

    metrics.track_click(1)
    metrics.track_click(1, model_version="v2", variant="b", surface="cart")

    assert named(series(), "recommendations_clicked_total") == {
        labelled(model_version="v1", position="1", surface="home", variant="a"): 1,
        labelled(model_version="v2", position="1", surface="cart", variant="b"): 1,
    }


def test_gauges_and_internal_counters_have_neither_variant_nor_surface(provider: MeterProvider, series: Read) -> None:
    metrics = MetricsCollector("v1", variant="a", surface="home", catalog_size=4, meter_provider=provider)

    metrics.track_recommendations("u", ["a"], ["x"], [float("nan")])

    with_arms = {name for name, labels in series() if {"variant", "surface"} & dict(labels).keys()}
    assert with_arms == {
        "recommendation_requests_total",
        "recommendation_outcomes_total",
        "recommendation_impressions_total",
        "recommendation_items_total",
        "recommendation_slo_responses_total",
    }


def test_a_collector_without_a_version_uses_the_first_configured_one(
    provider: MeterProvider,
) -> None:
    plain = MetricsCollector(meter_provider=provider)
    before = plain.defaults.labels()

    first = MetricsCollector("v9", meter_provider=provider)

    assert (before, plain.defaults.labels(), plain.defaults.labels(variant="b")) == (
        Labels("unknown"),
        Labels("v9"),
        Labels("v9", "b"),
    )
    assert first.defaults.labels() == Labels("v9")


def test_the_default_version_comes_from_the_environment(
    provider: MeterProvider, series: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RECMON_MODEL_VERSION", "v77")

    MetricsCollector(meter_provider=provider).track_click(1)

    assert nonzero(series()) == {("recommendations_clicked_total", labelled(model_version="v77", position="1")): 1}
