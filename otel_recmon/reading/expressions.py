"""Expressions that locate a value in a request or response: JMESPath, or a header, query, path or body field."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from otel_recmon.reading.exchange import Exchange
from otel_recmon.reading.patterns import Pattern, parse

_logger = logging.getLogger("otel_recmon")

PLACES: Final = ("header", "response_header", "query", "path", "body")


Source = Callable[[Exchange], Any]
"""Finds a value in an exchange."""
Field = Callable[[Any], Any]
"""Finds a value in parsed JSON."""


def field(expression: str) -> Field:
    """Return a function that searches parsed JSON with a JMESPath expression.

    Raises:
        ValueError: If the expression is not valid JMESPath.
    """
    try:
        compiled = jmespath.compile(expression)
    except JMESPathError as error:
        msg = f"{expression!r} is not a JMESPath expression: {error}"
        raise ValueError(msg) from error
    if re.fullmatch(r"[A-Za-z_]\w*", expression):
        return lambda value: value.get(expression) if isinstance(value, dict) else None
    return partial(_searched, compiled, expression)


def _searched(compiled: Any, expression: str, value: Any) -> Any:
    """Return the result of a search; None if a function of the expression gets a value of the wrong type."""
    try:
        return compiled.search(value)
    except JMESPathError:
        _warn_once(expression)
        return None


@cache
def _warn_once(expression: str) -> None:
    _logger.warning(
        "otel-recmon: the expression %r meets data of a type that it cannot search; it finds nothing there", expression
    )


def source(expression: str) -> Source:
    """Return the function that finds the value of ``expression``, such as ``header:x-arm`` or JMESPath on the response.

    Raises:
        ValueError: If the expression is not valid.
    """
    prefix, colon, name = expression.partition(":")
    if not colon or prefix not in PLACES:
        find = field(expression)
        return lambda exchange: find(exchange.response)
    if prefix == "body":
        find = field(name.strip())
        return lambda exchange: find(exchange.body)
    return _lookup(prefix, name.strip())


def _lookup(place: str, name: str) -> Source:
    if not name:
        msg = f"{place}: needs a name after the colon"
        raise ValueError(msg)
    lower = name.lower()
    return {
        "header": lambda exchange: exchange.headers.get(lower),
        "response_header": lambda exchange: exchange.response_headers.get(lower),
        "query": lambda exchange: exchange.query.get(name),
        "path": lambda exchange: exchange.path_params.get(name),
    }[place]


@dataclass(frozen=True)
class PerRoute:
    """Expressions of one setting: some for the routes that they name, and at most one for all other routes."""

    rules: tuple[tuple[Pattern | None, str], ...]

    @classmethod
    def of(cls, text: str | None, check: Callable[[str], object]) -> "PerRoute":
        """Return the rules of ``/route => expression; expression``.

        Raises:
            ValueError: If a route is not a valid pattern, or ``check`` refuses an expression.
        """
        rules = []
        for part in (text or "").split(";"):
            route, arrow, expression = part.rpartition("=>")
            if expression.strip():
                check(expression.strip())
                rules.append((parse(route) if arrow else None, expression.strip()))
        return cls(tuple(rules))

    def at(self, method: str, template: str) -> str | None:
        """Return the expression for a route; None if there is no expression."""
        named = (text for pattern, text in self.rules if pattern and pattern.matches(method, template))
        return next(named, next((text for pattern, text in self.rules if pattern is None), None))
