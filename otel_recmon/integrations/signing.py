"""Puts the recommendation id into the headers of a response, which wait for the items of its body."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any, Final, Protocol

from otel_recmon.attribution import HEADER
from otel_recmon.reading.bodies import coding, maybe_json
from otel_recmon.recording.request_context import Scope

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

_HEADER: Final = HEADER.lower().encode()
_EXPOSE: Final = b"access-control-expose-headers"


class Watched(Protocol):
    """A request as it passes by."""

    scope: Scope

    @property
    def holds_slate(self) -> bool:
        """Whether its response is read."""

    def complete(self) -> None:
        """Take note that all bytes of the response are there."""

    def streamed(self) -> None:
        """Take note that the response comes bit by bit, too late for its header."""


class Signed:
    """Sends the messages of a response, the first one with the recommendation id.

    What the handler said by a verb is known when the response starts. Otherwise the start of a response whose length
    is announced is held until its body is there. All else may be a stream, and is not held.
    """

    __slots__ = ("_held", "_left", "_limit", "_send", "_shrug", "_watch")

    def __init__(self, watch: Watched, send: Send, limit: int, shrug: Callable[[str, Exception], None]) -> None:
        """Take whom to ask for the id, where to send, the longest body that is held, and whom to tell of failures."""
        self._watch = watch
        self._send = send
        self._limit = limit
        self._shrug = shrug
        self._held: list[Message] = []
        self._left = 0

    async def __call__(self, message: Message) -> None:
        """Send what can be sent once this message is there."""
        held = self._held
        try:
            ready = self._ready(message)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            self._shrug("Signed", error)
            ready, self._held = [*held, message], []
        for each in ready:
            await self._send(each)

    async def release(self) -> None:
        """Send what is held although no more comes."""
        held, self._held = self._held, []
        with suppress(Exception):
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
        if self._watch.scope.recommendation_id is None and self._waits(start):
            self._held = [{**start, "headers": list(start.get("headers", ()))}]
            return before
        return [*before, self._signed(start)]

    def _waits(self, start: Message) -> bool:
        headers = start.get("headers", ())
        if not self._watch.holds_slate or not maybe_json(coding(headers)[0]):
            return False
        length = _value(headers, b"content-length")
        if not length.isdigit():
            self._watch.streamed()
            return False
        self._left = int(length)
        return self._left <= self._limit

    def _is_whole(self, part: Message) -> bool:
        if not part.get("more_body"):
            return True
        self._left -= len(part.get("body", b""))
        if self._left > 0:
            return False
        self._watch.complete()
        return True

    def _signed(self, start: Message) -> Message:
        token = self._watch.scope.recommendation_id
        headers = list(start.get("headers", ()))
        if token is None or not 200 <= start["status"] < 300 or _value(headers, _HEADER):
            return start
        return {**start, "headers": [*_exposed(headers), (_HEADER, token.encode())]}


def _own(part: Message) -> Message:
    """Return a part that stays what it is, whatever the application does with its buffer and its message."""
    return {**part, "body": bytes(part.get("body", b""))}


def _value(headers: Iterable[Header], wanted: bytes) -> bytes:
    return next((value for name, value in headers if name.lower() == wanted), b"")


def _exposed(headers: list[Header]) -> list[Header]:
    """Return the headers, among them that scripts of another origin may read ours, where they may read the response."""
    exposed = _value(headers, _EXPOSE)
    if not _value(headers, b"access-control-allow-origin") or _HEADER in exposed.lower():
        return headers
    others = [(name, value) for name, value in headers if name.lower() != _EXPOSE or value != exposed]
    return [*others, (_EXPOSE, b", ".join(filter(None, (exposed, HEADER.encode()))))]
