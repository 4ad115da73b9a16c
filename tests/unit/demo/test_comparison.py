from dataclasses import replace

import pytest

from otel_recmon import catalog
from otel_recmon.demo.comparison import (
    MEASURES,
    Pair,
    compare,
    covered,
    dollars,
    fraction,
    interval,
    kinds,
    number,
    share,
)
from otel_recmon.demo.figures import Figures, recompute
from otel_recmon.demo.scrape import parse_exposition
from otel_recmon.stats.intervals import Rate
from tests.unit.demo.exported import CATALOG_SIZE, exported, gauges, sample, series

SLATES = sample()
BTS = recompute([slate for slate in SLATES if slate.policy == "bts"], CATALOG_SIZE)


def _text() -> str:
    text = exported(SLATES)
    for policy in ("bts", "random"):
        own = recompute([slate for slate in SLATES if slate.policy == policy], CATALOG_SIZE)
        text += gauges(own.diversity or 0, own.coverage or 0, policy)
    return text


def test_a_correct_export_agrees_in_every_figure() -> None:
    result = compare(SLATES, parse_exposition(_text()), CATALOG_SIZE)

    assert result.differing() == ()
    assert result.compared == len(MEASURES) * (2 + 6) + 3


def test_an_extra_click_is_found_in_every_figure_that_depends_on_it() -> None:
    own = {"model_version": "bts-2019.11", "variant": "bts", "surface": "men"}
    text = _text() + series(catalog.CLICKED, 1, position="unknown", **own)

    result = compare(SLATES, parse_exposition(text), CATALOG_SIZE)

    names = ("Clicks", "CTR (clicks/request)", "95 % interval", "Clicks/item shown", "Conversions/click")
    assert result.differing() == tuple(f"{where}: {name}" for where in ("bts", "bts on men") for name in names)


def test_a_variant_with_another_name_is_not_counted() -> None:
    text = _text().replace('variant="bts"', 'variant="BTS"')

    result = compare(SLATES, parse_exposition(text), CATALOG_SIZE)

    assert result.policies["bts"].read.requests == 0
    assert "bts: Requests answered" in result.differing()


def test_values_set_aside_by_the_plugin_are_a_difference() -> None:
    text = _text() + series(catalog.DROPPED, 2, reason="body_unreadable")

    assert compare(SLATES, parse_exposition(text), CATALOG_SIZE).differing() == ("values set aside",)


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        (replace(BTS, revenue_cents=BTS.revenue_cents + 1), ("Revenue",)),
        (replace(BTS, diversity=(BTS.diversity or 0) + 1e-6), ("Diversity",)),
        (replace(BTS, diversity=(BTS.diversity or 0) * (1 + 1e-12)), ()),
        (replace(BTS, coverage=None), ("Coverage",)),
        (replace(BTS, failed=1), ("Failed requests", "Error rate")),
        (replace(BTS, outcomes={**BTS.outcomes, "fallback": 1}), ("Other outcomes",)),
        (replace(BTS, categories={"shoes": 1}), ("Categories shown",)),
    ],
)
def test_the_figure_that_differs_is_named(changed: Figures, names: tuple[str, ...]) -> None:
    assert Pair(changed, BTS).differing() == names


def test_figures_are_formatted() -> None:
    written = (
        number(10_121),
        dollars(174_193),
        dollars(5),
        share(Rate(157, 10_121)),
        interval(Rate(157, 10_121)),
        fraction(2.96413),
        covered(82.5),
        kinds({"shoes": 3, "hats": 1}),
    )

    assert written == ("10,121", "$1,741.93", "$0.05", "1.55 %", "1.33-1.81 %", "2.9641", "82.5 %", "2")


def test_unknown_figures_are_formatted_as_a_dash() -> None:
    nothing = Rate(0, 0)

    assert [share(nothing), interval(nothing), fraction(None), covered(None)] == ["-"] * 4
