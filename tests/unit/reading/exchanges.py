"""Exchanges whose bodies are parsed already."""

from collections.abc import Mapping
from typing import Any

from otel_recmon.reading.bodies import Body
from otel_recmon.reading.http_exchange import HttpExchange, RawHeaders
from otel_recmon.safety import Faults


def exchange(
    request: Mapping[str, Any], response: Any = None, body: Any = None, *, headers: RawHeaders = (), **how: Any
) -> HttpExchange:
    """An exchange over HTTP with this content; `headers` are those of the response."""
    made = HttpExchange(
        request, 200, headers, Faults(), request_body=None if body is None else Body(100, b"parsed"), **how
    )
    made._response, made._body = response, body
    return made
