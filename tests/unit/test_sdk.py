"""Series of ours can be forgotten in the real SDK, and nothing else is touched."""

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_recmon.sdk import forget


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


def test_points_that_are_refused_are_gone_and_all_others_stay(
    provider: MeterProvider, reader: InMemoryMetricReader
) -> None:
    _record(provider, "ours")
    _record(provider, "theirs")

    done = forget(provider, "ours", _keep_v2)

    theirs = {("theirs", name, version) for name in ("latency", "score") for version in ("v1", "v2")}
    assert (done, _points(reader)) == (True, theirs | {("ours", "latency", "v2"), ("ours", "score", "v2")})


def test_the_instrument_may_be_told_by_its_name(provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    _record(provider, "ours")

    forget(provider, "ours", lambda name, _: name != "latency")

    assert _points(reader) == {("ours", "score", "v1"), ("ours", "score", "v2")}


def test_a_forgotten_point_starts_from_zero(provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    histogram = provider.get_meter("ours").create_histogram("latency")
    histogram.record(5.0, {"model_version": "v1"})

    forget(provider, "ours", lambda *_: False)
    histogram.record(2.0, {"model_version": "v1"})
    data: Any = reader.get_metrics_data()
    point = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]

    assert (point.count, point.sum) == (1, 2.0)


def test_every_reader_of_the_provider_forgets() -> None:
    readers = [InMemoryMetricReader(), InMemoryMetricReader()]
    provider = MeterProvider(readers, shutdown_on_exit=False)
    _record(provider, "ours")

    forget(provider, "ours", _keep_v2)
    points = [_points(reader) for reader in readers]
    provider.shutdown()

    assert points == [{("ours", "latency", "v2"), ("ours", "score", "v2")}] * 2


@pytest.mark.parametrize("provider", [NoOpMeterProvider(), object(), None])
def test_where_there_is_no_sdk_nothing_is_forgotten_and_that_is_said(provider: object) -> None:
    assert forget(provider, "ours", lambda *_: False) is False
