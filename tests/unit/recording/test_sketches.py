"""The exported sketches of items and users: off by default, and bounded for any number of model versions."""

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_recmon import MetricsCollector, catalog
from otel_recmon.catalog import MAX_SERIES, OTHER
from otel_recmon.config import Settings
from otel_recmon.recording.recorder import Recorder
from otel_recmon.stats.sketch import TURN_SECONDS, Sketch, estimate
from tests.unit.conftest import Clock, named, once, recorded

ITEMS, USERS = catalog.CATALOG_SKETCH.prometheus, catalog.USER_SKETCH.prometheus


@pytest.fixture
def sketching(shared: Recorder) -> Recorder:
    """The recorder, with sketches switched on."""
    shared.configure(Settings(model_version="v1", sketch_registers=256))
    return shared


def registers(reader: InMemoryMetricReader, name: str = ITEMS) -> dict[str, bytes]:
    """Return the exported registers of a sketch, by model version."""
    found: dict[str, dict[int, int]] = {}
    for labels, rank in named(once(reader), name).items():
        values = dict(labels)
        found.setdefault(values["model_version"], {})[int(values["register"])] = int(rank)
    return {version: bytes(ranks[n] for n in range(len(ranks))) for version, ranks in found.items()}


def expected(*ids: object, size: int = 256) -> bytes | None:
    sketch = Sketch(size)
    sketch.add(ids, 0.0)
    return sketch.registers(0.0)


class TestContent:
    @pytest.mark.usefixtures("shared")
    def test_without_the_setting_nothing_is_sketched(
        self, metrics: MetricsCollector, reader: InMemoryMetricReader
    ) -> None:
        metrics.track_recommendations("ann", ["a", "b"])

        assert (registers(reader), registers(reader, USERS)) == ({}, {})

    @pytest.mark.usefixtures("sketching")
    def test_items_and_users_are_sketched_by_model_version(
        self, metrics: MetricsCollector, reader: InMemoryMetricReader
    ) -> None:
        metrics.track_recommendations("ann", ["a", "b"])
        metrics.track_recommendations(7, ["b", 3])
        metrics.track_recommendations(" 7 ", ["c"], model_version="v2")

        assert registers(reader) == {"v1": expected("a", "b", "3"), "v2": expected("c")}
        assert registers(reader, USERS) == {"v1": expected("ann", "7"), "v2": expected("7")}

    @pytest.mark.usefixtures("sketching")
    def test_no_id_is_exported(self, metrics: MetricsCollector, reader: InMemoryMetricReader) -> None:
        metrics.track_recommendations("canary-user", ["canary-item"])

        exported = once(reader)
        assert "canary" not in str(exported)
        assert len(named(exported, USERS)) == 256

    @pytest.mark.usefixtures("sketching")
    @pytest.mark.parametrize("unusable", [None, "", " ", True, 0.5, {"id": 1}, ["ann"]], ids=repr)
    def test_without_a_usable_user_there_is_no_sketch_of_users(
        self, metrics: MetricsCollector, reader: InMemoryMetricReader, unusable: object
    ) -> None:
        metrics.track_recommendations(unusable, ["a"])

        assert registers(reader, USERS) == {}
        assert estimate(registers(reader)["v1"]) == pytest.approx(1, abs=0.01)

    def test_a_user_with_a_long_id_counts_once_and_takes_little_memory(
        self, sketching: Recorder, metrics: MetricsCollector, reader: InMemoryMetricReader
    ) -> None:
        for user in ("7" * 4_000, int("7" * 4_000), f" {'7' * 4_000} "):
            metrics.track_recommendations(user, ["a"])
        assert sketching.store.sketches is not None
        waiting = sketching.store.sketches.versions["v1"].users._turns[0].noted

        assert [len(str(name)) <= 100 for name in waiting] == [True]
        assert estimate(registers(reader, USERS)["v1"]) == pytest.approx(1, abs=0.01)

    @pytest.mark.usefixtures("sketching")
    def test_a_sketch_is_exported_for_two_turns(
        self, metrics: MetricsCollector, reader: InMemoryMetricReader, clock: Clock
    ) -> None:
        metrics.track_recommendations("ann", ["a"])

        exported = []
        for _ in range(3):
            exported.append(registers(reader) == {"v1": expected("a")})
            clock.now += TURN_SECONDS

        assert exported == [True, True, False]
        assert registers(reader) == {}


class TestBounds:
    @pytest.mark.usefixtures("sketching")
    def test_versions_beyond_the_bound_share_a_sketch_and_are_counted(
        self, metrics: MetricsCollector, reader: InMemoryMetricReader
    ) -> None:
        for number in range(9):
            metrics.track_recommendations("ann", [number], model_version=f"x{number}")
        metrics.track_recommendations("ann", ["a"])

        found = registers(reader)
        assert found == {
            "x0": expected(0),
            "x1": expected(1),
            "x2": expected(2),
            "v1": expected("a"),
            OTHER: expected(*range(3, 9)),
        }
        assert sum(map(len, found.values())) <= MAX_SERIES
        assert named(recorded(reader), catalog.OVERFLOW.prometheus) == {(("label", "model_version"),): 6}

    @pytest.mark.usefixtures("sketching")
    def test_an_idle_version_makes_room_for_the_next(
        self, metrics: MetricsCollector, reader: InMemoryMetricReader, provider: MeterProvider, clock: Clock
    ) -> None:
        for number in range(18):
            metrics.track_recommendations("ann", [number], model_version=f"x{number}")
            clock.now += TURN_SECONDS
            assert registers(reader).get(f"x{number}") == expected(number)

        assert attribute_sets(provider, catalog.CATALOG_SKETCH.name) <= MAX_SERIES

    @pytest.mark.usefixtures("sketching")
    def test_without_room_in_the_sdk_new_versions_share_a_sketch(
        self, metrics: MetricsCollector, reader: InMemoryMetricReader, sketching: Recorder, clock: Clock
    ) -> None:
        sketching.store.forget_points = lambda _: False
        for number in range(40):
            metrics.track_recommendations("ann", [number], model_version=f"x{number}")
            once(reader)
            clock.now += 2 * TURN_SECONDS

        metrics.track_recommendations("ann", ["a", "b"], model_version="y")
        assert registers(reader) == {OTHER: expected("a", "b")}

    @pytest.mark.parametrize("size", [16, 128, 512])
    def test_the_bound_holds_for_each_number_of_registers(
        self, shared: Recorder, metrics: MetricsCollector, reader: InMemoryMetricReader, size: int
    ) -> None:
        shared.configure(Settings(model_version="v1", sketch_registers=size, max_model_versions=200))

        for number in range(150):
            metrics.track_recommendations("ann", [number], model_version=f"x{number}")

        found = registers(reader)
        assert {len(ranks) for ranks in found.values()} == {size}
        assert (MAX_SERIES // size - 2) * size <= sum(map(len, found.values())) <= MAX_SERIES
        assert OTHER in found


class TestLifecycle:
    def test_settings_of_other_parts_keep_the_sketches(
        self, sketching: Recorder, metrics: MetricsCollector, reader: InMemoryMetricReader
    ) -> None:
        metrics.track_recommendations("ann", ["a"])

        sketching.configure(Settings(model_version="v1", sketch_registers=256, slo_latency=2.0))
        assert registers(reader) == {"v1": expected("a")}

        sketching.configure(Settings(model_version="v1"))
        assert registers(reader) == {}

    def test_a_forked_child_starts_with_empty_sketches(
        self, sketching: Recorder, metrics: MetricsCollector, reader: InMemoryMetricReader
    ) -> None:
        metrics.track_recommendations("ann", ["a"])

        sketching.store.forget()
        metrics.track_recommendations("bob", ["b"])

        assert (registers(reader), registers(reader, USERS)) == ({"v1": expected("b")}, {"v1": expected("bob")})


def attribute_sets(provider: MeterProvider, name: str) -> int:
    """Return the number of attribute sets that the SDK holds for an instrument."""
    consumer: Any = provider._measurement_consumer
    return sum(
        len(match._attributes_aggregation)
        for storage in consumer._reader_storages.values()
        for instrument, matches in storage._instrument_view_instrument_matches.items()
        for match in matches
        if instrument.name == name
    )
