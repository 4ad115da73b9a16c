"""Where a value is found in a request or response: JMESPath, or a header, query, path or body field."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final
from urllib.parse import parse_qsl

import jmespath
from jmespath.exceptions import JMESPathError

from otel_recmon.reading.routes import Pattern, parse

_logger = logging.getLogger("otel_recmon")

PLACES: Final = ("header", "response_header", "query", "path", "body")


RawHeaders = Iterable[tuple[bytes, bytes]]
_NOTHING: Final[dict[str, str]] = {}
_UNREAD: Final = object()
Source = Callable[["Exchange"], Any]
Field = Callable[[Any], Any]


def field(expression: str) -> Field:
    """Return a function from a parsed JSON value to what a JMESPath expression finds in it.

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
    """Return what is found; nothing where the value is not of the type that a function of the expression needs."""
    try:
        return compiled.search(value)
    except JMESPathError:
        _say_once(expression)
        return None


@cache
def _say_once(expression: str) -> None:
    _logger.warning("otel-recmon: the expression %r does not fit the data it meets; it finds nothing there", expression)


def source(expression: str) -> Source:
    """Return where ``expression`` points; without a place it is JMESPath on the response.

    Raises:
        ValueError: If it is not valid.
    """
    prefix, colon, name = expression.partition(":")
    if not colon or prefix not in PLACES:
        find = field(expression)
        return lambda seen: find(seen.response)
    if prefix == "body":
        find = field(name.strip())
        return lambda seen: find(seen.body)
    return _lookup(prefix, name.strip())


def _lookup(place: str, name: str) -> Source:
    if not name:
        msg = f"{place}: needs a name after the colon"
        raise ValueError(msg)
    lower = name.lower()
    return {
        "header": lambda seen: seen.headers.get(lower),
        "response_header": lambda seen: seen.response_headers.get(lower),
        "query": lambda seen: seen.query.get(name),
        "path": lambda seen: seen.path_params.get(name),
    }[place]


@dataclass(frozen=True)
class PerRoute:
    """An expression for each route; the last one without a route is for all others."""

    rules: tuple[tuple[Pattern | None, str], ...]

    @classmethod
    def of(cls, text: str | None, check: Callable[[str], object]) -> "PerRoute":
        """Return the rules of ``/route => expression; expression``.

        Raises:
            ValueError: If a route is no pattern, or ``check`` refuses an expression.
        """
        rules = []
        for part in (text or "").split(";"):
            route, arrow, expression = part.rpartition("=>")
            if expression.strip():
                check(expression.strip())
                rules.append((parse(route) if arrow else None, expression.strip()))
        return cls(tuple(rules))

    def at(self, method: str, template: str) -> str | None:
        """Return the expression for a route, or None."""
        named = (text for pattern, text in self.rules if pattern and pattern.matches(method, template))
        return next(named, next((text for pattern, text in self.rules if pattern is None), None))


class Exchange:
    """A request and its response, parsed only as far as somebody asks."""

    # Kept by hand, and by the class: a cached_property takes a lock, and all that is set here is set for each response.
    response: Any = None
    _headers: Mapping[str, str] | None = None
    _response_headers: Mapping[str, str] | None = None
    _query: Mapping[str, str] | None = None
    _body: Any = _UNREAD

    def __init__(
        self,
        request: Mapping[str, Any],
        response_headers: RawHeaders,
        read_body: Callable[[Mapping[str, str]], Any] | None,
    ) -> None:
        """Take the ASGI scope of the request, the raw headers of the response, and how to read the request's body."""
        self.raw_response_headers = response_headers
        self._request = request
        self._read_body = read_body

    @property
    def bare(self) -> bool:
        """Whether there is neither a query nor a body."""
        return self._read_body is None and not self._request.get("query_string")

    @property
    def path_params(self) -> Mapping[str, Any]:
        """The path parameters."""
        return self._request.get("path_params") or _NOTHING

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's headers, by lower-case name."""
        if self._headers is None:
            self._headers = _headers(self._request["headers"])
        return self._headers

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The response's headers, by lower-case name."""
        if self._response_headers is None:
            self._response_headers = _headers(self.raw_response_headers)
        return self._response_headers

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters; of several with one name the first."""
        if self._query is None:
            text = self._request.get("query_string", b"").decode("latin-1")
            self._query = dict(reversed(parse_qsl(text, keep_blank_values=True)))
        return self._query

    @property
    def body(self) -> Any:
        """The request body as JSON or form fields, None where there is none or it is neither."""
        if self._body is _UNREAD:
            self._body = self._read_body(self.headers) if self._read_body else None
        return self._body


def _headers(raw: RawHeaders) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}
