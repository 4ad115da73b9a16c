from dataclasses import replace
from datetime import datetime

import pytest

from otel_recmon.definitions import CONVERSION_RATE, COVERAGE, CTR, ERROR_RATE, ITEM_CTR, LIST_LENGTH, PROCESS_DIVERSITY
from otel_recmon.demo.figures import read_figures, recompute
from otel_recmon.demo.scrape import parse_exposition
from otel_recmon.demo.traffic import Impression, Slate
from otel_recmon.stats.intervals import Rate
from tests.unit.demo.exported import exported, gauges, sample

AT = datetime(2019, 11, 24)  # noqa: DTZ001 - the data name no time zone


def _shown(row: int, position: int, category: str, *, clicked: bool = False) -> Impression:
    return Impression(row, AT, "men", "bts", f"item-{row}", category, position, clicked, propensity=row / 100)


CONVERTED_ROW = next(row for row in range(100) if _shown(row, 1, "", clicked=True).earned_cents is not None)
SLATES = [
    Slate((_shown(90, 1, "shoes"), _shown(91, 2, "hats"), _shown(92, 3, "shoes"))),
    Slate((_shown(CONVERTED_ROW, 1, "hats", clicked=True),)),
]
EARNED = _shown(CONVERTED_ROW, 1, "", clicked=True).earned_cents or 0
COUNTS = {
    ("recommendation_requests_total", "success"): 2,
    ("recommendation_outcomes_total", "served"): 1,
    ("recommendation_outcomes_total", "partial"): 1,
    ("recommendation_impressions_total", "1"): 2,
    ("recommendation_impressions_total", "2"): 1,
    ("recommendation_impressions_total", "3"): 1,
    ("recommendation_items_total", "shoes"): 2,
    ("recommendation_items_total", "hats"): 2,
    ("recommendations_clicked_total", "1"): 1,
    ("recommendations_converted_total", ""): 1,
    ("recommendation_revenue_dollars_sum", ""): EARNED / 100,
    ("recommendation_score_count", ""): 2,
    ("recommendation_score_sum", ""): pytest.approx(0.92 + CONVERTED_ROW / 100),
}
GAUGES = {PROCESS_DIVERSITY: 1.0, COVERAGE: 2.5}
FIGURES = recompute(SLATES, 160)


def test_the_figures_of_slates_are_recomputed_naively() -> None:
    assert (FIGURES.counts, FIGURES.gauges) == (COUNTS, GAUGES)


def test_a_surface_has_no_diversity_and_coverage_of_its_own() -> None:
    assert recompute(SLATES) == replace(FIGURES, gauges={})


def test_figures_without_slates_are_unknown() -> None:
    nothing = recompute([], 160)

    assert (nothing.counts, nothing.gauges, nothing.rate(CTR)) == ({}, {}, None)


def test_diversity_covers_only_the_last_thousand_slates() -> None:
    old = [Slate((_shown(1, 1, "hats"),))] * 500
    new = [Slate((_shown(1, 1, "shoes"),))] * 1_000

    assert [recompute(slates, 160).value(PROCESS_DIVERSITY) for slates in (old + new, new + old)] == [
        0.0,
        pytest.approx(1.0),
    ]


def test_coverage_covers_only_the_last_ten_thousand_slates() -> None:
    old, new = Slate((_shown(1, 1, "hats"),)), Slate((_shown(2, 1, "hats"),))

    windows = ([old, *[new] * 10_000], [old, *[new] * 9_999])

    assert [recompute(slates, 10).value(COVERAGE) for slates in windows] == [10.0, 20.0]


def test_rates_are_those_of_the_definitions() -> None:
    rates = [FIGURES.rate(of) for of in (CTR, ITEM_CTR, CONVERSION_RATE, ERROR_RATE)]

    assert rates == [Rate(1, 2, unbounded=True), Rate(1, 4, unbounded=True), Rate(1, 1, unbounded=True), Rate(0, 2)]
    assert FIGURES.value(LIST_LENGTH) == 2.0


def test_exported_metrics_are_read_as_the_figures_of_their_slates() -> None:
    slates = sample()
    expected = recompute([slate for slate in slates if slate.policy == "bts"], 160)
    text = exported(slates) + gauges(expected.gauges[PROCESS_DIVERSITY], expected.gauges[COVERAGE], "bts")

    figures = read_figures(parse_exposition(text), model_version="bts-2019.11", variant="bts")

    assert figures.counts == pytest.approx(expected.counts, rel=1e-12)
    assert figures.gauges == expected.gauges


def test_exported_metrics_of_one_surface_are_read_separately() -> None:
    slates = sample()
    expected = recompute([slate for slate in slates if (slate.policy, slate.surface) == ("random", "men")])
    text = exported(slates) + gauges(0.5, 50.0, "random")

    figures = read_figures(parse_exposition(text), model_version="random-2019.11", variant="random", surface="men")

    assert figures.counts == pytest.approx(expected.counts, rel=1e-12)
    assert figures.gauges == {}
