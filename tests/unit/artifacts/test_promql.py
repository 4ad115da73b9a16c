"""PromQL from functions: what they write, and that all of it parses."""

import promql_parser
import pytest

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.promql import IDENTITY, Expr, Matcher, QueryScope, equal

ONE = QueryScope("5m", ("job",))


def test_a_rate_adds_up_over_all_labels_but_those_that_are_kept() -> None:
    assert str(promql.rate("x_total", ONE, equal("status", "error"))) == (
        'sum by (job) (rate(x_total{status="error"}[5m]))'
    )


def test_without_labels_to_keep_everything_adds_up() -> None:
    assert str(promql.increase("x_total", QueryScope("1h", ()))) == "sum(increase(x_total[1h]))"


def test_a_scope_narrows_and_looks_back() -> None:
    scope = QueryScope("$__rate_interval", (), (Matcher("job", "=~", "$service"),)).ago("1d")

    assert str(promql.rate("x_total", scope)) == 'sum(rate(x_total{job=~"$service"}[$__rate_interval] offset 1d))'


def test_a_scope_leaves_out_labels_of_the_catalog_that_a_signal_does_not_have() -> None:
    scope = QueryScope("5m", (*IDENTITY, "model_version"), (equal("job", "a"), equal("surface", "home")))

    narrow = scope.within(("variant",))

    assert (narrow.by, narrow.matchers) == (IDENTITY, (equal("job", "a"),))


def test_a_division_has_a_guard() -> None:
    assert str(promql.divided(Expr("a"), Expr("b"))) == "a / (b > 0)"


def test_a_long_expression_is_laid_out_one_idea_a_line() -> None:
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


def test_alternatives_stand_below_each_other() -> None:
    assert str(promql.either(Expr("a"), Expr("b"), Expr("c"))) == "  a\nor\n  b\nor\n  c"


def test_terms_with_the_same_labels_are_told_apart() -> None:
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
        promql.wilson(Expr("clicks"), Expr("requests"), 1.96),
        promql.entropy(Expr("items"), Expr("all"), ("job",)),
        promql.distance("score", ONE, ONE.ago("1d")),
        promql.smaller(Expr("a"), Expr("b")),
        promql.unless(Expr("a"), Expr("b"), ("job",)),
        promql.many_to_one(Expr("a"), "/", Expr("b"), ("job",)),
    ],
    ids=str,
)
def test_every_function_writes_what_parses(expression: Expr) -> None:
    promql_parser.parse(str(expression))
