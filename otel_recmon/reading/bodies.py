"""Bodies of requests and responses: stored up to a size limit during the request, decompressed and parsed after it."""

import json
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qsl

from otel_recmon.config import variable
from otel_recmon.safety import Faults

loads: Callable[[bytes | str], Any] = json.loads
"""Parses JSON, with orjson if it is installed."""
with suppress(ImportError):
    from orjson import loads


_LONGEST_NULL: Final = 16
"""The maximum length in bytes of a body that is compared with ``null``."""
_LONGEST_SHOWN: Final = 100
"""The maximum length of a header that is shown in a log message."""


class Body:
    """The chunks of one body of at most ``limit`` bytes. For a longer body, only the size is stored."""

    __slots__ = ("chunks", "limit", "size")

    def __init__(self, limit: int, chunk: bytes = b"") -> None:
        self.limit = limit
        self.size = len(chunk)
        self.chunks = [chunk] if self.size <= limit else []

    def add(self, chunk: bytes) -> None:
        """Keep a chunk, or drop all chunks once the body is too long."""
        self.size += len(chunk)
        if self.size <= self.limit:
            self.chunks.append(chunk)
        else:
            self.chunks.clear()

    @property
    def is_null(self) -> bool:
        """Whether the body is ``null`` in JSON, perhaps with white space around it."""
        return self.size <= _LONGEST_NULL and b"".join(self.chunks).strip() == b"null"

    def content(self, encoding: str, faults: Faults) -> bytes | None:
        """Return the decompressed body; None if it is too long or its encoding is unknown."""
        if self.size > self.limit:
            faults.drop("body_too_large", f"a body of at most {self.limit} bytes")
            return None
        raw = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
        return raw if encoding in ("", "identity") else _unpacked(raw, encoding, self.limit, faults)


def _inflated(raw: bytes, limit: int) -> bytes:
    return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(raw, limit)


_INFLATED: Final = ("gzip", "x-gzip", "deflate")
"""The encodings that ``zlib`` decompresses."""
_decoders: dict[str, Callable[[bytes, int], bytes]] = {}
"""For each further encoding, a function that decompresses a body up to a number of bytes."""
_decoder_errors: list[type[Exception]] = [zlib.error]
_PACKAGES: Final = {"br": "brotli", "zstd": "zstandard"}
"""The packages that decompress further encodings, if they are installed."""
with suppress(ImportError):
    _brotli: Any = import_module("brotli")
    _decoders["br"] = lambda raw, limit: _brotli.Decompressor().process(raw, output_buffer_limit=limit)
    _decoder_errors += [_brotli.error, TypeError]  # TypeError: before version 1.2, the output had no limit
with suppress(ImportError):
    _zstandard: Any = import_module("zstandard")
    _decoders["zstd"] = lambda raw, limit: _zstandard.ZstdDecompressor().stream_reader(raw).read(limit)
    _decoder_errors.append(_zstandard.ZstdError)


def _unpacked(raw: bytes, encoding: str, limit: int, faults: Faults) -> bytes | None:
    if encoding not in (*_INFLATED, *_decoders):
        faults.drop("body_encoding", f"one of the encodings {', '.join((*_INFLATED, *_decoders))}")
        return None
    try:
        decode = _inflated if encoding in _INFLATED else _decoders[encoding]
        content = decode(raw, limit + 1)
    except tuple(_decoder_errors):
        faults.drop("body_unreadable", "a body compressed as its header says")
        return None
    if len(content) > limit:
        faults.drop("body_too_large", f"a body of at most {limit} bytes")
        return None
    return content


def unread(body: Body, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return why a response cannot be parsed, and what helps, as a clause about all responses of its route.

    Return None if the response can be parsed.
    """
    media_type, encoding = coding(headers)
    if not maybe_json(media_type):
        kind = media_type.partition(";")[0].strip()[:_LONGEST_SHOWN]
        return f"they are {kind} and not JSON; call track_recommendations in the handler"
    if body.size > body.limit:
        return f"one of them has {body.size} bytes; set {variable('max_body_bytes')} to more than that"
    if encoding not in ("", "identity", *_INFLATED, *_decoders):
        package = _PACKAGES.get(encoding)
        helps = f"install the package {package}" if package else "call track_recommendations in the handler"
        return f"they are compressed with {encoding[:_LONGEST_SHOWN]}; {helps}"
    return _unparsed(body.content(encoding, Faults()), media_type)


def _unparsed(content: bytes | None, media_type: str) -> str | None:
    try:
        if content and not parsed(content, media_type) and "event-stream" in media_type:
            return "no event of the stream has JSON in its data; call track_recommendations in the handler"
    except ValueError:
        if content and any(word in content for word in (b"NaN", b"Infinity")):
            return "one of them contains NaN or Infinity, which are not JSON; replace such numbers by null"
        return "one of them is not valid JSON; correct the response, or call track_recommendations in the handler"
    return None if content else "one of them is not compressed as its header says; correct the header"


def response_json(body: Body, headers: Iterable[tuple[bytes, bytes]], faults: Faults) -> Any:
    """Return the parsed JSON of a response; None if its headers name another media type.

    Raises:
        ValueError: If the body does not have the format that its headers name.
    """
    media_type, encoding = coding(headers)
    content = body.content(encoding, faults) if maybe_json(media_type) else None
    return parsed(content, media_type) if content else None


def parsed(content: bytes, media_type: str) -> Any:
    """Return the content of a body. Newline-delimited JSON becomes a list of its lines.

    Raises:
        ValueError: If the body does not have the format of its media type.
    """
    try:
        return loads(content) if media_type == "application/json" else _parsed(content, media_type)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _parsed(content: bytes, media_type: str) -> Any:
    if media_type.startswith("application/x-www-form-urlencoded"):
        return dict(reversed(parse_qsl(content.decode())))
    if "event-stream" in media_type:
        return _events(content)
    lines = content.splitlines() if _is_lines(media_type) else []
    if lines:
        return [loads(line) for line in lines if line.strip()]
    return loads(content)


def _events(content: bytes) -> Any:
    """Return the data of the only server-sent event with JSON in it; of several events, the list of their data."""
    lines = (line[5:].strip() for line in content.splitlines() if line.startswith(b"data:"))
    found = [data for data in (loads(line) for line in lines if line[:1] in (b"{", b"[") and line != b"[DONE]") if data]
    return found[0] if len(found) == 1 else found


def coding(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
    """Return the media type and the encoding in raw headers, in lower case; "" for an absent header."""
    media_type = encoding = b""
    for name, value in headers:
        lower = name.lower()
        if lower == b"content-type":
            media_type = value
        elif lower == b"content-encoding":
            encoding = value
    return media_type.decode("latin-1").lower(), encoding.decode("latin-1").lower() if encoding else ""


def _is_lines(media_type: str) -> bool:
    return any(word in media_type for word in ("ndjson", "jsonl", "json-lines", "jsonlines"))


def maybe_json(media_type: str) -> bool:
    """Return whether a response of this media type can contain items. A response without a media type can."""
    return not media_type or "json" in media_type or "event-stream" in media_type
