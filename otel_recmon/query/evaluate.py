"""Evaluator of PromQL on the history of one page of metrics.

It supports the part of PromQL that the definitions of signals and alerts use.
"""

from functools import lru_cache
from typing import Any

import promql_parser

from otel_recmon.query import vectors
from otel_recmon.query.history import History
from otel_recmon.query.vectors import Vector
from otel_recmon.stats.histogram import divided

parsed = lru_cache(maxsize=256)(promql_parser.parse)
"""Parse an expression. The results are cached, because ``top`` evaluates the same few expressions at every refresh."""


class Evaluation:
    """An evaluator of expressions at one time, in seconds since 1970.

    The increase of a counter is computed from the snapshots in the history, without extrapolation. A window longer
    than the history is shortened to the history. A selector with an offset selects no series.
    """

    def __init__(self, history: History, at: float) -> None:
        self._history = history
        self._at = at

    def vector(self, query: str) -> Vector:
        """Return the result of an expression: one value for each set of labels.

        Raises:
            NotImplementedError: If the expression uses a part of PromQL that is not supported.
        """
        found: Vector = self._value(parsed(query))
        return found

    def _value(self, node: Any) -> Any:
        match node:
            case promql_parser.ParenExpr():
                return self._value(node.expr)
            case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
                return node.val
            case promql_parser.VectorSelector():
                return self._selected(node)
            case promql_parser.AggregateExpr():
                by = node.modifier.labels if node.modifier else ()
                return vectors.aggregated(str(node.op), self._value(node.expr), frozenset(by))
            case promql_parser.BinaryExpr():
                return self._joined(node)
            case promql_parser.Call():
                return self._called(node.func.name, node.args)
        raise NotImplementedError(f"{type(node).__name__}: {node}")

    def _selected(self, node: Any) -> Vector:
        span = self._history.span(self._at, 0.0)
        return _narrowed(span.last.values.get(node.name, {}), node) if span and not node.offset else {}

    def _increase(self, node: Any) -> Vector:
        selector = node.vector_selector
        span = self._history.span(self._at, node.range.total_seconds())
        return _narrowed(span.increase(selector.name), selector) if span and not selector.offset else {}

    def _rate(self, node: Any) -> Vector:
        span = self._history.span(self._at, node.range.total_seconds())
        return {labels: divided(value, span.seconds) for labels, value in self._increase(node).items()} if span else {}

    def _joined(self, node: Any) -> Any:
        how = node.modifier
        on = frozenset(how.matching.labels) if how and how.matching else None
        many = bool(how) and how.card == promql_parser.VectorMatchCardinality.ManyToOne
        return vectors.joined(str(node.op), self._value(node.lhs), self._value(node.rhs), on, many=many)

    def _called(self, name: str, arguments: list[Any]) -> Vector:
        match name, arguments:
            case "increase", [series]:
                return self._increase(series)
            case "rate", [series]:
                return self._rate(series)
        values = [self._value(argument) for argument in arguments]
        match name, values:
            case "histogram_quantile", [share, buckets]:
                return vectors.quantiles(share, buckets)
            case "label_replace", [vector, label, value, "", ""]:
                return vectors.tagged(vector, label, value)
            case "clamp_min" | "clamp_max", [vector, bound]:
                nearest = max if name == "clamp_min" else min
                return {labels: nearest(value, bound) for labels, value in vector.items()}
        function = vectors.named(vectors.FUNCTIONS, name)
        return {labels: function(value) for labels, value in values[0].items()}


def _narrowed(vector: Vector, selector: Any) -> Vector:
    conditions = ((one.name, str(one.op), one.value) for one in selector.matchers.matchers)
    return vectors.matching(vector, conditions)
