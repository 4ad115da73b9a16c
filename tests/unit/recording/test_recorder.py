"""The recorder that all collectors of a provider share: its gauges, settings and flush."""

import logging
import os
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    InMemoryMetricReader,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)

from otel_recmon import MetricsCollector, __version__
from otel_recmon.config import Settings
from otel_recmon.recording.recorder import Recorder, from_environment, recorder
from tests.unit.conftest import Clock, Read, Series, labelled, named, once

HOUR = 3600.0
DAY = 24 * HOUR
STALENESS = "recommendation_model_staleness_hours"
UPDATED = "recommendation_model_updated_timestamp_seconds"
PENDING = "recommendation_model_reload_pending"


class ClickExporter(MetricExporter):
    """An exporter that keeps the clicks of each export."""

    def __init__(self) -> None:
        super().__init__()
        self.exports: list[list[float]] = []

    def export(self, metrics_data: MetricsData, *_: object, **__: object) -> MetricExportResult:
        self.exports.append(
            [
                point.value  # type: ignore[union-attr]
                for resource in metrics_data.resource_metrics
                for scope in resource.scope_metrics
                for metric in scope.metrics
                if metric.name == "recommendations.clicked"
                for point in metric.data.data_points
            ]
        )
        return MetricExportResult.SUCCESS

    def force_flush(self, *_: object, **__: object) -> bool:
        return True

    def shutdown(self, *_: object, **__: object) -> None:
        pass


def _started(settings: Settings, provider: MeterProvider, clock: Clock) -> Recorder:
    started = Recorder(settings, provider, clock)
    started.start()
    return started


def _gauges(series: Series, *names: str) -> dict[str, dict[str, float]]:
    """Return the values of gauges by model version."""
    return {
        name: {dict(labels)["model_version"]: value for labels, value in named(series, name).items()} for name in names
    }


def _write_model(folder: Path, at: float) -> Path:
    path = folder / "ranker.bin"
    path.write_bytes(b"weights")
    os.utime(path, (at, at))
    return path


class TestLifecycle:
    def test_one_recorder_is_shared_by_all_collectors_of_a_provider(self, provider: MeterProvider) -> None:
        collectors = [
            MetricsCollector("v1", meter_provider=provider),
            MetricsCollector("v2", meter_provider=provider),
        ]

        assert {collector.recorder for collector in collectors} == {recorder(provider)}

    def test_two_providers_have_two_recorders(self, provider: MeterProvider) -> None:
        other = MeterProvider(shutdown_on_exit=False)

        assert recorder(provider) is not recorder(other)
        other.shutdown()

    def test_nothing_is_exported_before_the_first_use(
        self, provider: MeterProvider, reader: InMemoryMetricReader
    ) -> None:
        MetricsCollector("v1", meter_provider=provider)

        assert once(reader) == {}

    def test_starting_twice_creates_the_instruments_once(
        self, provider: MeterProvider, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        started = Recorder(Settings(), provider, clock)

        assert started.start() is started.start()
        assert [record.getMessage() for record in caplog.records] == []


class TestBuildInfo:
    def test_each_configured_version_has_a_build_info(
        self, provider: MeterProvider, clock: Clock, series: Read
    ) -> None:
        started = _started(Settings(model_version="v1"), provider, clock)
        started.store.declare("v2")

        assert named(series(), "recmon_build_info") == {
            labelled(model_version="v1", version=__version__): 1,
            labelled(model_version="v2", version=__version__): 1,
        }

    def test_without_a_version_the_build_info_has_the_version_unknown(
        self, provider: MeterProvider, clock: Clock, series: Read
    ) -> None:
        _started(Settings(), provider, clock)

        assert series() == {("recmon_build_info", labelled(model_version="unknown", version=__version__)): 1}


class TestModelAge:
    def test_staleness_is_computed_at_each_export(self, provider: MeterProvider, clock: Clock, series: Read) -> None:
        _started(Settings(model_version="v1", model_updated_at=clock.now - 2 * HOUR), provider, clock)

        early = series()
        clock.now += 10 * HOUR

        assert _gauges(early, STALENESS, UPDATED) == {
            STALENESS: {"v1": 2.0},
            UPDATED: {"v1": 1_800_000_000.0 - 2 * HOUR},
        }
        assert _gauges(series(), STALENESS, UPDATED) == {
            STALENESS: {"v1": 12.0},
            UPDATED: {"v1": 1_800_000_000.0 - 2 * HOUR},
        }

    def test_the_age_is_that_of_the_model_file_loaded_at_the_start(
        self, provider: MeterProvider, clock: Clock, series: Read, tmp_path: Path
    ) -> None:
        path = _write_model(tmp_path, clock.now - 3 * HOUR)
        _started(Settings(model_version="v1", model_path=str(path)), provider, clock)

        before = _gauges(series(), STALENESS, PENDING)
        _write_model(tmp_path, clock.now)

        assert before == {STALENESS: {"v1": 3.0}, PENDING: {"v1": 0.0}}
        assert _gauges(series(), STALENESS, PENDING) == {STALENESS: {"v1": 3.0}, PENDING: {"v1": 1.0}}

    def test_a_configured_time_wins_over_the_file(
        self, provider: MeterProvider, clock: Clock, series: Read, tmp_path: Path
    ) -> None:
        path = _write_model(tmp_path, clock.now - 3 * HOUR)
        settings = Settings(model_version="v1", model_path=str(path), model_updated_at=clock.now - HOUR)

        _started(settings, provider, clock)

        assert _gauges(series(), STALENESS) == {STALENESS: {"v1": 1.0}}

    def test_a_reported_time_wins_over_the_settings_and_the_file(
        self, provider: MeterProvider, clock: Clock, series: Read, tmp_path: Path
    ) -> None:
        path = _write_model(tmp_path, clock.now - 3 * HOUR)
        settings = Settings(model_version="v1", model_path=str(path), model_updated_at=clock.now - HOUR)
        started = _started(settings, provider, clock)

        with started.store.lock:
            started.store.model("v1").updated_at = clock.now - 30 * HOUR

        assert _gauges(series(), STALENESS) == {STALENESS: {"v1": 30.0}}

    def test_only_the_default_version_has_the_age_of_the_file(
        self, provider: MeterProvider, clock: Clock, series: Read, tmp_path: Path
    ) -> None:
        path = _write_model(tmp_path, clock.now - 3 * HOUR)
        started = _started(Settings(model_version="v1", model_path=str(path)), provider, clock)
        started.store.declare("v2")

        assert _gauges(series(), STALENESS, PENDING) == {STALENESS: {"v1": 3.0}, PENDING: {"v1": 0.0}}

    def test_a_missing_model_file_has_no_age(
        self, provider: MeterProvider, clock: Clock, series: Read, tmp_path: Path
    ) -> None:
        _started(Settings(model_version="v1", model_path=str(tmp_path / "nothing")), provider, clock)

        assert _gauges(series(), STALENESS, PENDING) == {STALENESS: {}, PENDING: {"v1": 0.0}}


class TestQualityGauges:
    @pytest.mark.usefixtures("shared")
    def test_the_gauges_of_a_version_unused_for_a_day_are_removed(
        self, metrics: MetricsCollector, clock: Clock, series: Read
    ) -> None:
        metrics.track_recommendations("u", ["a"], ["x"], model_version="canary")

        before = _gauges(series(), "recommendation_diversity_score")
        clock.now += DAY

        assert before == {"recommendation_diversity_score": {"canary": 0.0}}
        assert _gauges(series(), "recommendation_diversity_score") == {"recommendation_diversity_score": {}}

    def test_the_catalog_size_and_the_number_of_categories_come_from_the_settings(
        self, provider: MeterProvider, series: Read, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_RECMON_CATALOG_SIZE", "8")
        monkeypatch.setenv("OTEL_RECMON_CATEGORIES", "4")

        MetricsCollector("v1", meter_provider=provider).track_recommendations("u", ["a", "b"], ["x", "y"])

        names = ("catalog_coverage", "catalog_size", "diversity_score", "popularity_gini")
        assert _gauges(series(), *(f"recommendation_{name}" for name in names)) == {
            "recommendation_catalog_coverage": {"v1": 25.0},
            "recommendation_catalog_size": {"v1": 8},
            "recommendation_diversity_score": {"v1": 0.5},
            "recommendation_popularity_gini": {"v1": pytest.approx(6 / 7)},
        }


class TestCatalogFile:
    def test_a_catalog_file_gives_the_categories_and_the_catalog_size(
        self, provider: MeterProvider, series: Read, tmp_path: Path
    ) -> None:
        path = tmp_path / "catalog.csv"
        path.write_text("item,category\na,drama\nb,crime\nb,drama\n7,crime\nd,\n")
        recorder(provider).configure(Settings(model_version="v1", catalog_file=str(path)))

        MetricsCollector("v1", meter_provider=provider).track_recommendations("u", ["a", "b", 7, "unknown"])

        found = series()
        assert named(found, "recommendation_items_total") == {
            labelled(model_version="v1", category="drama"): 2,
            labelled(model_version="v1", category="crime"): 2,
            labelled(model_version="v1", category="_none"): 1,
        }
        assert _gauges(found, "recommendation_catalog_coverage") == {"recommendation_catalog_coverage": {"v1": 100.0}}

    def test_categories_of_a_call_win_over_the_catalog_file(
        self, provider: MeterProvider, series: Read, tmp_path: Path
    ) -> None:
        path = tmp_path / "catalog.json"
        path.write_text('{"a": "drama"}')
        recorder(provider).configure(Settings(model_version="v1", catalog_file=str(path)))

        MetricsCollector("v1", meter_provider=provider).track_recommendations("u", ["a"], ["crime"])

        assert named(series(), "recommendation_items_total") == {labelled(model_version="v1", category="crime"): 1}

    @pytest.mark.parametrize("content", ["", "{", '{"a": ', "[1, 2]", "{}"])
    def test_an_unusable_catalog_file_is_logged_and_ignored(
        self, provider: MeterProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
    ) -> None:
        path = tmp_path / "catalog.json"
        path.write_text(content)

        started = Recorder(Settings(catalog_file=str(path)), provider)

        assert (started.categories, started.catalog_size) == ({}, None)
        assert [(record.levelno, record.getMessage().partition(" is not usable")[0]) for record in caplog.records] == [
            (logging.ERROR, f"OTEL_RECMON_CATALOG_FILE={str(path)!r}")
        ]

    def test_categories_of_the_catalog_file_keep_their_slots(
        self, provider: MeterProvider, series: Read, tmp_path: Path
    ) -> None:
        path = tmp_path / "catalog.json"
        path.write_text('{"a": "drama", "b": "crime"}')
        recorder(provider).configure(Settings(model_version="v1", catalog_file=str(path), max_categories=3))
        metrics = MetricsCollector("v1", meter_provider=provider)

        metrics.track_recommendations("u", range(50), [f"junk{n}" for n in range(50)])
        metrics.track_recommendations("u", ["a", "b"])

        items = {
            dict(labels)["category"]: value for labels, value in named(series(), "recommendation_items_total").items()
        }
        assert items == {"junk0": 1, "_other": 49, "drama": 1, "crime": 1}


class TestSettings:
    def test_new_settings_keep_the_counts(
        self, metrics: MetricsCollector, provider: MeterProvider, series: Read
    ) -> None:
        metrics.track_click(1)

        recorder(provider).configure(Settings(model_version="v1", max_variants=1))
        metrics.track_click(1)

        assert named(series(), "recommendations_clicked_total") == {labelled(model_version="v1", position="1"): 2}

    def test_settings_changed_after_the_first_use_do_not_stop_the_histograms(
        self, metrics: MetricsCollector, provider: MeterProvider, series: Read
    ) -> None:
        metrics.track_latency(0.1)

        recorder(provider).configure(Settings(model_version="v1"))
        metrics.track_latency(0.1)

        assert named(series(), "recommendation_latency_seconds_count") == {labelled(model_version="v1"): 2}

    def test_the_score_buckets_come_from_the_settings(
        self, provider: MeterProvider, reader: InMemoryMetricReader
    ) -> None:
        recorder(provider).configure(Settings(model_version="v1", score_buckets=(1.0, 2.5, 4.0)))

        MetricsCollector("v1", meter_provider=provider).track_recommendations("u", ["a"], None, [3.0])
        data = reader.get_metrics_data()
        bounds = [
            point.explicit_bounds  # type: ignore[union-attr]
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == "recommendation.score"
            for point in metric.data.data_points
        ]

        assert bounds == [(1.0, 2.5, 4.0)]

    def test_settings_come_from_the_environment_and_mistakes_are_logged(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("OTEL_RECMON_MODEL_VERSION", "v5")
        monkeypatch.setenv("OTEL_RECMON_CATALOG_SIZE", "many")

        settings = from_environment()

        assert settings == Settings(model_version="v5")
        assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [
            (
                "otel_recmon",
                logging.ERROR,
                "OTEL_RECMON_CATALOG_SIZE='many' is not usable: expected a whole number, at least 1; ignoring it",
            )
        ]


class TestFlush:
    def test_a_flush_exports_the_zero_of_a_new_series_and_its_value(self) -> None:
        exporter = ClickExporter()
        provider = MeterProvider(
            [PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))], shutdown_on_exit=False
        )
        metrics = MetricsCollector("v1", meter_provider=provider)

        metrics.track_click(1)
        metrics.recorder.flush(5.0)
        first = list(exporter.exports)
        metrics.track_click(1)
        metrics.recorder.flush(5.0)
        provider.shutdown()

        assert first == [[0], [1]]
        assert exporter.exports[2] == [2]

    def test_a_flush_without_new_series_exports_once(self) -> None:
        exporter = ClickExporter()
        provider = MeterProvider(
            [PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))], shutdown_on_exit=False
        )
        metrics = MetricsCollector("v1", meter_provider=provider)
        metrics.track_click(1)
        metrics.recorder.flush(5.0)

        exporter.exports.clear()
        metrics.track_click(1)
        metrics.recorder.flush(5.0)

        assert exporter.exports == [[2]]
        provider.shutdown()
