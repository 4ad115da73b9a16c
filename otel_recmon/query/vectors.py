"""Operations of PromQL on vectors: selection, aggregation, binary operators and functions."""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from otel_recmon.stats.histogram import divided, quantile

LabelSet = frozenset[tuple[str, str]]
"""The labels of a series as (name, value) pairs. The pairs are the key of the series in a ``Vector``."""
Vector = dict[LabelSet, float]
Operation = Callable[[Any, Any], float | None]
On = frozenset[str] | None
"""The labels by which the two sides of an operator are matched; None for all labels."""
LE: Final = "le"
ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divided,
}
COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
AGGREGATES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "sum": math.fsum,
    "max": max,
    "min": min,
    "avg": lambda values: math.fsum(values) / len(values),
    "count": len,
    "group": lambda _: 1.0,
}
FUNCTIONS: Final[Mapping[str, Callable[[float], float]]] = {
    "sqrt": lambda value: math.sqrt(value) if value >= 0 else math.nan,
    "ln": lambda value: math.log(value) if value > 0 else math.nan,
}
MATCHES: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "MatchOp.Equal": operator.eq,
    "MatchOp.NotEqual": operator.ne,
    "MatchOp.Re": lambda value, pattern: re.fullmatch(pattern, value) is not None,
    "MatchOp.NotRe": lambda value, pattern: re.fullmatch(pattern, value) is None,
}
"""For each operator of a label matcher, as promql_parser names it: the comparison of a label value with a pattern."""


def matching(vector: Vector, conditions: Iterable[tuple[str, str, str]]) -> Vector:
    """Return the series that match all (label, operator, value) conditions. A missing label has the value ""."""
    wanted = [(label, MATCHES[name], value) for label, name, value in conditions]
    return {
        labels: found
        for labels, found in vector.items()
        if all(matches(dict(labels).get(label, ""), value) for label, matches, value in wanted)
    }


def aggregated(name: str, vector: Vector, by: Iterable[str]) -> Vector:
    """Apply the aggregation ``name``, such as ``sum``, to the series that have equal values of the labels ``by``.

    Raises:
        NotImplementedError: If there is no such aggregation.
    """
    groups: dict[LabelSet, list[float]] = {}
    for labels, value in vector.items():
        groups.setdefault(_kept(labels, by), []).append(value)
    aggregate = named(AGGREGATES, name)
    return {labels: float(aggregate(values)) for labels, values in groups.items()}


def joined(name: str, left: Vector | float, right: Vector | float, on: On, *, many: bool) -> Vector | float:
    """Apply a binary operator to two vectors or scalars.

    If ``many`` is True, vectors are matched many-to-one (``group_left``), else one-to-one.

    Raises:
        NotImplementedError: If there is no such operator.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        return (
            _set_operation(name, left, right, on)
            if name in _SETS
            else _matched(_operation(name), left, right, on, many)
        )
    operation = _operation(name)
    if isinstance(left, dict):
        return _without_none((labels, operation(value, right)) for labels, value in left.items())
    if isinstance(right, dict):
        return _without_none((labels, operation(left, value)) for labels, value in right.items())
    return named(ARITHMETIC, name)(left, right)  # type: ignore[no-any-return]  # all functions return a float


def quantiles(share: float, buckets: Vector) -> Vector:
    """Return the quantile ``share`` (0 to 1) of each histogram in a vector of buckets."""
    histograms: dict[LabelSet, dict[float, float]] = {}
    for labels, value in buckets.items():
        own = histograms.setdefault(frozenset(label for label in labels if label[0] != LE), {})
        own[float(dict(labels)[LE])] = value
    return {labels: quantile(share, own) for labels, own in histograms.items()}


def tagged(vector: Vector, label: str, value: str) -> Vector:
    """Add a label to each series."""
    return {labels | {(label, value)}: found for labels, found in vector.items()}


def named(known: Mapping[str, Any], name: str) -> Any:
    """Return the operator or function called ``name`` in ``known``.

    Raises:
        NotImplementedError: If ``known`` has no such name.
    """
    if name not in known:
        raise NotImplementedError(f"{name} is not supported; supported are {', '.join(known)}")
    return known[name]


_SETS: Final = ("and", "or", "unless")


def _operation(name: str) -> Operation:
    """Return the function of an operator. A comparison returns the left value if the comparison is true, else None."""
    if name in ARITHMETIC:
        return ARITHMETIC[name]
    compare = named(COMPARISONS, name)
    return lambda left, right: left if compare(left, right) else None


def _kept(labels: LabelSet, names: Iterable[str]) -> LabelSet:
    return frozenset(label for label in labels if label[0] in names)


def _key(labels: LabelSet, on: On) -> LabelSet:
    return labels if on is None else _kept(labels, on)


def _set_operation(name: str, left: Vector, right: Vector, on: On) -> Vector:
    ours, theirs = ({_key(labels, on) for labels in side} for side in (left, right))
    if name == "or":
        return left | {labels: value for labels, value in right.items() if _key(labels, on) not in ours}
    return {labels: value for labels, value in left.items() if (_key(labels, on) in theirs) == (name == "and")}


def _matched(operation: Operation, left: Vector, right: Vector, on: On, many: bool) -> Vector:
    ones = {_key(labels, on): value for labels, value in right.items()}
    return _without_none(
        (labels if many else _key(labels, on), operation(value, ones[_key(labels, on)]))
        for labels, value in left.items()
        if _key(labels, on) in ones
    )


def _without_none(pairs: Iterable[tuple[LabelSet, float | None]]) -> Vector:
    return {labels: value for labels, value in pairs if value is not None}
