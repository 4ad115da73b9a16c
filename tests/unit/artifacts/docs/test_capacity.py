"""Tests of the series table in docs/scaling.md, against processes that record metrics."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import product

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_recmon import MetricsCollector, catalog
from otel_recmon.artifacts.docs.capacity import (
    EXAMPLE,
    Measured,
    capacity_table,
    fleet_table,
    most,
    series,
    series_each,
)

APART = {catalog.DROPPED}
"""The metric that counts the impression without a position, which is recorded on purpose."""
CATEGORIES, STAGES = EXAMPLE["category"], EXAMPLE["stage"]
Split = tuple[str, str, str]


def splits(versions: int, variants: int, surfaces: int) -> Iterator[Split]:
    """All combinations of a number of model versions, variants and surfaces."""
    return product(named("version", versions), named("variant", variants), named("surface", surfaces))


def named(label: str, count: int) -> list[str]:
    """A number of values of a label."""
    return [f"{label}-{number}" for number in range(count)]


def record(found: Iterable[Split], categories: int, stages: int) -> Counter[str]:
    """Record all metrics for each split, and return the number of label combinations of each metric."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    collectors = [  # kept, because the series of a model end with its last collector
        MetricsCollector(
            version, variant=variant, surface=surface, experiment="ranker", catalog_size=9, meter_provider=provider
        )
        for version, variant, surface in found
    ]
    for metrics in collectors:
        _measure(metrics, categories, stages)
    reader.get_metrics_data()  # the gauges of a process exist from its second export on
    data = reader.get_metrics_data()
    provider.shutdown()
    assert data
    counted = data.resource_metrics[0].scope_metrics[0].metrics
    return Counter({metric.name: len(metric.data.data_points) for metric in counted})


def _measure(metrics: MetricsCollector, categories: int, stages: int) -> None:
    in_each = named("category", categories)
    metrics.model_updated(1_700_000_000)
    for outcome in catalog.OUTCOMES_:
        metrics.track_recommendations(
            "u", ["a", "b", "c"], [in_each] * 3, [0.5] * 3, outcome, seconds=0.1, cache_hit=True
        )
    metrics.track_impressions([*range(1, 12), None])
    for position in (*range(1, 12), None):
        metrics.track_click(position)
    metrics.track_conversion(9.5)
    for stage in named("stage", stages):
        with metrics.stage(stage, candidates=5):
            pass


def test_a_process_has_the_series_of_the_example() -> None:
    counted = record(splits(EXAMPLE["model_version"], EXAMPLE["variant"], EXAMPLE["surface"]), CATEGORIES, STAGES)

    expected = {m.name: series(m, EXAMPLE) // series_each(m) for m in catalog.METRICS}
    seen = {m.name for m in catalog.METRICS if counted[m.name] and m not in APART}
    assert {name: counted[name] for name in seen} == {name: expected[name] for name in seen}
    assert len(seen) >= 22


def test_a_label_that_the_example_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="the number of values of model_version is unknown"):
        series(catalog.LATENCY, {"variant": 1, "surface": 1})


def test_no_process_has_more_series_than_the_maximum(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")

    counted = record(splits(20, 12, 2), 60, 25)

    assert {m.name for m in catalog.METRICS if counted[m.name] * series_each(m) > most(m)} == set()
    assert counted[catalog.CLICKED.name] > 1000


def test_the_table_has_the_formula_of_each_metric() -> None:
    rows = [line for line in capacity_table().splitlines() if line.startswith("| `")]

    assert "| `recommendation_latency_seconds` | model_version x variant x surface x 11 | 132 | 1,375 |" in rows
    assert "| `recommendation_cache_hits_total` | 1 | 1 | 1 |" in rows
    assert len(rows) == len(catalog.METRICS)


def test_the_load_of_a_fleet_is_proportional_to_its_export_rate() -> None:
    points = sum(series(m, EXAMPLE) // series_each(m) for m in catalog.METRICS)
    samples = sum(series(m, EXAMPLE) for m in catalog.METRICS)

    rows = fleet_table(Measured(points=points * 100, samples=samples * 200, size=0.5)).splitlines()

    terabytes = 10_000 * samples * 0.5 * 40 * 86_400 / 1e12
    assert rows[-2] == f"| 15 s | 6.7 cores | 3.3 cores | {10_000 * samples / 15:,.0f} | {terabytes / 15:.1f} TB |"
    assert rows[-1] == f"| 60 s | 1.7 cores | 0.8 cores | {10_000 * samples / 60:,.0f} | {terabytes / 60:.1f} TB |"
