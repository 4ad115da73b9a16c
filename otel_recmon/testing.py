"""For users' own tests: a pytest fixture that says what a service recorded.

The fixture ``recmon`` is there wherever the package is installed::

    def test_a_slate_is_counted(recmon):
        TestClient(app).get("/recommendations/7")
        assert recmon.value("recommendation_requests_total", status="success") == 1
"""

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from opentelemetry.metrics import get_meter_provider, set_meter_provider

from otel_recmon import catalog
from otel_recmon.catalog import SeriesKey
from otel_recmon.config import PREFIX, variable
from otel_recmon.plugin import RecmonInstrumentor
from otel_recmon.recording.instruments import SCOPE
from otel_recmon.recording.recorder import recorder

_METRICS = {metric.name: metric for metric in catalog.METRICS}


class Recorded:
    """What has been recorded since the test began, under the names that Prometheus shows."""

    def __init__(self, reader: Any) -> None:
        """Read from an in-memory reader of the OpenTelemetry SDK."""
        self._reader = reader

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of a series over all labels that are not given; 0 where nothing was recorded.

        Args:
            name: The Prometheus name, such as ``recommendation_latency_seconds_count``.
            labels: The labels to select, such as ``position="2"``.

        Raises:
            ValueError: If there is no metric of that name, so that a typing mistake does not read as 0.
        """
        if name not in _names():
            msg = f"{name!r} is no series of otel-recmon; there are {', '.join(sorted(_names()))}"
            raise ValueError(msg)
        wanted = set(labels.items())
        return sum(value for (found, pairs), value in self.series().items() if found == name and wanted <= set(pairs))

    def series(self) -> dict[SeriesKey, float]:
        """Return every series by name and sorted labels; histograms as their ``_count`` and ``_sum``."""
        self._reader.get_metrics_data()  # a new series is 0 the first time it is read
        data = self._reader.get_metrics_data()
        return dict(
            row
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            if scope.scope.name == SCOPE
            for metric in scope.metrics
            for point in metric.data.data_points
            for row in _rows(_METRICS[metric.name].prometheus, point)
        )


def _rows(name: str, point: Any) -> Iterator[tuple[SeriesKey, float]]:
    labels = tuple(sorted(point.attributes.items()))
    if hasattr(point, "bucket_counts"):
        yield (f"{name}_count", labels), point.count
        yield (f"{name}_sum", labels), point.sum
    else:
        yield (name, labels), point.value


@cache
def _names() -> frozenset[str]:
    histograms = [metric.prometheus for metric in catalog.METRICS if metric.kind is catalog.Kind.HISTOGRAM]
    plain = [metric.prometheus for metric in catalog.METRICS if metric.kind is not catalog.Kind.HISTOGRAM]
    return frozenset([*plain, *(name + suffix for name in histograms for suffix in ("_count", "_sum"))])


@cache
def _reader() -> Any:
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - needed only where the fixture is used
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415

    reader = InMemoryMetricReader()
    provider: Any = get_meter_provider()
    if hasattr(provider, "add_metric_reader"):
        provider.add_metric_reader(reader)
    else:
        set_meter_provider(MeterProvider([reader]))
    return reader


@pytest.fixture
def recmon() -> Iterator[Recorded]:
    """Watch the services of a test, from nothing recorded.

    The plugin is on with the OTEL_RECMON_* variables of the environment; the model version is ``test`` where
    they name none.
    """
    environ = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    environ = {variable("model_version"): "test"} | environ | {variable("enabled"): "true"}
    reader = _reader()
    recorder().store.forget()
    instrumentor = RecmonInstrumentor()
    instrumentor.instrument(environ=environ)
    yield Recorded(reader)
    instrumentor.uninstrument()
