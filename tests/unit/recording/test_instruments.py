"""The catalog as instruments of the real SDK; one that fails does not cost the others their turn."""

import logging
from collections.abc import Iterable

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_recmon import __version__, catalog
from otel_recmon.catalog import Kind, Metric
from otel_recmon.recording.instruments import SCOPE, Instruments
from otel_recmon.safety import Faults
from tests.unit.conftest import labelled, once

Row = tuple[int, dict[str, str]]

DELAYS = (1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0, 604_800.0)


def _one(metric: Metric) -> Iterable[Row]:
    return [(7, {"of": metric.name})]


def _created(provider: MeterProvider) -> Instruments:
    instruments = Instruments(provider, Faults(), (0.5, 1.0))
    instruments.create(_one, _one)
    for histogram in instruments._histograms.values():
        histogram.record(0.7)
    return instruments


def test_every_metric_of_the_catalog_is_an_instrument_with_its_unit_and_description(
    provider: MeterProvider, reader: InMemoryMetricReader
) -> None:
    _created(provider)

    data = reader.get_metrics_data()
    scopes = [scope for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics]
    found = {(metric.name, metric.unit, metric.description) for scope in scopes for metric in scope.metrics}
    assert [(scope.scope.name, scope.scope.version) for scope in scopes] == [(SCOPE, __version__)]
    assert found == {(metric.name, metric.unit, metric.brief) for metric in catalog.METRICS}


def test_observables_are_read_from_the_rows(provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    _created(provider)

    series = once(reader)

    observables = [metric for metric in catalog.METRICS if metric.kind is not Kind.HISTOGRAM]
    assert {key: value for key, value in series.items() if key[1]} == {
        (metric.prometheus, labelled(of=metric.name)): 7 for metric in observables
    }


def test_histograms_have_the_buckets_of_the_catalog_and_scores_those_of_the_settings(
    provider: MeterProvider, reader: InMemoryMetricReader
) -> None:
    _created(provider)

    data = reader.get_metrics_data()
    bounds = {
        metric.name: tuple(point.explicit_bounds)
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        if hasattr(point, "explicit_bounds")
    }
    assert bounds == {
        "recommendation.latency": (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
        "recommendation.stage.duration": (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
        "recommendation.revenue": (1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0),
        "recommendation.score": (0.5, 1.0),
        "recommendation.click.delay": DELAYS,
        "recommendation.conversion.delay": DELAYS,
    }


def test_an_observable_that_fails_is_counted_and_logged_and_all_others_are_exported(
    provider: MeterProvider, reader: InMemoryMetricReader, caplog: pytest.LogCaptureFixture
) -> None:
    faults = Faults()

    def rows(metric: Metric) -> Iterable[Row]:
        if metric is catalog.CLICKED:
            msg = "broken"
            raise ValueError(msg)
        return _one(metric)

    Instruments(provider, faults, ()).create(rows, rows)
    names = {name for name, _ in once(reader)} | {name for name, _ in once(reader)}

    observables = {metric.prometheus for metric in catalog.METRICS if metric.kind is not Kind.HISTOGRAM}
    assert names == observables - {"recommendations_clicked_total"}
    assert faults.errors == {"observe recommendations.clicked": 2}
    assert [(record.name, record.levelno) for record in caplog.records] == [("otel_recmon", logging.ERROR)]


def test_points_are_forgotten_in_our_own_scope(provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    instruments = _created(provider)

    done = instruments.forget(lambda name, _: name != "recommendation.latency")

    histograms = {name for name, labels in once(reader) if not labels}
    assert done
    assert histograms == {
        f"{name}_{part}"
        for name in (
            "recommendation_revenue_dollars",
            "recommendation_score",
            "recommendation_stage_duration_seconds",
            "recommendation_click_delay_seconds",
            "recommendation_conversion_delay_seconds",
        )
        for part in ("count", "sum")
    }
