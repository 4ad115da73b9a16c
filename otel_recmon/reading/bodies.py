"""Bodies as they pass by: kept up to a limit, unpacked and parsed afterwards."""

import json
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from otel_recmon.safety import Faults

loads: Callable[[bytes], Any] = json.loads
"""Parses JSON; by orjson, where that is installed."""
with suppress(ImportError):
    from orjson import loads


class Body:
    """The chunks of one body, as far as they fit into ``limit`` bytes."""

    __slots__ = ("chunks", "limit", "size")

    def __init__(self, limit: int, chunk: bytes = b"") -> None:
        """Start with a chunk."""
        self.limit = limit
        self.size = len(chunk)
        self.chunks = [chunk] if self.size <= limit else []

    def add(self, chunk: bytes) -> None:
        """Keep a chunk, or let go of everything once the body is too long."""
        self.size += len(chunk)
        if self.size <= self.limit:
            self.chunks.append(chunk)
        else:
            self.chunks.clear()

    def content(self, encoding: str, faults: Faults) -> bytes | None:
        """Return the body unpacked; None where it is too long or packed in an unknown way."""
        if self.size > self.limit:
            faults.drop("body_too_large", f"a body of at most {self.limit} bytes")
            return None
        raw = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
        return raw if encoding in ("", "identity") else _unpacked(raw, encoding, self.limit, faults)


def _unpacked(raw: bytes, encoding: str, limit: int, faults: Faults) -> bytes | None:
    if encoding not in ("gzip", "x-gzip", "deflate"):
        faults.drop("body_encoding", "a body as it is, or packed by gzip or deflate")
        return None
    try:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        content = unpacker.decompress(raw, limit)
    except zlib.error:
        faults.drop("body_unreadable", "a body that is packed as its header says")
        return None
    if unpacker.unconsumed_tail:
        faults.drop("body_too_large", f"a body of at most {limit} bytes")
        return None
    return content


def response_json(body: Body, headers: Iterable[tuple[bytes, bytes]], faults: Faults) -> Any:
    """Return what a response with these raw headers says, None where it is no JSON.

    Raises:
        ValueError: If it is not what its headers say.
    """
    media_type, encoding = coding(headers)
    content = body.content(encoding, faults) if maybe_json(media_type) else None
    return parsed(content, media_type) if content else None


def parsed(content: bytes, media_type: str) -> Any:
    """Return a body's content; newline-delimited JSON is a list of its lines.

    Raises:
        ValueError: If it is not what its media type says.
    """
    try:
        return loads(content) if media_type == "application/json" else _parsed(content, media_type)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _parsed(content: bytes, media_type: str) -> Any:
    if media_type.startswith("application/x-www-form-urlencoded"):
        return dict(reversed(parse_qsl(content.decode())))
    lines = content.splitlines() if _is_lines(media_type) else []
    if lines:
        return [loads(line) for line in lines if line.strip()]
    return loads(content)


def coding(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
    """Return the media type and the encoding that raw headers name, in lower case; empty where they do not."""
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
    """Say whether a response of this media type can hold items; without a type it can."""
    return not media_type or "json" in media_type
