"""PromQL on the history of a page; tests/stack/test_top.py compares the results with those of Prometheus."""

import pytest
from prometheus_client.samples import Sample

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.alerts.rule import AlertRule, raw
from otel_recmon.artifacts.promql import QueryScope
from otel_recmon.query.evaluate import Evaluation
from otel_recmon.query.history import History
from otel_recmon.top import figures
from otel_recmon.top.alarms import switched_on
from tests.unit.top.recorded import RULES

ALL = frozenset[tuple[str, str]]()


def evaluated(query: str) -> dict[frozenset[tuple[str, str]], float]:
    history = History(100.0)
    for at, hits, misses in ((0.0, 10.0, 1.0), (10.0, 14.0, 2.0)):
        history.add(at, [Sample("x_total", {"kind": "hit"}, hits), Sample("x_total", {"kind": "miss"}, misses)])
    return Evaluation(history, 10.0).vector(query)


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("sum(x_total)", 16.0),
        ('sum(x_total{kind="hit"})', 14.0),
        ("sum(increase(x_total[1m]))", 5.0),
        ("sum(rate(x_total[1m]))", 0.5),
        ('sum(rate(x_total{kind!="hit"}[1m])) / (sum(rate(x_total[1m])) > 0)', 0.2),
        ("1 - sum(increase(x_total[1m])) / 10", 0.5),
        ("sqrt(clamp_min(sum(x_total) - 20, 9))", 3.0),
        ("clamp_max(sum(x_total) * 100, 9)", 9.0),
        ("sum(x_total offset 1d) or sum(x_total) * 0", 0.0),
        ("sum(increase(x_total[1m] offset 1d)) or sum(x_total)", 16.0),
        ("sum(y_total) or sum(x_total)", 16.0),
    ],
)
def test_an_expression_has_the_value_that_prometheus_gives_without_extrapolation(query: str, value: float) -> None:
    assert evaluated(query) == {ALL: pytest.approx(value)}


def test_what_is_labelled_apart_stays_apart() -> None:
    assert evaluated('label_replace(sum by (kind) (increase(x_total[1m])), "term", "x", "", "")') == {
        frozenset({("kind", "hit"), ("term", "x")}): 4.0,
        frozenset({("kind", "miss"), ("term", "x")}): 1.0,
    }


@pytest.mark.parametrize(
    "query",
    [
        "topk(1, x_total)",
        "deriv(x_total[1m])",
        "x_total % 2",
        "-x_total",
        'label_replace(x_total, "a", "$1", "b", "(.*)")',
    ],
)
def test_what_none_of_our_definitions_has_is_refused(query: str) -> None:
    with pytest.raises(NotImplementedError):
        evaluated(query)


def test_all_figures_and_trends_can_be_evaluated() -> None:
    assert evaluated(str(figures.query(QueryScope()))) == {}


@pytest.mark.parametrize("rule", switched_on(RULES), ids=lambda rule: rule.name)
def test_all_alerts_can_be_evaluated_for_which_pages_are_asked(rule: AlertRule) -> None:
    if rule.alert.signal.metrics and not rule.alert.against:
        assert evaluated(str(promql.tagged({rule.name: rule.expression(raw)}))) == {}
