"""The figures of recorded pages, compared with those of the demo's own reader."""

import math

import pytest

from otel_recmon.definitions import (
    CLICKS,
    CONVERSIONS,
    COVERAGE,
    FAILURES,
    ITEMS,
    REJECTED,
    REQUESTS,
    REVENUE,
    SUCCESSES,
    Count,
)
from otel_recmon.report.figures import Figures
from otel_recmon.stats.intervals import Rate
from otel_recmon.stats.quality import diversity
from otel_recmon.top.figures import POINTS, SignalValues
from tests.unit.top.recorded import APART_S, EARLY, EARLY_AT, LATER, RESTARTED, STARTED, VERSIONS, counted, looked

COUNTS = {
    "requests": SUCCESSES,
    "failed": FAILURES,
    "rejected": REJECTED,
    "clicked": CLICKS,
    "conversions": CONVERSIONS,
    "revenue": REVENUE,
}


def minus(later: Figures, early: Figures | None) -> dict[str, float]:
    """Return the difference of two counts."""

    def rise(of: Count) -> float:
        return (later.value(of) or 0.0) - ((early.value(of) if early else 0.0) or 0.0)

    return {name: rise(of) for name, of in COUNTS.items()}


def expected(rises: dict[str, float], seconds: float) -> dict[str, float]:
    """Return the figures computed from counts, without those whose counts are 0."""
    ctr = Rate(int(rises["clicked"]), int(rises["requests"]), unbounded=True)
    found = {
        "requests_per_s": (rises["requests"] + rises["failed"] + rises["rejected"]) / seconds,
        "error_share": rises["failed"] / (rises["requests"] + rises["failed"]),
        "ctr": ctr.value,
        "ctr_at_least": ctr.interval[0],
        "ctr_at_most": ctr.interval[1],
        "conversion_rate": rises["conversions"] / rises["clicked"] if rises["conversions"] else math.nan,
        "revenue_per_min": 60 * rises["revenue"] / seconds if rises["revenue"] else math.nan,
    }
    return {name: value for name, value in found.items() if not math.isnan(value)}


def shown(figures: SignalValues, rises: dict[str, float], seconds: float) -> dict[str, float]:
    """Return the figures that are also expected."""
    return {name: figures.values[name] for name in expected(rises, seconds)}


@pytest.mark.parametrize("version", ["", *VERSIONS])
def test_the_first_look_shows_what_was_counted_since_the_process_started(version: str) -> None:
    answer = looked(EARLY).answer
    rises = minus(counted(EARLY, **({"model_version": version} if version else {})), None)
    figures = answer.versions[version] if version else answer.total

    found = shown(figures, rises, EARLY_AT - STARTED)

    assert found == pytest.approx(expected(rises, EARLY_AT - STARTED), abs=1e-5)


@pytest.mark.parametrize("version", ["", *VERSIONS])
def test_later_looks_show_what_happened_meanwhile(version: str) -> None:
    answer = looked(EARLY, LATER).answer
    own = {"model_version": version} if version else {}
    rises = minus(counted(LATER, **own), counted(EARLY, **own))
    figures = answer.versions[version] if version else answer.total

    assert shown(figures, rises, APART_S) == pytest.approx(expected(rises, APART_S), abs=1e-5)
    assert figures.counted("requests") == counted(LATER, **own).value(REQUESTS)


def test_what_was_counted_before_a_restart_still_counts() -> None:
    early, later, anew = (counted(name) for name in (EARLY, LATER, RESTARTED))
    rises = {name: value + minus(later, early)[name] for name, value in minus(anew, None).items()}

    figures = looked(EARLY, LATER, RESTARTED).answer.total

    assert shown(figures, rises, 2 * APART_S) == pytest.approx(expected(rises, 2 * APART_S), abs=1e-5)


def test_outcomes_and_diversity_are_those_of_the_items_returned_meanwhile() -> None:
    early, later = counted(EARLY), counted(LATER)
    outcomes = {name: count - early.outcomes.get(name, 0) for name, count in later.outcomes.items()}
    before = early.by_label(ITEMS)
    categories = {name: count - before.get(name, 0) for name, count in later.by_label(ITEMS).items()}

    figures = looked(EARLY, LATER).answer.total

    assert figures.outcomes == pytest.approx({name: n / sum(outcomes.values()) for name, n in outcomes.items()})
    assert figures.values["diversity"] == pytest.approx(
        diversity({name: int(n) for name, n in categories.items() if n})
    )


def test_gauges_are_those_of_the_page() -> None:
    figures = looked(EARLY, LATER).answer.versions["bts-2019.11"]

    assert figures.values["coverage_percent"] == counted(LATER, model_version="bts-2019.11").value(COVERAGE)
    assert figures.values["staleness_h"] == pytest.approx(6.0, abs=0.1)


def test_what_the_service_has_none_of_is_not_known() -> None:
    values = looked(EARLY, LATER).answer.total.values

    assert "cache_hit_share" not in values
    assert [values[name] for name in ("values_set_aside", "plugin_errors", "labels_over_cap")] == [0, 0, 0]


def test_a_trend_has_a_point_for_each_time_between_two_looks() -> None:
    trends = looked(EARLY, LATER, RESTARTED).trends

    rises = [minus(counted(LATER), counted(EARLY)), minus(counted(RESTARTED), None)]
    rates = [(rise["requests"] + rise["failed"]) / APART_S for rise in rises]
    assert trends["requests_per_s"][-2:] == pytest.approx(rates)
    assert len(trends["requests_per_s"]) == POINTS
    assert all(math.isnan(value) for value in trends["requests_per_s"][:-2])
