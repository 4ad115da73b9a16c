"""What an expression in PromQL selects."""

from collections.abc import Iterator
from typing import Any

import promql_parser

from otel_recmon.artifacts.settings.deployment import Services
from otel_recmon.artifacts.signals.external import ALERTS, FOREIGN, HTTP_DURATION

PIPELINE = set(FOREIGN) - {HTTP_DURATION, ALERTS}
"""Series of those who are none of the services."""
Conditions = set[tuple[str, str, str]]


def nodes(expression: Any) -> Iterator[Any]:
    """All parts of an expression, itself first."""
    yield expression
    inner = [getattr(expression, name, None) for name in ("lhs", "rhs", "expr", "param", "vector_selector")]
    for part in (*inner, *(getattr(expression, "args", None) or ())):
        if part is not None and not isinstance(part, str | float):
            yield from nodes(part)


def selectors(expression: Any) -> Iterator[Any]:
    """The selectors of an expression."""
    return (node for node in nodes(expression) if isinstance(node, promql_parser.VectorSelector))


def conditions(selector: Any) -> Conditions:
    """The conditions of a selector on labels."""
    return {(matcher.name, str(matcher.op), matcher.value) for matcher in selector.matchers.matchers}


def stated(matchers: str) -> Conditions:
    """The conditions that a setting states."""
    return conditions(promql_parser.parse(f"x{{{matchers}}}"))


def too_wide(expression: Any, services: Services) -> list[str]:
    """The selectors that a setting does not narrow as it should; what Prometheus says of its alerts is of all."""
    asked = {True: stated(services.pipeline), False: stated(services.selector)}
    return [
        str(selector)
        for selector in selectors(expression)
        if selector.name != ALERTS and not asked[selector.name in PIPELINE] <= conditions(selector)
    ]
