"""Diversity, coverage and age of a model: computed from its slates, or reported by the service."""

from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.metrics import MeterProvider

from otel_recmon import MetricsCollector
from otel_recmon.recording.recorder import recorder
from tests.unit.conftest import Read, named
from tests.unit.recording.expected_series import v1


def test_diversity_and_coverage_are_computed_from_the_slates(provider: MeterProvider, series: Read) -> None:
    metrics = MetricsCollector("v1", catalog_size=8, meter_provider=provider)

    metrics.track_recommendations("u", ["a", "b"], ["drama", "crime"])

    found = series()
    assert found[v1("recommendation_diversity_score")] == 1.0
    assert found[v1("recommendation_catalog_coverage")] == 25.0


def test_without_a_catalog_size_there_is_no_coverage(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_recommendations("u", ["a", "b"], ["drama", "crime"])

    assert named(series(), "recommendation_catalog_coverage") == {}


def test_reported_diversity_and_coverage_are_exported_unchanged(metrics: MetricsCollector, series: Read) -> None:
    metrics.update_diversity(0.25)
    metrics.update_coverage(60)

    found = series()
    assert found[v1("recommendation_diversity_score")] == 0.25
    assert found[v1("recommendation_catalog_coverage")] == 60


def test_the_age_is_the_time_since_the_reported_update(
    metrics: MetricsCollector, provider: MeterProvider, series: Read
) -> None:
    now = recorder(provider).store.clock()

    metrics.model_updated(datetime.fromtimestamp(now, UTC) - timedelta(hours=5))

    found = series()
    assert found[v1("recommendation_model_staleness_hours")] == pytest.approx(5, abs=0.1)
    assert found[v1("recommendation_model_updated_timestamp_seconds")] == pytest.approx(now - 5 * 3600, abs=1)


def test_the_age_can_be_reported_in_hours(metrics: MetricsCollector, series: Read) -> None:
    metrics.update_model_staleness(36)

    assert series()[v1("recommendation_model_staleness_hours")] == pytest.approx(36, abs=0.1)
