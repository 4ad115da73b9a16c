import math
from dataclasses import replace
from datetime import datetime

import pytest

from otel_recmon.demo.figures import Figures, read_figures, recompute
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
FIGURES = Figures(
    requests=2,
    failed=0,
    rejected=0,
    impressions={"1": 2, "2": 1, "3": 1},
    clicks={"1": 1},
    conversions=1,
    revenue_cents=EARNED,
    outcomes={"served": 1, "partial": 1},
    categories={"shoes": 2, "hats": 2},
    top_score=(0.92 + CONVERTED_ROW / 100) / 2,
    diversity=1.0,
    coverage=2.5,
)


def _rounded(figures: Figures) -> Figures:
    return replace(figures, top_score=round(figures.top_score or 0, 12))


def test_the_figures_of_slates_are_recomputed() -> None:
    assert recompute(SLATES, 160) == FIGURES


def test_a_surface_has_no_diversity_and_coverage_of_its_own() -> None:
    assert recompute(SLATES) == replace(FIGURES, diversity=None, coverage=None)


def test_figures_without_slates_are_unknown() -> None:
    nothing = recompute([], 160)

    assert nothing == Figures(0, 0, 0, {}, {}, 0, 0, {}, {}, None, None, None)
    assert math.isnan(nothing.ctr.value)


def test_diversity_covers_only_the_last_thousand_slates() -> None:
    old = [Slate((_shown(1, 1, "hats"),))] * 500
    new = [Slate((_shown(1, 1, "shoes"),))] * 1_000

    assert [recompute(slates, 160).diversity for slates in (old + new, new + old)] == [
        0.0,
        pytest.approx(1.0),
    ]


def test_coverage_covers_only_the_last_ten_thousand_slates() -> None:
    old, new = Slate((_shown(1, 1, "hats"),)), Slate((_shown(2, 1, "hats"),))

    windows = ([old, *[new] * 10_000], [old, *[new] * 9_999])

    assert [recompute(slates, 10).coverage for slates in windows] == [10.0, 20.0]


def test_rates_follow_their_definitions() -> None:
    rates = (FIGURES.ctr, FIGURES.item_ctr, FIGURES.conversion_rate, FIGURES.error_rate)

    assert rates == (Rate(1, 2), Rate(1, 4), Rate(1, 1), Rate(0, 2))
    assert FIGURES.mean_list_length == 2.0


def test_exported_metrics_are_read_as_the_figures_of_their_slates() -> None:
    slates = sample()
    own = [slate for slate in slates if slate.policy == "bts"]
    expected = recompute(own, 160)
    assert expected.diversity is not None
    assert expected.coverage is not None
    text = exported(slates) + gauges(expected.diversity, expected.coverage, "bts")

    figures = read_figures(parse_exposition(text), model_version="bts-2019.11", variant="bts")

    assert _rounded(figures) == _rounded(expected)


def test_exported_metrics_of_one_surface_are_read_separately() -> None:
    slates = sample()
    own = [slate for slate in slates if (slate.policy, slate.surface) == ("random", "men")]
    expected = recompute(own)
    text = exported(slates) + gauges(0.5, 50.0, "random")

    figures = read_figures(parse_exposition(text), model_version="random-2019.11", variant="random", surface="men")

    assert _rounded(figures) == _rounded(expected)
