"""What PromQL does with sets of labelled values. Vectors in, vectors out."""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from otel_recmon.stats.histogram import divided, quantile

LabelSet = frozenset[tuple[str, str]]
"""The labels of a series as (name, value), by which a vector finds it."""
Vector = dict[LabelSet, float]
Operation = Callable[[Any, Any], float | None]
On = frozenset[str] | None
"""The labels by which two sides are matched; None for all of them."""
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
"""By the parser's name of the operator."""


def matching(vector: Vector, conditions: Iterable[tuple[str, str, str]]) -> Vector:
    """Return the series that meet conditions of label, operator and value; a label that is not there is empty."""
    wanted = [(label, MATCHES[name], value) for label, name, value in conditions]
    return {
        labels: found
        for labels, found in vector.items()
        if all(matches(dict(labels).get(label, ""), value) for label, matches, value in wanted)
    }


def aggregated(name: str, vector: Vector, by: Iterable[str]) -> Vector:
    """Aggregate over all labels but those of ``by``."""
    groups: dict[LabelSet, list[float]] = {}
    for labels, value in vector.items():
        groups.setdefault(_kept(labels, by), []).append(value)
    aggregate = named(AGGREGATES, name)
    return {labels: float(aggregate(values)) for labels, values in groups.items()}


def joined(name: str, left: Vector | float, right: Vector | float, on: On, *, many: bool) -> Vector | float:
    """Join two sides by an operator; with ``many``, each of the left with the one on the right that it matches."""
    if isinstance(left, dict) and isinstance(right, dict):
        return _united(name, left, right, on) if name in _SETS else _matched(_operation(name), left, right, on, many)
    operation = _operation(name)
    if isinstance(left, dict):
        return _there((labels, operation(value, right)) for labels, value in left.items())
    if isinstance(right, dict):
        return _there((labels, operation(left, value)) for labels, value in right.items())
    return named(ARITHMETIC, name)(left, right)  # type: ignore[no-any-return]  # what the table's functions return


def quantiles(share: float, buckets: Vector) -> Vector:
    """Return a quantile of each histogram, given its buckets."""
    histograms: dict[LabelSet, dict[float, float]] = {}
    for labels, value in buckets.items():
        own = histograms.setdefault(frozenset(label for label in labels if label[0] != LE), {})
        own[float(dict(labels)[LE])] = value
    return {labels: quantile(share, own) for labels, own in histograms.items()}


def tagged(vector: Vector, label: str, value: str) -> Vector:
    """Put a label on each."""
    return {labels | {(label, value)}: found for labels, found in vector.items()}


def named(known: Mapping[str, Any], name: str) -> Any:
    """Return what a name stands for.

    Raises:
        NotImplementedError: If it is none of those known.
    """
    if name not in known:
        raise NotImplementedError(f"{name} is none of {', '.join(known)}")
    return known[name]


_SETS: Final = ("and", "or", "unless")


def _operation(name: str) -> Operation:
    """Return what joins two values; None where a comparison leaves nothing."""
    if name in ARITHMETIC:
        return ARITHMETIC[name]
    compare = named(COMPARISONS, name)
    return lambda left, right: left if compare(left, right) else None


def _kept(labels: LabelSet, names: Iterable[str]) -> LabelSet:
    return frozenset(label for label in labels if label[0] in names)


def _key(labels: LabelSet, on: On) -> LabelSet:
    return labels if on is None else _kept(labels, on)


def _united(name: str, left: Vector, right: Vector, on: On) -> Vector:
    ours, theirs = ({_key(labels, on) for labels in side} for side in (left, right))
    if name == "or":
        return left | {labels: value for labels, value in right.items() if _key(labels, on) not in ours}
    return {labels: value for labels, value in left.items() if (_key(labels, on) in theirs) == (name == "and")}


def _matched(operation: Operation, left: Vector, right: Vector, on: On, many: bool) -> Vector:
    ones = {_key(labels, on): value for labels, value in right.items()}
    return _there(
        (labels if many else _key(labels, on), operation(value, ones[_key(labels, on)]))
        for labels, value in left.items()
        if _key(labels, on) in ones
    )


def _there(pairs: Iterable[tuple[LabelSet, float | None]]) -> Vector:
    return {labels: value for labels, value in pairs if value is not None}
