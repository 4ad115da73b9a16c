import math

import pytest

from otel_recmon.query import vectors
from otel_recmon.query.vectors import Vector


def of(**values: float) -> Vector:
    """A vector with a label for each name."""
    return {frozenset({("name", name)}): value for name, value in values.items()}


def test_both_sides_are_joined_where_their_labels_are_the_same() -> None:
    assert vectors.joined("/", of(a=6, b=1), of(a=3, c=1), None, many=False) == of(a=2)


def test_a_comparison_keeps_what_it_is_true_for() -> None:
    assert vectors.joined(">", of(a=6, b=1), 5.0, None, many=False) == of(a=6)
    assert vectors.joined("<", 5.0, of(a=6, b=1), None, many=False) == {frozenset({("name", "a")}): 5.0}
    assert vectors.joined("<", of(a=6, b=1), of(a=6, b=2), None, many=False) == of(b=1)


def test_many_are_each_joined_with_the_one_that_shares_the_labels_of_on() -> None:
    many = {frozenset({("job", "x"), ("version", version)}): value for version, value in (("1", 6.0), ("2", 8.0))}
    one = {frozenset({("job", "x")}): 2.0}

    joined = vectors.joined("/", many, one, frozenset({"job"}), many=True)

    assert joined == {labels: value / 2 for labels, value in many.items()}


def test_one_to_one_on_some_labels_leaves_these() -> None:
    left = {frozenset({("job", "x"), ("version", "1")}): 6.0}

    assert vectors.joined("*", left, {frozenset({("job", "x")}): 2.0}, frozenset({"job"}), many=False) == {
        frozenset({("job", "x")}): 12.0
    }


@pytest.mark.parametrize(("name", "united"), [("and", of(a=1)), ("or", of(a=1, b=2, c=4)), ("unless", of(b=2))])
def test_sets_are_united_by_their_labels(name: str, united: Vector) -> None:
    assert vectors.joined(name, of(a=1, b=2), of(a=3, c=4), None, many=False) == united


@pytest.mark.parametrize(
    ("name", "value"), [("sum", 9.0), ("max", 6.0), ("min", 1.0), ("avg", 3.0), ("count", 3.0), ("group", 1.0)]
)
def test_vectors_are_aggregated(name: str, value: float) -> None:
    assert vectors.aggregated(name, of(a=6, b=2, c=1), ()) == {frozenset(): value}
    assert vectors.aggregated(name, of(a=6), ("name",)) == of(a={"count": 1.0, "group": 1.0}.get(name, 6.0))


@pytest.mark.parametrize(
    ("operator", "value", "names"),
    [
        ("MatchOp.Equal", "a", "a"),
        ("MatchOp.NotEqual", "a", "bc"),
        ("MatchOp.Re", "a|b", "ab"),
        ("MatchOp.NotRe", "a|b", "c"),
    ],
)
def test_series_are_chosen_by_their_labels(operator: str, value: str, names: str) -> None:
    found = vectors.matching(of(a=1, b=1, c=1), [("name", operator, value)])

    assert found == of(**dict.fromkeys(names, 1))


def test_a_label_that_is_not_there_is_empty() -> None:
    assert vectors.matching(of(a=1), [("job", "MatchOp.Equal", "")]) == of(a=1)


def test_a_function_of_what_has_no_value_has_none() -> None:
    assert math.isnan(vectors.FUNCTIONS["sqrt"](-1.0))
    assert math.isnan(vectors.FUNCTIONS["ln"](0.0))
