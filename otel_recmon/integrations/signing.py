"""The recommendation id in the response headers. The headers are held until the items in the body are known."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, Protocol

from otel_recmon.attribution import HEADER
from otel_recmon.integrations.asgi_types import Message, Send
from otel_recmon.reading.bodies import coding, maybe_json
from otel_recmon.recording.request_context import RequestContext

Header = tuple[bytes, bytes]

_HEADER: Final = HEADER.lower().encode()
_EXPOSE: Final = b"access-control-expose-headers"


class Watched(Protocol):
    """A request in progress."""

    @property
    def context(self) -> RequestContext:
        """The recordings of this request so far."""

    @property
    def holds_slate(self) -> bool:
        """Whether the plugin reads the items from the response."""

    def complete(self) -> None:
        """Record the request, because all bytes of the response are known."""

    def drop_streamed(self) -> None:
        """Count a fault: the slate gets no recommendation id, because the response is streamed."""


class SignedSend:
    """Sends the messages of a response, with the recommendation id in the headers.

    If the handler called ``track_recommendations``, the id is known when the response starts. Otherwise the headers are
    held until the body is complete. A response without a content-length may be a stream, so its headers are not held.
    """

    __slots__ = ("_held", "_left", "_limit", "_report_failure", "_request", "_send")

    def __init__(
        self, request: Watched, send: Send, limit: int, report_failure: Callable[[str, BaseException], None]
    ) -> None:
        """Hold a response only if its body has at most ``limit`` bytes."""
        self._request = request
        self._send = send
        self._limit = limit
        self._report_failure = report_failure
        self._held: list[Message] = []
        self._left = 0

    async def __call__(self, message: Message) -> None:
        """Send a message, or hold it until the recommendation id is known."""
        held = self._held
        try:
            ready = self._ready(message)
        except Exception as error:  # noqa: BLE001 - no error may reach the service
            self._report_failure("SignedSend", error)
            ready, self._held = [*held, message], []
        for each in ready:
            await self._send(each)

    async def release(self) -> None:
        """Send the held messages, because no more messages follow. Ignore the error of a client that has left."""
        held, self._held = self._held, []
        with suppress(OSError):
            for message in held:
                await self._send(message)

    def _ready(self, message: Message) -> list[Message]:
        if message["type"] == "http.response.start":
            return self._started(message)
        if not self._held:
            return [message]
        if message["type"] == "http.response.body" and not self._is_whole(message):
            self._held.append(_own(message))
            return []
        start, *others = self._held
        self._held = []
        return [self._signed(start), *others, message]

    def _started(self, start: Message) -> list[Message]:
        before, self._held = self._held, []
        if self._request.context.recommendation_id is None and self._waits(start):
            self._held = [{**start, "headers": list(start.get("headers", ()))}]
            return before
        return [*before, self._signed(start)]

    def _waits(self, start: Message) -> bool:
        headers = start.get("headers", ())
        if not self._request.holds_slate or not maybe_json(coding(headers)[0]):
            return False
        length = _value(headers, b"content-length")
        if not length.isdigit():
            self._request.drop_streamed()
            return False
        self._left = int(length)
        return self._left <= self._limit

    def _is_whole(self, part: Message) -> bool:
        if not part.get("more_body"):
            return True
        self._left -= len(part.get("body", b""))
        if self._left > 0:
            return False
        self._request.complete()
        return True

    def _signed(self, start: Message) -> Message:
        token = self._request.context.recommendation_id
        headers = list(start.get("headers", ()))
        if token is None or not 200 <= start["status"] < 300 or _value(headers, _HEADER):
            return start
        return {**start, "headers": [*_exposed(headers), (_HEADER, token.encode())]}


def _own(part: Message) -> Message:
    """Return a copy of a body message, because the application may reuse its buffer."""
    return {**part, "body": bytes(part.get("body", b""))}


def _value(headers: Iterable[Header], wanted: bytes) -> bytes:
    return next((value for name, value in headers if name.lower() == wanted), b"")


def _exposed(headers: list[Header]) -> list[Header]:
    """Return the headers. If scripts of another origin may read the response (CORS), let them read our header too."""
    exposed = _value(headers, _EXPOSE)
    if not _value(headers, b"access-control-allow-origin") or _HEADER in exposed.lower():
        return headers
    others = [(name, value) for name, value in headers if name.lower() != _EXPOSE or value != exposed]
    return [*others, (_EXPOSE, b", ".join(filter(None, (exposed, HEADER.encode()))))]
