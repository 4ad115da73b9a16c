"""PromQL and Python give each figure of the table the same value, of the same page of metrics."""

from collections.abc import Mapping

import pytest

from otel_recmon import definitions
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.promql import Expr, QueryScope
from otel_recmon.artifacts.signals import fleet
from otel_recmon.artifacts.signals.kinds import Counted, Signal, Volume
from otel_recmon.definitions import RATIOS, Count, Definition, Evenness, Gauge, Merge, Quantity, Ratio
from otel_recmon.query.sources import MetricsPage
from otel_recmon.report.figures import Figures
from tests.unit.artifacts.known import SIGNALS

BY_NAME = {signal.name: signal for signal in SIGNALS}
TABLE = {of.name: of for of in vars(definitions).values() if isinstance(of, Definition)}
NO_SIGNAL = {
    "answered": "the denominator of the error rate",
    "bad": "the numerator of a share",
    "cache_hits": "the numerator of a share",
    "cache_misses": "part of a denominator",
    "catalog_size": "a denominator",
    "good": "the numerator of a share",
    "items": "the diversity is made of it",
    "lists": "a denominator",
    "outcomes": "outcome_mix shows its labels",
    "rated": "a denominator",
    "sales": "a denominator",
    "score_sum": "the numerator of a mean",
    "scored": "the denominator of a mean",
}
SHOWN = sorted(TABLE.keys() - NO_SIGNAL.keys())
COUNTS = {
    (definitions.REQUESTS, "success"): 80.0,
    (definitions.REQUESTS, "error"): 20.0,
    (definitions.REQUESTS, "rejected"): 7.0,
    (definitions.OUTCOMES, "served"): 50.0,
    (definitions.OUTCOMES, "partial"): 14.0,
    (definitions.OUTCOMES, "fallback"): 11.0,
    (definitions.OUTCOMES, "empty"): 5.0,
    (definitions.OUTCOMES, "error"): 20.0,
    (definitions.RATED, "true"): 60.0,
    (definitions.RATED, "false"): 40.0,
    (definitions.IMPRESSIONS, "1"): 80.0,
    (definitions.IMPRESSIONS, "2"): 70.0,
    (definitions.CLICKS, "1"): 6.0,
    (definitions.CLICKS, "unknown"): 3.0,
    (definitions.CONVERSIONS, ""): 4.0,
    (definitions.REVENUE, ""): 61.5,
    (definitions.SALES, ""): 3.0,
    (definitions.CACHE_HITS, ""): 30.0,
    (definitions.CACHE_MISSES, ""): 12.0,
    (definitions.ITEMS, "drama"): 90.0,
    (definitions.ITEMS, "comedy"): 45.0,
    (definitions.ITEMS, "war"): 15.0,
    (definitions.SCORES, ""): 75.0,
    (definitions.SCORE_SUM, ""): 52.5,
    (definitions.DROPPED, "score_invalid"): 2.0,
    (definitions.PLUGIN_ERRORS, "Recorder.slate"): 1.0,
    (definitions.OVERFLOW, "variant"): 8.0,
}
GAUGES = {
    definitions.COVERAGE: 44.0,
    definitions.PROCESS_DIVERSITY: 0.75,
    definitions.STALENESS: 26.5,
    definitions.CATALOG_SIZE: 120.0,
    definitions.DISTINCT_ITEMS: 90.0,
    definitions.DISTINCT_USERS: 41.0,
}
SECONDS = 10
SCOPE = QueryScope(f"{SECONDS}s", ())


def page(counts: Mapping[tuple[Count, str], float], gauges: Mapping[Gauge, float]) -> MetricsPage:
    """A page that showed 0 of each count, and these counts ten seconds later."""
    early = "".join(_line(of.series, of.own, label, 0.0) for of, label in counts)
    late = "".join(_line(of.series, of.own, label, count) for (of, label), count in counts.items())
    now = "".join(_line(of.metric.prometheus, "", "", value) for of, value in gauges.items())
    texts, moments = iter([early, late + now]), iter([1000.0, 1000.0 + SECONDS])
    found = MetricsPage("a page", SECONDS, SECONDS, fetch=lambda _: next(texts), clock=lambda: next(moments))
    found.look()
    found.look()
    return found


def _line(series: str, name: str, value: str, number: float) -> str:
    return f'{series}{{{name}="{value}"}} {number}\n' if name else f"{series} {number}\n"


def evaluated(signal: Signal, source: MetricsPage) -> float | None:
    """The value of a signal by PromQL, counted within the window rather than a second."""
    expression = signal.count(SCOPE) if isinstance(signal, Volume) else signal.expression(SCOPE)
    values = [series.value for series in source.instant(str(expression), 1000.0 + SECONDS)]
    assert len(values) <= 1
    return values[0] if values else None


def figures(counts: Mapping[tuple[Count, str], float], gauges: Mapping[Gauge, float]) -> Figures:
    """The same in Python."""
    known = frozenset(of.series for of, _ in counts)
    return Figures({(of.series, label): count for (of, label), count in counts.items()}, known, gauges)


@pytest.fixture(autouse=True)
def _estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the page show what sketches estimate: how they do is tested on a Prometheus."""

    def quantity(of: Quantity, scope: QueryScope) -> Expr:
        if isinstance(of, Count):
            return Counted.of(of).increase(scope)
        return promql.aggregate("max", promql.series(of.metric.prometheus, scope), scope.by)

    monkeypatch.setattr(fleet, "quantity", quantity)


def test_the_table_and_its_signals_have_the_same_names_and_words() -> None:
    assert TABLE.keys() - BY_NAME.keys() == NO_SIGNAL.keys()
    for name in SHOWN:
        assert BY_NAME[name].title == TABLE[name].title
        assert BY_NAME[name].description.startswith(TABLE[name].meaning)


def test_each_definition_is_chosen_by_the_label_that_its_series_differ_by() -> None:
    chosen = [of for of in TABLE.values() if isinstance(of, Count) and of.label]

    assert len(chosen) >= 6
    assert [of.name for of in chosen if of.label is None or of.own != of.label.name] == []


@pytest.mark.parametrize("name", SHOWN)
def test_promql_and_python_give_the_same_number(name: str) -> None:
    by_promql = evaluated(BY_NAME[name], page(COUNTS, GAUGES))
    by_python = figures(COUNTS, GAUGES).value(TABLE[name])

    assert by_python is not None, f"COUNTS of this file needs a row for the counter of {name}"
    assert by_promql == pytest.approx(by_python)


@pytest.mark.parametrize("ratio", RATIOS, ids=lambda ratio: ratio.name)
def test_what_is_unknown_to_python_is_unknown_to_promql(ratio: Ratio) -> None:
    for quantity in {ratio.numerator, *ratio.denominator}:
        counts = {(of, label): n for (of, label), n in COUNTS.items() if of.metric is not quantity.metric}
        gauges = {of: value for of, value in GAUGES.items() if of.metric is not quantity.metric}

        by_promql = evaluated(BY_NAME[ratio.name], page(counts, gauges))

        assert by_promql == pytest.approx(figures(counts, gauges).value(ratio))


@pytest.mark.parametrize("ratio", RATIOS, ids=lambda ratio: ratio.name)
def test_what_did_not_happen_is_0_in_both(ratio: Ratio) -> None:
    counts, gauges = dict(COUNTS), dict(GAUGES)
    if isinstance(ratio.numerator, Gauge):
        gauges[ratio.numerator] = 0.0
    else:
        counts |= {cell: 0.0 for cell in COUNTS if _is_counted(ratio.numerator, *cell)}

    by_promql = evaluated(BY_NAME[ratio.name], page(counts, gauges))

    assert (by_promql, figures(counts, gauges).value(ratio)) == (0.0, 0.0), "COUNTS of this file needs a row"


def _is_counted(numerator: Count, of: Count, label: str) -> bool:
    return of.series == numerator.series and (not numerator.values or label in numerator.values)


def test_every_kind_of_definition_is_compared() -> None:
    kinds = {type(TABLE[name]) for name in SHOWN}

    assert kinds == {Count, Gauge, Ratio, Evenness}
    assert {of.merge for of in GAUGES} == set(Merge)
