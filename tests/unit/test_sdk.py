"""Direct access to the SDK, compared with the results of its API."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.metrics import CallbackOptions, NoOpMeterProvider, Observation
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.trace import Span

from otel_recmon.sdk import BoundHistogram, collecting, describe, forget, has_one_consumer, hook_into


def _points(reader: InMemoryMetricReader) -> set[tuple[str, str, str]]:
    """Return scope, instrument and model version of every point of one export."""
    data = reader.get_metrics_data()
    return {
        (scope.scope.name, metric.name, str((point.attributes or {}).get("model_version")))
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }


def _record(provider: MeterProvider, scope: str) -> None:
    meter = provider.get_meter(scope)
    for name in ("latency", "score"):
        histogram = meter.create_histogram(name)
        for version in ("v1", "v2"):
            histogram.record(1.0, {"model_version": version})


def _keep_v2(_name: str, attributes: Mapping[str, Any]) -> bool:
    return attributes.get("model_version") != "v1"


class TestForgetting:
    def test_points_that_are_refused_are_gone_and_all_others_stay(
        self, provider: MeterProvider, reader: InMemoryMetricReader
    ) -> None:
        _record(provider, "ours")
        _record(provider, "theirs")

        done = forget(provider, "ours", _keep_v2)

        theirs = {("theirs", name, version) for name in ("latency", "score") for version in ("v1", "v2")}
        assert (done, _points(reader)) == (True, theirs | {("ours", "latency", "v2"), ("ours", "score", "v2")})

    def test_the_instrument_may_be_told_by_its_name(
        self, provider: MeterProvider, reader: InMemoryMetricReader
    ) -> None:
        _record(provider, "ours")

        forget(provider, "ours", lambda name, _: name != "latency")

        assert _points(reader) == {("ours", "score", "v1"), ("ours", "score", "v2")}

    def test_a_forgotten_point_starts_from_zero(self, provider: MeterProvider, reader: InMemoryMetricReader) -> None:
        histogram = provider.get_meter("ours").create_histogram("latency")
        histogram.record(5.0, {"model_version": "v1"})

        forget(provider, "ours", lambda *_: False)
        histogram.record(2.0, {"model_version": "v1"})
        data: Any = reader.get_metrics_data()
        point = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]

        assert (point.count, point.sum) == (1, 2.0)

    def test_every_reader_of_the_provider_forgets(self) -> None:
        readers = [InMemoryMetricReader(), InMemoryMetricReader()]
        provider = MeterProvider(readers, shutdown_on_exit=False)
        _record(provider, "ours")

        forget(provider, "ours", _keep_v2)
        points = [_points(reader) for reader in readers]
        provider.shutdown()

        assert points == [{("ours", "latency", "v2"), ("ours", "score", "v2")}] * 2

    @pytest.mark.parametrize("provider", [NoOpMeterProvider(), object(), None])
    def test_where_there_is_no_sdk_nothing_is_forgotten_and_that_is_said(self, provider: object) -> None:
        assert forget(provider, "ours", lambda *_: False) is False


def _state(reader: InMemoryMetricReader) -> list[tuple[int, float, list[int], list[int | None]]]:
    """Return count, sum, buckets and the trace ids of the exemplars of every point of one export."""
    data: Any = reader.get_metrics_data()
    return [
        (point.count, point.sum, list(point.bucket_counts), [exemplar.trace_id for exemplar in point.exemplars])
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.data.data_points
    ]


@pytest.fixture
def span() -> Iterator[Span]:
    """A sampled span, which is the current one."""
    with TracerProvider(shutdown_on_exit=False).get_tracer("test").start_as_current_span("request") as current:
        yield current


V1 = {"model_version": "v1"}


def _counted(records: Callable[[MeterProvider, Callable[[float], None]], None], *, straight: bool) -> Any:
    """Return an export after values were recorded by the API or directly."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    histogram = provider.get_meter("ours").create_histogram("latency", explicit_bucket_boundaries_advisory=[1.0])
    series = BoundHistogram(histogram, V1)
    records(provider, series.record if straight else lambda value: histogram.record(value, V1))
    state = _state(reader)
    provider.shutdown()
    return state


class TestSeries:
    def test_values_that_go_straight_to_their_series_count_as_all_others(self, span: Span) -> None:
        def records(_: MeterProvider, record: Callable[[float], None]) -> None:
            for value in (0.5, 1.5, 2.5):
                record(value)

        states = [_counted(records, straight=straight) for straight in (True, False)]

        assert states[0] == states[1] == [(3, 4.5, [1, 2], [span.get_span_context().trace_id] * 2)]

    def test_a_reader_that_comes_later_gets_the_values_since_then(self) -> None:
        late = InMemoryMetricReader()

        def records(provider: MeterProvider, record: Callable[[float], None]) -> None:
            for value in (1.0, 2.0):
                record(value)
            provider.add_metric_reader(late)
            for value in (4.0, 8.0):
                record(value)

        state = _counted(records, straight=True)

        assert (state[0][:2], _state(late)[0][:2]) == ((4, 15.0), (2, 12.0))

    def test_a_series_begins_anew_for_a_reader_that_forgets_after_each_export(self) -> None:
        delta: dict[type, AggregationTemporality] = {Histogram: AggregationTemporality.DELTA}
        reader = InMemoryMetricReader(preferred_temporality=delta)
        provider = MeterProvider([reader], shutdown_on_exit=False)
        series = BoundHistogram(provider.get_meter("ours").create_histogram("latency"), V1)

        exported = []
        for value in (1.0, 2.0, 4.0):
            series.record(value)
            series.record(value)
            exported.append(_state(reader)[0][:2])
        provider.shutdown()

        assert exported == [(2, 2.0), (2, 4.0), (2, 8.0)]

    def test_an_sdk_that_is_another_than_we_know_is_told_on_the_public_way(self) -> None:
        told = []

        class Unknown:
            def record(self, value: float, attributes: Mapping[str, str]) -> None:
                told.append((value, attributes))

        series: BoundHistogram = BoundHistogram(Unknown(), V1)  # type: ignore[arg-type]  # that is the point
        for value in (1.0, 2.0, 3.0):
            series.record(value)

        assert told == [(1.0, V1), (2.0, V1), (3.0, V1)]

    def test_a_view_that_drops_labels_sums_over_them(self, reader: InMemoryMetricReader) -> None:
        bare = View(instrument_name="latency", attribute_keys=set())
        provider = MeterProvider([reader], views=[bare], shutdown_on_exit=False)
        histogram = provider.get_meter("ours").create_histogram("latency")

        for version in ("v1", "v2"):
            series = BoundHistogram(histogram, {"model_version": version})
            series.record(1.0)
            series.record(2.0)
        state = _state(reader)
        provider.shutdown()

        assert [point[:2] for point in state] == [(4, 6.0)]

    def test_a_clock_that_was_set_back_costs_no_exemplars(self, monkeypatch: pytest.MonkeyPatch, span: Span) -> None:
        reader = InMemoryMetricReader()
        provider = MeterProvider([reader], shutdown_on_exit=False)
        series = BoundHistogram(provider.get_meter("ours").create_histogram("latency"), V1)
        series.record(1.0)
        monkeypatch.setattr("otel_recmon.sdk.time_ns", lambda: 3_600_000_000_000)
        series.record(1.0)
        _state(reader)

        monkeypatch.setattr("otel_recmon.sdk.time_ns", lambda: 0)
        series.record(1.0)
        state = _state(reader)
        provider.shutdown()

        assert state[0][3] == [span.get_span_context().trace_id]


SAID: Final[dict[str, str | int | bool]] = {
    "recommendation.model_version": "v1",
    "recommendation.item_count": 10,
    "recommendation.cache_hit": True,
}


class Later:
    """A span of an SDK with other internals."""

    __module__ = "opentelemetry.sdk.trace"

    def __init__(self, **kept: object) -> None:
        self.said: dict[str, object] = {}
        vars(self).update(kept)

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        self.said.update(attributes)


class Wrapper(Later):
    """A span of a vendor, which wraps a span of the SDK."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class TestDescribing:
    def test_a_span_has_the_attributes_as_on_the_public_way(self, span: Span) -> None:
        other = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("other")
        for one in (span, other):
            one.set_attributes({"http.route": "/", "recommendation.item_count": 3})

        describe(span, SAID)
        other.set_attributes(SAID)

        assert attributes_of(span) == attributes_of(other) == {"http.route": "/", **SAID}

    @pytest.mark.parametrize("limits", [SpanLimits(max_attributes=2), SpanLimits(max_attribute_length=1)])
    def test_the_limits_of_a_span_hold(self, limits: SpanLimits) -> None:
        tracer = TracerProvider(span_limits=limits, shutdown_on_exit=False).get_tracer("test")
        ours, theirs = tracer.start_span("ours"), tracer.start_span("theirs")

        describe(ours, SAID)
        theirs.set_attributes(SAID)

        assert attributes_of(ours) == attributes_of(theirs) != SAID

    def test_a_span_that_is_over_stays_as_it_was(self, span: Span) -> None:
        span.end()

        describe(span, SAID)

        assert not attributes_of(span)

    @pytest.mark.parametrize("kept", [{}, {"_attributes": None}, {"_attributes": BoundedAttributes(), "_lock": None}])
    def test_a_span_of_another_sdk_than_we_know_is_told_on_the_public_way(self, kept: dict[str, object]) -> None:
        later = Later(**kept)

        describe(later, SAID)

        assert later.said == SAID

    def test_a_span_around_one_of_the_sdk_is_told_on_the_public_way(self, span: Span) -> None:
        wrapper = Wrapper(inner=span)

        describe(wrapper, SAID)

        assert (wrapper.said, attributes_of(span)) == (SAID, {})


def attributes_of(span: Any) -> dict[str, Any]:
    """Return the attributes of a span."""
    return dict(span.attributes)


class TestHooks:
    def test_each_collection_names_its_reader(self) -> None:
        first, second = InMemoryMetricReader(), InMemoryMetricReader()
        provider = MeterProvider([first], shutdown_on_exit=False)
        seen: list[object] = []

        def observe(_: CallbackOptions) -> list[Observation]:
            seen.append(collecting.get())
            return []

        hooked = hook_into(provider, lambda _: None)
        provider.get_meter("m").create_observable_gauge("g", [observe])
        provider.add_metric_reader(second)
        for reader in (first, second, first):
            reader.get_metrics_data()
        provider.shutdown()

        assert hooked
        assert (seen, collecting.get()) == ([first, second, first], None)

    def test_a_flush_and_the_shutdown_are_prepared(self) -> None:
        provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
        prepared: list[object] = []

        hook_into(provider, prepared.append)
        provider.force_flush(timeout_millis=5)
        provider.shutdown()

        assert len(prepared) == 2

    def test_an_unknown_provider_is_left_alone(self) -> None:
        class Other:
            def force_flush(self) -> None:
                """Do nothing."""

        other = Other()

        assert (hook_into(other, lambda _: None), vars(other)) == (False, {})
        assert [has_one_consumer(reader) for reader in (InMemoryMetricReader(), other, None)] == [True, False, False]
