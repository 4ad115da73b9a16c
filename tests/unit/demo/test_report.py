from io import StringIO

import pytest
from rich.console import Console

from otel_recmon import catalog
from otel_recmon.definitions import COVERAGE, PROCESS_DIVERSITY
from otel_recmon.demo.comparison import Section, compare
from otel_recmon.demo.figures import recompute
from otel_recmon.demo.report import describe_leader, show, unverified_figures
from otel_recmon.demo.scrape import parse_exposition
from otel_recmon.demo.traffic import Slate
from otel_recmon.stats.intervals import Rate
from tests.unit.demo.exported import CATALOG_SIZE, exported, gauges, sample, series

OWN = {"model_version": "bts-2019.11", "variant": "bts", "surface": "men"}


def _text(slates: list[Slate]) -> str:
    text = exported(slates)
    for policy in ("bts", "random"):
        own = recompute([slate for slate in slates if slate.policy == policy], CATALOG_SIZE)
        text += gauges(own.gauges[PROCESS_DIVERSITY], own.gauges[COVERAGE], policy)
    return text


def _shown(text: str, slates: list[Slate], width: int = 100) -> list[str]:
    console = Console(file=StringIO(), width=width)
    exposition = parse_exposition(text)
    show(console, compare(slates, exposition, CATALOG_SIZE), exposition)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().split("\n")]


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        (
            {"bts": Rate(157, 10_121), "random": Rate(130, 10_174)},
            [
                "bts leads by 0.27 points (95 % interval -0.05 to +0.60).",
                "  The lead is not significant: the interval includes 0, so the lead may be chance.",
                "  With these rates, a decision needs about 29,000 requests per policy.",
            ],
        ),
        (
            {"bts": Rate(100, 1_000), "random": Rate(200, 1_000)},
            [
                "random leads by 10.00 points (95 % interval +6.89 to +13.10).",
                "  The lead is significant at the 95 % level: the interval does not include 0.",
            ],
        ),
        ({"bts": Rate(1, 10), "random": Rate(10, 100)}, ["Neither: both have the same rate."]),
    ],
)
def test_the_leader_is_described_with_its_lead_and_significance(rates: dict[str, Rate], words: list[str]) -> None:
    assert describe_leader(rates).split("\n") == words


def test_the_leader_comes_first_and_the_verdict_last() -> None:
    slates = sample()

    lines = _shown(_text(slates), slates)

    assert lines[1] == "Which policy gets more clicks?"
    assert lines[-2] == "✓ All 211 figures read from /metrics agree with the data file."


def test_each_figure_is_beside_its_recomputed_value_with_a_mark() -> None:
    slates = sample()

    lines = _shown(_text(slates), slates)

    assert [" ".join(line.split()) for line in lines].count("Impressions 1,510 1,510 ✓ 1,490 1,490 ✓") == 1


def test_a_figure_that_differs_is_marked_and_named() -> None:
    slates = sample()
    text = _text(slates) + series(catalog.REQUESTS, 1, status="rejected", **OWN)

    lines = _shown(text, slates)

    assert [" ".join(line.split()) for line in lines].count("Rejected requests 1 0 ✗ 0 0 ✓") == 1
    assert lines[-4:-1] == [
        "✗ 2 of 211 figures differ:",
        "  bts: Rejected requests",
        "  bts on men: Rejected requests",
    ]


@pytest.mark.parametrize("width", [80, 100])
def test_nothing_is_cut_off_on_a_narrow_terminal(width: int) -> None:
    slates = sample()

    lines = _shown(_text(slates), slates, width)

    assert not [line for line in lines if "…" in line or len(line) > width]


def test_without_requests_there_is_no_leader() -> None:
    slates = sample()

    assert _shown("", slates)[1:3] == [
        "Which policy gets more clicks?",
        "  Too few requests to compare them.",
    ]


def test_figures_without_a_counterpart_in_the_data_are_shown() -> None:
    exposition = parse_exposition(
        series(catalog.LATENCY, 90, "_bucket", le="0.01", **OWN)
        + series(catalog.LATENCY, 98, "_bucket", le="0.05", **OWN)
        + series(catalog.LATENCY, 100, "_bucket", le="+Inf", **OWN)
        + series(catalog.LATENCY, 0.42, "_sum", **OWN)
        + series(catalog.LATENCY, 100, "_count", **OWN)
        + series(catalog.SLO_RESPONSES, 99, good="true", **OWN)
        + series(catalog.SLO_RESPONSES, 1, good="false", **OWN)
        + series(catalog.STALENESS, 6.01, model_version="bts-2019.11")
    )

    read = {name: text for section in Section for name, text in unverified_figures(section, exposition, "bts").items()}

    assert read == {
        "Latency, mean": "4.2 ms",
        "Latency, P50": "< 10 ms",
        "Latency, P95": "10-50 ms",
        "Latency, P99": "> 50 ms",
        "Good responses": "99.00 %",
        "Model age*": "6.0 h",
    }


def test_with_an_injected_fault_a_different_figure_does_not_fail() -> None:
    slates = sample()
    exposition = parse_exposition(_text(slates) + series(catalog.REQUESTS, 1, status="rejected", **OWN))
    console = Console(file=StringIO(), width=100)

    show(console, compare(slates, exposition, CATALOG_SIZE, broken=True), exposition)

    assert isinstance(console.file, StringIO)
    lines = [" ".join(line.split()) for line in console.file.getvalue().split("\n")]
    assert "Rejected requests 1 0 ≠ 0 0 ✓" in lines
    assert lines[-2] == "≠ 2 of 211 figures differ from the data file: the demo injected a fault."
    assert "✗" not in console.file.getvalue()
