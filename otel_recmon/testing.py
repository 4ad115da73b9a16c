"""Pytest fixture for the recorded metrics of a service under test.

The fixture ``recmon`` is available in every environment in which the package is installed::

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
from otel_recmon.recording.store import true_values

_METRICS = {metric.name: metric for metric in catalog.METRICS}


class Recorded:
    """The series that were recorded since the start of the test. They have their Prometheus names."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the values of all series with this name and these labels; 0 if there is no such series.

        Args:
            name: The Prometheus name, such as ``recommendation_latency_seconds_count``.
            labels: The labels that the series must have, such as ``position="2"``.

        Raises:
            ValueError: If otel-recmon has no metric with this name. A misspelled name would otherwise return 0.
        """
        if name not in _names():
            msg = f"{name!r} is not a series of otel-recmon; its series are {', '.join(sorted(_names()))}"
            raise ValueError(msg)
        wanted = set(labels.items())
        return sum(value for (found, pairs), value in self.series().items() if found == name and wanted <= set(pairs))

    def series(self) -> dict[SeriesKey, float]:
        """Return the value of each series by name and sorted labels. A histogram has only ``_count`` and ``_sum``."""
        with true_values():
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


@cache  # one reader for all tests: OpenTelemetry accepts a global provider only once per process
def _reader() -> Any:
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - pytest imports this module in every run
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
    """Record the metrics of the services in a test. All metrics are 0 at the start of the test.

    The plugin is switched on. The OTEL_RECMON_* environment variables apply. The default model version is ``test``.
    """
    environ = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    environ = {variable("model_version"): "test"} | environ | {variable("enabled"): "true"}
    reader = _reader()
    recorder().store.forget()  # the recorder is shared by the whole process, and has the counts of earlier tests
    instrumentor = RecmonInstrumentor()
    instrumentor.instrument(environ=environ)
    yield Recorded(reader)
    instrumentor.uninstrument()
