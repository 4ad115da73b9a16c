"""Distinct ids over processes, versions and hours."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest

from otel_recmon.definitions import CATALOG_SIZE, DISTINCT_ITEMS, FLEET_COVERAGE
from otel_recmon.report.figures import Figures
from otel_recmon.report.period import Period
from otel_recmon.report.sketches import distinct
from otel_recmon.stats.sketch import Sketch, estimate
from tests.unit.report.held import Held, Labels, Samples, held, series
from tests.unit.report.shop import NINE, SHOP

SELECTOR = SHOP.selector("recommendation_user_sketch")
HOURS = Period(NINE + timedelta(minutes=30), NINE + timedelta(hours=3)).hours


def sketched(ids: Iterable[int]) -> bytes:
    sketch = Sketch(256)
    sketch.add(ids, 0.0)
    return sketch.registers(0.0) or b""


def stored(ids: Iterable[int], hour: float, **labels: str) -> Iterator[tuple[Labels, Samples]]:
    at = NINE.timestamp() + 3600 * hour
    for register, rank in enumerate(sketched(ids)):
        yield series("recommendation_user_sketch", [(at, rank)], register=str(register), **labels)


@pytest.fixture(scope="module")
def prometheus() -> Held:
    """Two processes of one version and one of another at different hours, and one before the period."""
    return held(
        *stored(range(100), 0.75, model_version="v1"),
        *stored(range(50, 200), 2, model_version="v1", instance="2"),
        *stored(range(150, 300), 3, model_version="v2"),
        *stored(range(1000, 5000), 0, model_version="v1", instance="3"),
    )


@pytest.mark.parametrize(("of", "ids"), [("v1", range(200)), ("v2", range(150, 300)), ("", range(300))])
def test_sketches_are_merged_over_processes_and_hours(prometheus: Held, of: str, ids: range) -> None:
    count = distinct(prometheus, SELECTOR, HOURS).count(of)

    assert count == estimate(list(sketched(ids)))
    assert count == pytest.approx(len(ids), rel=0.2)


def test_without_a_sketch_nothing_is_known(prometheus: Held) -> None:
    assert distinct(held(), SELECTOR, HOURS).count("") is None
    assert distinct(prometheus, SELECTOR, HOURS).count("v3") is None


def test_coverage_of_the_fleet_is_over_the_catalog_and_at_most_all_of_it() -> None:
    size = {CATALOG_SIZE: 120.0}

    assert Figures(gauges={DISTINCT_ITEMS: 30.0, **size}).value(FLEET_COVERAGE) == 25.0
    assert Figures(gauges={DISTINCT_ITEMS: 130.0, **size}).value(FLEET_COVERAGE) == 100.0
    assert Figures(gauges={DISTINCT_ITEMS: 130.0}).value(FLEET_COVERAGE) is None
