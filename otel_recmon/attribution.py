"""The recommendation id: a signed text that says how a slate was shown, so that a click needs no store to be credited.

Whoever has the key reads it, a batch job as well as a service::

    signer = Signer(keys)
    found = signer.verify(text, now=clicked_at, window=86_400)
    if isinstance(found, Recommendation):
        print(found.shown.model_version, found.position("item-7"), clicked_at - found.at)

It is base64 for URLs, without padding, of

======  =====================================================================================================
bytes   meaning
======  =====================================================================================================
1       the version of this format
1       flags: 1 with a span, 2 with positions
1       the user's bucket, 0 to 31, or 255
1       the number of items, n
2       the length of the labels
4       the time, in seconds since 1970
4       drawn at random, so that two slates of the same items in one second are not the same
...     model version, variant, surface and experiment, in UTF-8, joined by zero bytes, empty where unknown
24      the trace id and the span id, where flagged
3 n     a fingerprint of each item, in order: BLAKE2b under a key of its own, so that nobody else can look it up
n       the position of each item, 0 where unknown, 255 for all further ones, where flagged: they are not 1, 2, 3 ...
16      HMAC-SHA-256 of all before, cut to half its length
======  =====================================================================================================

Numbers are big-endian. Half of the HMAC is the least that RFC 2104 recommends: to forge one takes 2 ** 127 requests on
average, and none of them says how near it came. Three bytes tell ten items apart but for one slate in 370,000, in
which two positions are unknown.
"""

import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from os import urandom
from typing import Final, NamedTuple

from otel_recmon import catalog
from otel_recmon.values import id_text

text = id_text  # the name that recording/attributor.py imports
HEADER: Final = "X-Recommendation-Id"
FORMAT: Final = 1
BUCKETS: Final = len(catalog.BUCKETS)
MOST_ITEMS: Final = 100
"""Items of a slate that have a fingerprint, from the first."""
SHORTEST_KEY: Final = 16
"""Characters."""
SKEW_SECONDS: Final = 60.0
"""How far a clock may be behind that of the process that signed."""
_LONGEST: Final = 4096
_HEAD: Final = struct.Struct(">BBBBHI4s")
_WITH_SPAN, _WITH_POSITIONS = 1, 2
_NO_BUCKET: Final = 255
_TRACE_BYTES, _SPAN_BYTES = 16, 24
_MARK_BYTES: Final = 3
_MAC_BYTES: Final = 16


class Refusal(StrEnum):
    """Why a recommendation id is not accepted."""

    EXPIRED = catalog.EXPIRED
    FORGED = catalog.FORGED
    FUTURE = catalog.FUTURE
    MALFORMED = catalog.MALFORMED
    UNSUPPORTED = catalog.UNSUPPORTED


class Shown(NamedTuple):
    """What is known of a slate beside its items."""

    model_version: str
    variant: str | None = None
    surface: str | None = None
    experiment: str | None = None
    bucket: int | None = None
    """The bucket of the user's hash, 0 to 31."""
    span: tuple[int, int] | None = None
    """The trace id and the span id of the request."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A slate that a verified recommendation id is of."""

    shown: Shown
    at: int
    """When it was shown, in seconds since 1970."""
    slate: bytes
    """What tells it from any other."""
    _marks: bytes = field(repr=False)
    _positions: bytes = field(repr=False)
    _mark: Callable[[str], bytes] = field(repr=False, compare=False)

    def position(self, item: object) -> int | None:
        """Return the position that an item was shown at, from 1; None where it was not, or is not the only such one."""
        marks = [self._marks[at : at + _MARK_BYTES] for at in range(0, len(self._marks), _MARK_BYTES)]
        mine = self._mark(id_text(item))
        if marks.count(mine) != 1:
            return None
        index = marks.index(mine)
        return (self._positions[index] or None) if self._positions else index + 1


class Signer:
    """Signs with the first of its keys, and verifies with all of them."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take the secrets.

        Raises:
            ValueError: If there is none, or one is shorter than 16 characters.
        """
        if not keys or min(map(len, keys)) < SHORTEST_KEY:
            raise ValueError(f"a signer needs keys of at least {SHORTEST_KEY} characters")
        self._keys = [_Key(key) for key in keys]

    def sign(self, shown: Shown, items: Sequence[object], at: float, positions: Sequence[int | None] = ()) -> str:
        """Return the recommendation id of a slate.

        Args:
            shown: What is known beside the items.
            items: Their ids in the order shown; 7 and "7" are the same. Only the first 100 count.
            at: Now, in seconds since 1970.
            positions: Their positions from 1, where these are not 1, 2, 3 ...

        Raises:
            ValueError: If something is out of its range.
        """
        key, labels, items = self._keys[0], _packed(*shown[:4]), items[:MOST_ITEMS]
        if positions and len(positions) < len(items):
            raise ValueError("each item has a position, or none has")
        flags = (_WITH_SPAN if shown.span else 0) | (_WITH_POSITIONS if positions else 0)
        signed = b"".join(
            (
                _head(flags, shown.bucket, len(items), len(labels), int(at)),
                labels,
                _span(*shown.span) if shown.span else b"",
                *[key.mark(item if item.__class__ is str else id_text(item)) for item in items],
                bytes(min(place or 0, 255) for place in positions[: len(items)]),
            )
        )
        return _encoded(signed + key.mac(signed))

    def verify(self, said: object, now: float, window: float) -> Recommendation | Refusal:
        """Return the slate of a recommendation id, or why there is none; whatever is said, nothing is raised.

        Args:
            said: What should be a recommendation id.
            now: When it came back, in seconds since 1970.
            window: The age up to which it counts, in seconds.
        """
        raw = _decoded(said)
        if not raw:
            return Refusal.MALFORMED
        if raw[0] != FORMAT:
            return Refusal.UNSUPPORTED
        parts = _parted(raw)
        if parts is None:
            return Refusal.MALFORMED
        found = self._found(parts)
        if isinstance(found, Refusal):
            return found
        age = now - found.at
        if age < -SKEW_SECONDS:
            return Refusal.FUTURE
        return Refusal.EXPIRED if age > window else found

    def _found(self, parts: "_Parts") -> Recommendation | Refusal:
        key = next((key for key in self._keys if hmac.compare_digest(key.mac(parts.signed), parts.mac)), None)
        if key is None:
            return Refusal.FORGED
        labels = _unpacked(parts.labels)
        if labels is None:
            return Refusal.MALFORMED
        bucket = parts.bucket if parts.bucket < BUCKETS else None
        ids = parts.span and (int.from_bytes(parts.span[:_TRACE_BYTES]), int.from_bytes(parts.span[_TRACE_BYTES:]))
        shown = Shown(*labels, bucket, ids or None)
        return Recommendation(shown, parts.at, parts.mac, parts.marks, parts.positions, key.mark)


class _Key:
    """A secret, with a key of its own for each of its uses."""

    __slots__ = ("_begun", "_mac")

    def __init__(self, secret: str) -> None:
        self._mac = hmac.digest(secret.encode(), b"otel-recmon recommendation id", "sha256")
        own = hmac.digest(secret.encode(), b"otel-recmon item", "sha256")
        self._begun = blake2b(digest_size=_MARK_BYTES, key=own)

    def mac(self, signed: bytes) -> bytes:
        return hmac.digest(self._mac, signed, "sha256")[:_MAC_BYTES]

    def mark(self, item: str) -> bytes:
        begun = self._begun.copy()
        begun.update(item.strip().encode(errors="surrogatepass"))
        return begun.digest()


class _Parts(NamedTuple):
    """The parts of a recommendation id; nothing says yet that they are true."""

    bucket: int
    at: int
    labels: bytes
    span: bytes
    marks: bytes
    positions: bytes
    signed: bytes
    """All of them."""
    mac: bytes


def _head(flags: int, bucket: int | None, items: int, labels: int, at: int) -> bytes:
    if bucket is not None and not 0 <= bucket < BUCKETS:
        raise ValueError(f"a bucket is a whole number from 0 to {BUCKETS - 1}, not {bucket!r}")
    if not 0 <= at < 1 << 32:
        raise ValueError(f"a time is in seconds since 1970, not {at!r}")
    return _HEAD.pack(FORMAT, flags, _NO_BUCKET if bucket is None else bucket, items, labels, at, urandom(4))


def _span(trace_id: int, span_id: int) -> bytes:
    try:
        return trace_id.to_bytes(_TRACE_BYTES) + span_id.to_bytes(_SPAN_BYTES - _TRACE_BYTES)
    except OverflowError as error:
        raise ValueError("a trace id has 16 bytes, a span id 8") from error


@lru_cache(1024)
def _packed(*labels: str | None) -> bytes:
    packed = "\0".join(label or "" for label in labels).encode()
    if not labels[0] or packed.count(0) != len(labels) - 1 or len(packed) > _LONGEST // 2:
        raise ValueError("a slate has a model version, and no label with a zero byte or of thousands of characters")
    return packed


@lru_cache(1024)
def _unpacked(packed: bytes) -> tuple[str, str | None, str | None, str | None] | None:
    try:
        version, variant, surface, experiment = packed.decode().split("\0")
    except ValueError:
        return None
    return (version, variant or None, surface or None, experiment or None) if version else None


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(said: object) -> bytes | None:
    """Return the bytes of a text that is in the one form that we write."""
    if not isinstance(said, str) or len(said) > _LONGEST:
        return None
    try:
        raw = urlsafe_b64decode(said + "=" * (-len(said) % 4))
    except ValueError:
        return None
    return raw if _encoded(raw) == said else None


def _parted(raw: bytes) -> _Parts | None:
    """Return the parts, None where their lengths are not those of the whole, as after a truncation."""
    if len(raw) < _HEAD.size:
        return None
    _, flags, bucket, items, labels, at, _ = _HEAD.unpack_from(raw)
    span = _HEAD.size + labels
    marks = span + (_SPAN_BYTES if flags & _WITH_SPAN else 0)
    positions = marks + _MARK_BYTES * items
    end = positions + (items if flags & _WITH_POSITIONS else 0)
    if end + _MAC_BYTES != len(raw):
        return None
    return _Parts(
        bucket,
        at,
        raw[_HEAD.size : span],
        raw[span:marks],
        raw[marks:positions],
        raw[positions:end],
        raw[:end],
        raw[end:],
    )
