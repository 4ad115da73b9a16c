"""The counts of one process: their bounds, idle values, retired models and readings."""

from collections import Counter
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_recmon import MetricsCollector, catalog
from otel_recmon.catalog import MAX_SERIES
from otel_recmon.config import Settings
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.recorder import Recorder
from otel_recmon.recording.store import Row, Store, true_values
from otel_recmon.sdk import collecting
from tests.unit.conftest import Clock, Read, exported, labelled, named, once

HOUR = 3600.0
DAY = 24 * HOUR


def _versions(reader: InMemoryMetricReader) -> set[str]:
    return {
        str(point.attributes["model_version"]) for _, point in exported(reader) if "model_version" in point.attributes
    }


def _attribute_sets(provider: MeterProvider) -> dict[str, int]:
    """Return the number of attribute sets that the SDK holds for each instrument of otel-recmon."""
    consumer: Any = provider._measurement_consumer
    return {
        instrument.name: len(match._attributes_aggregation)
        for storage in consumer._reader_storages.values()
        for instrument, matches in storage._instrument_view_instrument_matches.items()
        for match in matches
    }


def _count(store: Store, labels: Labels, clicks: int = 1) -> None:
    with store.lock:
        store.cells(labels).clicks[0] += clicks


def _clicks(store: Store) -> dict[tuple[tuple[str, str], ...], float]:
    return {tuple(sorted(attributes.items())): value for value, attributes in _true(store, catalog.CLICKED)}


def _true(store: Store, metric: catalog.Metric) -> list[Row]:
    """Return the true values of a counter."""
    with true_values():
        return store.rows(metric)


class TestBounds:
    @pytest.mark.usefixtures("shared")
    def test_a_service_that_varies_every_label_stays_within_all_bounds(
        self,
        metrics: MetricsCollector,
        clock: Clock,
        reader: InMemoryMetricReader,
        provider: MeterProvider,
        series: Read,
    ) -> None:
        for n in range(2_000):
            clock.now += 0.01
            labels: dict[str, Any] = {"model_version": f"m{n}", "variant": f"v{n}", "surface": f"s{n}"}
            metrics.track_recommendations("u", [n], [f"c{n}", f"d{n}"], [0.5], positions=[n], **labels)
            metrics.track_click(n, **labels)
            metrics.track_conversion(1.0, **labels)
            metrics.track_impressions([n, f"p{n}"], **labels)
            with metrics.stage(f"stage{n}", candidates=1):
                pass
            if n % 500 == 0:
                once(reader)
        metrics.track_recommendations("u", ["a"], ["drama"])
        metrics.track_click(1)

        found = series()
        sizes = Counter(name for name, _ in found)
        over = {name: size for name, size in sizes.items() if size > MAX_SERIES}
        assert over == {}
        assert max(_attribute_sets(provider).values()) <= MAX_SERIES
        assert not [name for name, point in exported(reader) if "otel.metric.overflow" in point.attributes]
        assert found["recommendation_requests_total", labelled(model_version="v1", status="success")] == 1
        assert found["recommendations_clicked_total", labelled(model_version="v1", position="1")] == 1
        overflow = named(found, "recmon_label_overflow_total")
        assert set(overflow) == {
            labelled(label=name) for name in ("category", "model_version", "stage", "surface", "variant")
        }
        assert min(overflow.values()) > 1_000
        assert sum(named(found, "recommendation_requests_total").values()) == 2_001
        assert sum(named(found, "recommendations_clicked_total").values()) == 2_001
        assert sum(named(found, "recommendations_converted_total").values()) == 2_000
        assert sum(named(found, "recommendation_impressions_total").values()) == 6_001
        assert sum(named(found, "recommendation_items_total").values()) == 4_001
        assert sum(named(found, "recommendation_candidates_total").values()) == 2_000
        assert sum(named(found, "recommendation_revenue_dollars_count").values()) == 2_000
        assert sum(named(found, "recommendation_stage_duration_seconds_count").values()) == 2_000

    def test_with_generous_caps_each_metric_stays_within_its_bound(
        self, metrics: MetricsCollector, shared: Recorder, clock: Clock, reader: InMemoryMetricReader, series: Read
    ) -> None:
        generous = 5_000
        shared.configure(
            Settings(
                model_version="v1",
                max_model_versions=generous,
                max_variants=generous,
                max_surfaces=generous,
                max_categories=generous,
                max_stages=generous,
            )
        )

        for n in range(2_500):
            clock.now += 0.01
            with metrics.stage(f"stage{n}", candidates=1):
                pass
            metrics.track_recommendations(
                "u", [n], [f"c{n}"], model_version=f"m{n % 701}", variant=f"v{n % 31}", surface=f"s{n % 17}"
            )
            metrics.track_click(n % 14, model_version=f"m{n % 701}", variant=f"v{n}")
        metrics.track_recommendations("u", ["a"], ["drama"])

        found = series()
        over = {name: size for name, size in Counter(name for name, _ in found).items() if size > MAX_SERIES}
        assert over == {}
        assert not [name for name, point in exported(reader) if "otel.metric.overflow" in point.attributes]
        assert found["recommendation_requests_total", labelled(model_version="v1", status="success")] == 1
        assert sum(named(found, "recommendation_items_total").values()) == 2_501

    @pytest.mark.usefixtures("shared")
    def test_a_configured_version_keeps_its_name_after_junk_versions(
        self, provider: MeterProvider, series: Read
    ) -> None:
        junk = MetricsCollector(meter_provider=provider)
        for n in range(3_000):
            junk.track_click(1, model_version=f"junk{n}", variant=f"x{n}", surface=f"y{n}")

        MetricsCollector("v2", variant="b", surface="home", meter_provider=provider).track_click(2)

        clicked = named(series(), "recommendations_clicked_total")
        at_2 = {labels: value for labels, value in clicked.items() if ("position", "2") in labels}
        assert at_2 == {labelled(model_version="v2", position="2", surface="_other", variant="_other"): 1}

    @pytest.mark.usefixtures("shared")
    def test_the_log_names_a_label_over_its_cap_once(
        self, metrics: MetricsCollector, caplog: pytest.LogCaptureFixture
    ) -> None:
        for n in range(2_000):
            metrics.track_click(1, variant=f"v{n}")

        assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
            "otel-recmon: label variant has more values than its cap or its metric allows"
        ]

    def test_labels_beyond_the_caps_are_counted_together(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1", max_variants=1), clock)

        for variant in ("a", "b", "c"):
            _count(store, Labels("v1", variant))

        assert _clicks(store) == {
            labelled(model_version="v1", position="1", variant="a"): 1,
            labelled(model_version="v1", position="1", variant="_other"): 2,
        }
        assert store.faults.overflowed == {"variant": 2}


class TestRetiredModels:
    @pytest.mark.usefixtures("shared")
    def test_twenty_requests_a_day_with_a_new_version_each_day_do_not_fill_the_cap(
        self,
        metrics: MetricsCollector,
        clock: Clock,
        provider: MeterProvider,
        reader: InMemoryMetricReader,
        series: Read,
    ) -> None:
        folded = []
        for day in range(40):
            version = f"day{day}"
            for _ in range(20):
                metrics.track_recommendations("u", ["a"], ["drama"], [0.5], model_version=version)
                metrics.track_click(1, model_version=version)
                metrics.track_conversion(2.0, model_version=version)
                metrics.track_latency(0.1)
                clock.now += DAY / 20
            own = labelled(model_version=version, status="success")
            if series().get(("recommendation_requests_total", own)) != 20:
                folded.append(version)

        assert folded == []
        assert len(_versions(reader)) <= 21
        assert max(_attribute_sets(provider).values()) <= 21 * 12
        assert "label" not in dict(
            label for labels in named(series(), "recmon_label_overflow_total") for label in labels
        )

    @pytest.mark.usefixtures("shared")
    def test_many_short_lived_versions_stay_within_the_bound_of_the_sdk(
        self, metrics: MetricsCollector, clock: Clock, provider: MeterProvider
    ) -> None:
        largest = 0
        for n in range(800):
            metrics.track_recommendations("u", [n], ["drama"], [0.5], model_version=f"m{n}", variant=f"v{n % 7}")
            metrics.track_conversion(2.0, model_version=f"m{n}", variant=f"v{n % 7}")
            clock.now += 2 * HOUR
            if n % 50 == 0:
                largest = max(largest, *_attribute_sets(provider).values())

        assert largest <= MAX_SERIES
        assert max(_attribute_sets(provider).values()) <= 300

    @pytest.mark.usefixtures("shared")
    def test_daily_collectors_leave_no_series_of_retired_versions(
        self, clock: Clock, provider: MeterProvider, reader: InMemoryMetricReader
    ) -> None:
        for day in range(40):
            collector = MetricsCollector(f"day{day}", meter_provider=provider)
            collector.track_recommendations("u", ["a"], ["drama"])
            clock.now += DAY

        once(reader)
        assert len(_versions(reader)) <= 21

    @pytest.mark.usefixtures("shared")
    def test_the_gauges_of_a_retired_model_are_removed_with_its_collector(
        self, clock: Clock, provider: MeterProvider, series: Read
    ) -> None:
        for version in ("old", "new"):
            collector = MetricsCollector(version, meter_provider=provider)
            collector.model_updated(clock.now)
            collector.track_recommendations("u", ["a"], ["drama"])
            clock.now += DAY

        stale = set(named(series(), "recommendation_model_staleness_hours"))
        assert stale == {labelled(model_version="new")}

    def test_a_retired_version_that_returns_starts_from_zero(
        self, metrics: MetricsCollector, shared: Recorder, clock: Clock, series: Read
    ) -> None:
        shared.configure(Settings(model_version="v1", max_model_versions=2))
        metrics.track_conversion(5.0, model_version="old")
        clock.now += DAY
        metrics.track_conversion(5.0, model_version="new")
        clock.now += DAY

        metrics.track_conversion(3.0, model_version="old")

        found = series()
        assert named(found, "recommendations_converted_total") == {labelled(model_version="old"): 1}
        assert named(found, "recommendation_revenue_dollars_sum") == {labelled(model_version="old"): 3.0}


class TestIdleValues:
    @pytest.mark.parametrize(("hours", "label"), [(24.0, "new"), (24.0 - 1e-3, "_other")])
    def test_a_value_frees_its_slot_after_24_idle_hours(
        self, metrics: MetricsCollector, shared: Recorder, clock: Clock, series: Read, hours: float, label: str
    ) -> None:
        shared.configure(Settings(model_version="v1", max_variants=2))
        metrics.track_click(1, variant="old")
        metrics.track_click(1, variant="busy")

        clock.now += hours * HOUR - 1
        metrics.track_click(1, variant="busy")
        clock.now += 1
        metrics.track_click(1, variant="new")

        variants = {dict(labels)["variant"] for labels in named(series(), "recommendations_clicked_total")}
        assert label in variants
        assert ("old" in variants) == (label == "_other")
        assert "busy" in variants

    @pytest.mark.parametrize(("hours", "label"), [(24.0, "new"), (24.0 - 1e-3, "_other")])
    def test_a_category_frees_its_slot_after_24_idle_hours(
        self, metrics: MetricsCollector, shared: Recorder, clock: Clock, series: Read, hours: float, label: str
    ) -> None:
        shared.configure(Settings(model_version="v1", max_categories=2))
        metrics.track_recommendations("u", ["a", "b"], ["old", "busy"])

        clock.now += hours * HOUR - 1
        metrics.track_recommendations("u", ["a"], ["busy"])
        clock.now += 1
        metrics.track_recommendations("u", ["a"], ["new"])

        categories = {dict(labels)["category"] for labels in named(series(), "recommendation_items_total")}
        assert categories == {"busy", "new" if label == "new" else "_other"} | ({"old"} if label == "_other" else set())


class TestRows:
    @staticmethod
    def _read(store: Store) -> float:
        ((value, _),) = store.rows(catalog.CLICKED)
        return value

    def test_a_series_is_zero_for_every_reader_of_its_first_minute(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1"), clock)
        _count(store, Labels("v1"), 7)
        seen = []

        for later in (0, 20, 39.9, 0.1, 30):
            clock.now += later
            seen.append(self._read(store))

        assert seen == [0, 0, 0, 7, 7]

    def test_a_clock_that_is_set_back_holds_nothing_back(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1"), clock)
        _count(store, Labels("v1"), 7)

        first = self._read(store)
        clock.now -= 3600

        assert (first, self._read(store)) == (0, 7)

    def test_without_a_time_of_zeros_the_value_is_shown_at_once(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1", first_zero_seconds=0), clock)
        _count(store, Labels("v1"), 7)

        assert self._read(store) == 7

    def test_a_reader_of_true_values_takes_the_zero_from_nobody(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1"), clock)
        _count(store, Labels("v1"), 7)

        ((first, _),) = _true(store, catalog.CLICKED)

        assert (first, self._read(store)) == (7, 0)

    def test_the_last_reading_of_a_process_has_the_true_values(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1"), clock)
        store.is_ending = lambda: True
        _count(store, Labels("v1"), 7)

        assert self._read(store) == 7

    def test_each_reader_with_one_consumer_gets_one_zero(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1"), clock)
        readers = [InMemoryMetricReader(), InMemoryMetricReader()]
        _count(store, Labels("v1"), 7)
        seen = []

        for reader in (readers[0], readers[0], readers[1], readers[0], readers[1]):
            token = collecting.set(reader)
            seen.append(self._read(store))
            collecting.reset(token)

        assert seen == [0, 7, 0, 7, 7]

    def test_new_values_are_those_that_a_reader_has_not_read(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1"), clock)
        one, other = InMemoryMetricReader(), InMemoryMetricReader()
        before = store.has_new_values([one])
        _count(store, Labels("v1"), 7)
        unread = store.has_new_values([one])
        token = collecting.set(one)
        self._read(store)
        collecting.reset(token)

        assert (before, unread) == (False, True)
        assert [store.has_new_values(readers) for readers in ([one], [one, other], [])] == [False, True, False]

    def test_the_attributes_of_a_series_are_the_same_object_at_every_reading(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1"), clock)
        _count(store, Labels("v1"))

        first, second = store.rows(catalog.CLICKED), store.rows(catalog.CLICKED)

        assert first[0][1] is second[0][1]


class TestVersions:
    def test_an_unusable_version_counts_as_unknown(self, clock: Clock) -> None:
        store = Store(Settings(), clock)

        _count(store, Labels(True))  # type: ignore[arg-type]  # noqa: FBT003
        _count(store, Labels("x" * 10_000))

        assert _clicks(store) == {labelled(model_version="unknown", position="1"): 2}
        assert store.faults.dropped == {"label_invalid": 2}

    def test_the_first_declared_version_is_the_default(self, clock: Clock) -> None:
        store = Store(Settings(), clock)

        before = store.default
        store.declare("v1")
        store.declare("v2")

        assert (before, store.default, store.declared) == (Labels("unknown"), Labels("v1"), ["v1", "v2"])

    def test_versions_used_within_a_day_and_configured_ones_are_serving(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1"), clock)
        _count(store, Labels("yesterday"))
        clock.now += DAY - 1
        _count(store, Labels("today"))

        before = store.serving()
        clock.now += 1

        assert (before, store.serving()) == (["today", "v1", "yesterday"], ["today", "v1"])

    def test_a_process_without_a_version_serves_the_version_unknown(self, clock: Clock) -> None:
        store = Store(Settings(), clock)
        before = store.serving()

        _count(store, Labels("unknown"))

        assert (before, store.serving()) == (["unknown"], ["unknown"])

    def test_the_version_unknown_is_not_serving_beside_a_known_one(self, clock: Clock) -> None:
        store = Store(Settings(), clock)

        _count(store, Labels("v7"))

        assert store.serving() == ["v7"]


class TestForget:
    def test_forgetting_clears_every_count_and_keeps_the_time_of_the_update(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1"), clock)
        _count(store, Labels("v1"), 9)
        store.model("v1").updated_at = 5.0
        store.faults.drop("score_invalid", "a number")
        _clicks(store)

        store.forget()

        assert (_clicks(store), store.rows(catalog.DROPPED), store.model("v1").updated_at) == ({}, [], 5.0)

    def test_forgetting_keeps_the_catalog_size(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1"), clock)
        store.model("v1").catalog_size = 12_000

        store.forget()

        assert store.model("v1").catalog_size == 12_000


class TestCategoriesAndStages:
    def test_a_category_counts_as_often_as_it_is_named(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1"), clock)

        with store.lock:
            store.count_items(store.cells(Labels("v1")), ["drama", "crime", "drama"])

        assert _true(store, catalog.ITEMS) == [
            (2, {"model_version": "v1", "category": "drama"}),
            (1, {"model_version": "v1", "category": "crime"}),
        ]

    def test_a_stage_beyond_the_cap_is_timed_as_other(self, clock: Clock) -> None:
        store = Store(Settings(model_version="v1", max_stages=1), clock)

        with store.lock:
            names = [store.stage(store.cells(Labels("v1")), name)[1] for name in ("recall", "ranking", 7, None)]

        assert names == ["recall", "_other", "_other", "unknown"]
