"""Tests of the functions that build PromQL: their text, and its syntax."""

import promql_parser
import pytest

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.promql import IDENTITY, Expr, Matcher, QueryScope, equal

ONE = QueryScope("5m", ("job",))


def test_a_rate_is_summed_over_all_labels_but_those_of_the_scope() -> None:
    assert str(promql.rate("x_total", ONE, equal("status", "error"))) == (
        'sum by (job) (rate(x_total{status="error"}[5m]))'
    )


def test_without_labels_in_the_scope_everything_is_summed() -> None:
    assert str(promql.increase("x_total", QueryScope("1h", ()))) == "sum(increase(x_total[1h]))"


def test_a_scope_adds_matchers_and_an_offset() -> None:
    scope = QueryScope("$__rate_interval", (), (Matcher("job", "=~", "$service"),)).ago("1d")

    assert str(promql.rate("x_total", scope)) == 'sum(rate(x_total{job=~"$service"}[$__rate_interval] offset 1d))'


def test_a_scope_removes_catalog_labels_that_a_signal_does_not_have() -> None:
    scope = QueryScope("5m", (*IDENTITY, "model_version"), (equal("job", "a"), equal("surface", "home")))

    narrow = scope.within(("variant",))

    assert (narrow.by, narrow.matchers) == (IDENTITY, (equal("job", "a"),))


def test_a_division_excludes_denominators_of_0() -> None:
    assert str(promql.divided(Expr("a"), Expr("b"))) == "a / (b > 0)"


def test_a_long_expression_is_broken_into_indented_lines() -> None:
    long = Expr("x" * 60)

    assert str(promql.binary(long, "/", long + long)) == "\n".join(
        (
            f"  {long}",
            "/",
            "  (",
            f"      {long}",
            "    +",
            f"      {long}",
            "  )",
        )
    )


def test_alternatives_are_on_lines_of_their_own() -> None:
    assert str(promql.either(Expr("a"), Expr("b"), Expr("c"))) == "  a\nor\n  b\nor\n  c"


def test_terms_with_equal_labels_get_a_label_that_distinguishes_them() -> None:
    found = promql.among("sum", {"one": Expr("a"), "two": Expr("b")}, ("job",))

    assert str(found).splitlines() == [
        "sum by (job) (",
        '    label_replace(a, "term", "one", "", "")',
        "  or",
        '    label_replace(b, "term", "two", "", "")',
        ")",
    ]


@pytest.mark.parametrize(
    "expression",
    [
        promql.quantile(0.95, "latency", ONE),
        promql.wilson(Expr("errors"), Expr("requests"), 1.96),
        promql.poisson(Expr("clicks"), Expr("requests"), 1.96),
        promql.entropy(Expr("items"), Expr("all"), ("job",)),
        promql.distance("score", ONE, ONE.ago("1d")),
        promql.smaller(Expr("a"), Expr("b")),
        promql.unless(Expr("a"), Expr("b"), ("job",)),
        promql.many_to_one(Expr("a"), "/", Expr("b"), ("job",)),
    ],
    ids=str,
)
def test_every_function_returns_valid_promql(expression: Expr) -> None:
    promql_parser.parse(str(expression))
