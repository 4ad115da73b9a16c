from dataclasses import replace

import pytest

from otel_recmon import catalog
from otel_recmon.definitions import COVERAGE, PROCESS_DIVERSITY, SUCCESSES, Gauge
from otel_recmon.demo.comparison import MEASURES, Pair, compare
from otel_recmon.demo.figures import recompute
from otel_recmon.demo.scrape import parse_exposition
from otel_recmon.report.figures import Figures
from tests.unit.demo.exported import CATALOG_SIZE, exported, gauges, sample, series

SLATES = sample()
BTS = recompute([slate for slate in SLATES if slate.policy == "bts"], CATALOG_SIZE)


def _text() -> str:
    text = exported(SLATES)
    for policy in ("bts", "random"):
        own = recompute([slate for slate in SLATES if slate.policy == policy], CATALOG_SIZE)
        text += gauges(own.gauges[PROCESS_DIVERSITY], own.gauges[COVERAGE], policy)
    return text


def test_a_correct_export_agrees_in_every_figure() -> None:
    result = compare(SLATES, parse_exposition(_text()), CATALOG_SIZE)

    assert result.differing() == ()
    assert result.compared == len(MEASURES) * (2 + 6) + 3


def test_an_extra_click_is_found_in_every_figure_that_depends_on_it() -> None:
    own = {"model_version": "bts-2019.11", "variant": "bts", "surface": "men"}
    text = _text() + series(catalog.CLICKED, 1, position="unknown", **own)

    result = compare(SLATES, parse_exposition(text), CATALOG_SIZE)

    names = ("Clicks", "Click-through rate", "95 % interval", "Item click-through rate", "Conversion rate")
    assert result.differing() == tuple(f"{where}: {name}" for where in ("bts", "bts on men") for name in names)


def test_a_variant_with_another_name_is_not_counted() -> None:
    text = _text().replace('variant="bts"', 'variant="BTS"')

    result = compare(SLATES, parse_exposition(text), CATALOG_SIZE)

    assert result.policies["bts"].read.value(SUCCESSES) == 0
    assert "bts: Successful requests" in result.differing()


def test_values_set_aside_by_the_plugin_are_a_difference() -> None:
    text = _text() + series(catalog.DROPPED, 2, reason="body_unreadable")

    assert compare(SLATES, parse_exposition(text), CATALOG_SIZE).differing() == ("dropped values",)


def _counting(series: str, label: str, more: float) -> Figures:
    """The figures with more of one count."""
    counts = dict(BTS.counts)
    counts[series, label] = counts.get((series, label), 0) + more
    return replace(BTS, counts=counts)


def _having(gauge: Gauge, factor: float) -> Figures:
    """The figures with another value of a gauge."""
    return replace(BTS, gauges={**BTS.gauges, gauge: BTS.gauges[gauge] * factor})


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        (_counting("recommendation_revenue_dollars_sum", "", 0.01), ("Revenue, USD",)),
        (_having(PROCESS_DIVERSITY, 1 + 1e-6), ("Diversity",)),
        (_having(PROCESS_DIVERSITY, 1 + 1e-12), ()),
        (replace(BTS, gauges={PROCESS_DIVERSITY: BTS.gauges[PROCESS_DIVERSITY]}), ("Coverage",)),
        (_counting("recommendation_requests_total", "error", 1), ("Failed requests", "Error rate")),
        (_counting("recommendation_outcomes_total", "fallback", 1), ("Other outcomes", "Mean list length")),
        (_counting("recommendation_items_total", "shoes", 1), ("Categories shown",)),
    ],
)
def test_the_figure_that_differs_is_named(changed: Figures, names: tuple[str, ...]) -> None:
    assert Pair(changed, BTS).differing() == names


def test_figures_are_written_for_people() -> None:
    written = {measure.name: measure.write(measure.value(BTS)) for measure in MEASURES}

    assert written["Successful requests"] == "526"
    assert written["Click-through rate"] == "2.28 %"
    assert written["Revenue, USD"] == "212.04"
    assert written["Categories shown"] == "29"


def test_what_is_not_known_is_written_as_such() -> None:
    assert {measure.write(measure.value(Figures())) for measure in MEASURES} == {"0", "-"}
