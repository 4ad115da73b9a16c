"""A finished HTTP request with its response. Each part is parsed when it is first read."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from opentelemetry.trace import INVALID_SPAN, Span

from otel_recmon.catalog import ERROR, REJECTED, SUCCESS
from otel_recmon.reading.bodies import Body, parsed, response_json, unread
from otel_recmon.safety import Faults

RawHeaders = Iterable[tuple[bytes, bytes]]

NO_CONTENT: Final = 204
NOT_MODIFIED: Final = 304
_STATUS: Final = {2: SUCCESS, 4: REJECTED, 5: ERROR, NOT_MODIFIED: SUCCESS}
REDIRECTS: Final = (301, 302, 303, 307, 308)
"""The status codes that send the client to another address."""
_NOTHING: Final[dict[str, str]] = {}
_UNREAD: Final = object()


class HttpExchange:
    """An ``Exchange`` over HTTP."""

    # The defaults are attributes of the class, because setting them on every instance would cost more than the parsing
    # that most requests need. A cached_property would take a lock in Python 3.11.
    _headers: Mapping[str, str] | None = None
    _response_headers: Mapping[str, str] | None = None
    _query: Mapping[str, str] | None = None
    _body: Any = _UNREAD
    _response: Any = _UNREAD

    def __init__(  # noqa: PLR0913 - the parts of a request and its response
        self,
        request: Mapping[str, Any],
        status_code: int,
        response_headers: RawHeaders,
        faults: Faults,
        *,
        request_body: Body | None = None,
        response_body: Body | None = None,
        broken_off: str | None = None,
        span: Span = INVALID_SPAN,
    ) -> None:
        """Keep the parts of a request and its response.

        Args:
            request: An ASGI scope, of which ``headers``, ``query_string`` and ``path_params`` are read.
            status_code: The HTTP status code; 0 if there was no response.
            response_headers: The raw response headers.
            faults: The counter of unreadable bodies.
            request_body: The body of the request; None for an empty body.
            response_body: The body of the response; None if the body is empty or was not read.
            broken_off: ``error`` if the handler raised an exception or did not finish its response, ``abandoned`` if
                the client left before the end of the response, and None if the response is complete.
            span: The server span.
        """
        # An attribute, because it is read several times a request, and a property costs more each time.
        self.status = broken_off or _STATUS.get(status_code if status_code == NOT_MODIFIED else status_code // 100)
        self.span = span
        self._request = request
        self._status_code = status_code
        self._raw_response_headers = response_headers
        self._faults = faults
        self._request_body = request_body
        self._response_body = response_body

    @property
    def accepted(self) -> bool:
        """Whether the status code is 200 to 299 and the handler did not fail."""
        return self.status != ERROR and 200 <= self._status_code < 300

    @property
    def redirected(self) -> bool:
        """Whether the response is a redirect."""
        return self.status != ERROR and self._status_code in REDIRECTS

    @property
    def not_modified(self) -> bool:
        """Whether the status code is 304: the client has the content already."""
        return self._status_code == NOT_MODIFIED

    @property
    def is_empty(self) -> bool:
        """Whether the status code is 204, or the response is ``null``."""
        body = self._response_body
        return self._status_code == NO_CONTENT or (body is not None and body.is_null)

    @property
    def has_parameters(self) -> bool:
        """Whether the request has a query or a body."""
        return self._request_body is not None or bool(self._request.get("query_string"))

    @property
    def path_params(self) -> Mapping[str, Any]:
        """The path parameters."""
        return self._request.get("path_params") or _NOTHING

    @property
    def headers(self) -> Mapping[str, str]:
        """The request headers, by lower-case name."""
        if self._headers is None:
            self._headers = _decoded(self._request["headers"])
        return self._headers

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The response headers, by lower-case name."""
        if self._response_headers is None:
            self._response_headers = _decoded(self._raw_response_headers)
        return self._response_headers

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters, with the first value of each name."""
        if self._query is None:
            text = self._request.get("query_string", b"").decode("latin-1")
            self._query = dict(reversed(parse_qsl(text, keep_blank_values=True)))
        return self._query

    @property
    def body(self) -> Any:
        """The parsed request body, from JSON or form fields; None if it is absent or has another format."""
        if self._body is _UNREAD:
            self._body = self._parse_body(self._request_body) if self._request_body else None
        return self._body

    @property
    def response(self) -> Any:
        """The parsed JSON of the response; None if the response is incomplete, has no body or is not JSON."""
        if self._response is _UNREAD:
            body = self._response_body if self.status == SUCCESS else None
            self._response = self._parse_response(body) if body is not None and body.size else None
        return self._response

    @property
    def unread(self) -> str | None:
        """Why the response cannot be parsed, and what helps, as a clause; None if the response can be parsed."""
        body = self._response_body
        return None if body is None else unread(body, self._raw_response_headers)

    def _parse_body(self, body: Body) -> Any:
        content = body.content("", self._faults)
        try:
            return parsed(content, self.headers.get("content-type", "")) if content else None
        except ValueError:
            self._faults.drop("body_unreadable", "a request body in the format of its content type")
            return None

    def _parse_response(self, body: Body) -> Any:
        try:
            return response_json(body, self._raw_response_headers, self._faults)
        except ValueError:
            self._faults.drop("body_unreadable", "a response that is valid JSON, as its content type says")
            return None


def _decoded(headers: RawHeaders) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
