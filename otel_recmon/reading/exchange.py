"""The interface of a finished request with its response, for HTTP as well as gRPC."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

from opentelemetry.trace import Span

ABANDONED: Final = "abandoned"
"""The status class if the client left before the end of the response. Such a request is recorded as ``rejected``."""


class Exchange(Protocol):
    """A finished request with its response. An implementation parses each part when it is first read."""

    @property
    def status(self) -> str | None:
        """The status class: ``success``, ``rejected``, ``error`` or ``abandoned``; None for any other response."""

    @property
    def accepted(self) -> bool:
        """Whether the service accepted the request, even if the client left before the end of the response."""

    @property
    def redirected(self) -> bool:
        """Whether the response is a redirect. A click route often redirects the client to the page of the item."""

    @property
    def not_modified(self) -> bool:
        """Whether the response says that the client has the content already. Over HTTP, the status code is then 304."""

    @property
    def is_empty(self) -> bool:
        """Whether the response has no content. Over HTTP, the status code is then 204, or the body is ``null``."""

    @property
    def span(self) -> Span:
        """The server span."""

    @property
    def has_parameters(self) -> bool:
        """Whether the request has a query or a body."""

    @property
    def path_params(self) -> Mapping[str, Any]:
        """The path parameters."""

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters, with the first value of each name."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The request headers or metadata, by lower-case name."""

    @property
    def body(self) -> Any:
        """The parsed content of the request; None if the request has no content that can be parsed."""

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The response headers or metadata, by lower-case name."""

    @property
    def response(self) -> Any:
        """The parsed content of the response; None if the response is incomplete or cannot be parsed."""

    @property
    def unread(self) -> str | None:
        """Why the response cannot be parsed, and what helps, as a clause; None if the response can be parsed."""


class PartOfExchange:
    """One event of a request with several events: an exchange whose body is the event."""

    query: Final[Mapping[str, str]] = MappingProxyType({})
    has_parameters = True

    def __init__(self, exchange: Exchange, body: Any) -> None:
        self.status, self.accepted, self.redirected = exchange.status, exchange.accepted, exchange.redirected
        self.not_modified, self.is_empty, self.span = exchange.not_modified, exchange.is_empty, exchange.span
        self.path_params, self.headers, self.body = exchange.path_params, exchange.headers, body
        self._exchange = exchange

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The response headers of the request."""
        return self._exchange.response_headers

    @property
    def response(self) -> Any:
        """The parsed content of the response to the request."""
        return self._exchange.response

    @property
    def unread(self) -> str | None:
        """Why the response cannot be parsed, and what helps, as a clause; None if the response can be parsed."""
        return self._exchange.unread
