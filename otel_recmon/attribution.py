"""Recommendation ids: signed texts that attribute an event to its slate without a database.

Every process that has the key, such as a batch job, can verify a recommendation id::

    signer = Signer(keys)
    found = signer.verify(text, now=clicked_at, window=86_400)
    if isinstance(found, Recommendation):
        print(found.shown.model_version, found.position("item-7"), clicked_at - found.at)

A recommendation id is the URL-safe base64, without padding, of these bytes:

======  =====================================================================================================
bytes   meaning
======  =====================================================================================================
1       the version of this format
1       flags: 1 if the id contains a span, 2 if it contains positions (other than 1, 2, 3 ...)
1       the bucket of the user, 0 to 31, or 255 if the bucket is unknown
1       the number of items, n
2       the length of the labels in bytes
4       the time of the slate, in seconds since 1970
4       random bytes, which distinguish two slates with the same items in the same second
...     model version, variant, surface and experiment, in UTF-8, joined by zero bytes; an unknown label is empty
24      the trace id and the span id (only with flag 1)
3 n     a fingerprint of each item, in order: BLAKE2b with a separate key, so that only key holders can compute it
n       the position of each item, 0 if unknown, 255 for 255 and above (only with flag 2)
16      the first half of the HMAC-SHA-256 of all preceding bytes
======  =====================================================================================================

Numbers are big-endian. Half of the HMAC is the shortest length that RFC 2104 recommends. A forger needs 2 ** 127
attempts on average. A fingerprint has three bytes. In about one of 370,000 slates of ten items, two items have the same
fingerprint; the positions of these two items are then unknown.
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

HEADER: Final = "X-Recommendation-Id"
FORMAT: Final = 1
BUCKETS: Final = len(catalog.BUCKETS)
MOST_ITEMS: Final = 100
"""The maximum number of items in an id. An id with 100 items has about 550 characters."""
SHORTEST_KEY: Final = 16
"""The length of the shortest valid key, in characters."""
SKEW_SECONDS: Final = 60.0
"""The tolerated lag, in seconds, of the verifying clock behind the signing clock."""
_LONGEST: Final = 4096
"""The maximum length of a text that is decoded, in characters.

The longest id (2,048 bytes of labels, 100 items) has 3,336 characters.
"""
_HEAD: Final = struct.Struct(">BBBBHI4s")
_WITH_SPAN, _WITH_POSITIONS = 1, 2
_NO_BUCKET: Final = 255
_TRACE_BYTES, _SPAN_BYTES = 16, 24
_FINGERPRINT_BYTES: Final = 3
_MAC_BYTES: Final = 16


class Refusal(StrEnum):
    """Reasons to refuse a recommendation id."""

    EXPIRED = catalog.EXPIRED
    FORGED = catalog.FORGED
    FUTURE = catalog.FUTURE
    MALFORMED = catalog.MALFORMED
    UNSUPPORTED = catalog.UNSUPPORTED


class Shown(NamedTuple):
    """The labels, the user's bucket and the span of a slate."""

    model_version: str
    variant: str | None = None
    surface: str | None = None
    experiment: str | None = None
    bucket: int | None = None
    """The bucket of the user in the experiment, 0 to 31."""
    span: tuple[int, int] | None = None
    """The trace id and the span id of the request."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The content of a verified recommendation id."""

    shown: Shown
    at: int
    """The time of the slate, in seconds since 1970."""
    slate: bytes
    """A unique identifier of the slate."""
    _fingerprints: bytes = field(repr=False)
    _positions: bytes = field(repr=False)
    _fingerprint: Callable[[str], bytes] = field(repr=False, compare=False)

    def position(self, item: object) -> int | None:
        """Return the 1-based position of an item in the slate.

        Return None if the item is not among the first 100, if its fingerprint occurs twice, or if its position is
        unknown.
        """
        found = self._fingerprints
        fingerprints = [found[at : at + _FINGERPRINT_BYTES] for at in range(0, len(found), _FINGERPRINT_BYTES)]
        wanted = self._fingerprint(id_text(item))
        if fingerprints.count(wanted) != 1:
            return None
        index = fingerprints.index(wanted)
        return (self._positions[index] or None) if self._positions else index + 1


class Signer:
    """Signs recommendation ids with the first of ``keys``, and verifies ids that were signed with any of ``keys``.

    Raises:
        ValueError: If there is no key, or a key is shorter than 16 characters.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys or min(map(len, keys)) < SHORTEST_KEY:
            raise ValueError(f"a signer needs keys of at least {SHORTEST_KEY} characters")
        self._keys = [_Key(key) for key in keys]

    def sign(self, shown: Shown, items: Sequence[object], at: float, positions: Sequence[int | None] = ()) -> str:
        """Return the recommendation id of a slate.

        Args:
            shown: The labels, bucket and span of the slate.
            items: The item ids in the order of the slate; 7 and "7" are the same id. Only the first 100 items are
                included.
            at: The time of the slate, in seconds since 1970.
            positions: The 1-based positions of the items, if they are not 1, 2, 3 ...

        Raises:
            ValueError: If a label, the bucket, the span, the time or the number of positions is not valid.
        """
        key, labels, items = self._keys[0], _packed_labels(*shown[:4]), items[:MOST_ITEMS]
        if positions and len(positions) < len(items):
            raise ValueError("positions must be empty, or have a position for each item")
        flags = (_WITH_SPAN if shown.span else 0) | (_WITH_POSITIONS if positions else 0)
        signed = b"".join(
            (
                _head(flags, shown.bucket, len(items), len(labels), int(at)),
                labels,
                _span(*shown.span) if shown.span else b"",
                *[key.fingerprint(item if item.__class__ is str else id_text(item)) for item in items],
                bytes(min(position or 0, 255) for position in positions[: len(items)]),
            )
        )
        return _encoded(signed + key.mac(signed))

    def verify(self, token: object, now: float, window: float) -> Recommendation | Refusal:
        """Return the content of a recommendation id, or the reason for its refusal. Never raise an error.

        Args:
            token: The recommendation id as received, of any type.
            now: The time of the event, in seconds since 1970.
            window: The maximum age of a valid id, in seconds.
        """
        raw = _decoded(token)
        if not raw:
            return Refusal.MALFORMED
        if raw[0] != FORMAT:
            return Refusal.UNSUPPORTED
        parts = _split(raw)
        if parts is None:
            return Refusal.MALFORMED
        found = self._authenticated(parts)
        if isinstance(found, Refusal):
            return found
        age = now - found.at
        if age < -SKEW_SECONDS:
            return Refusal.FUTURE
        return Refusal.EXPIRED if age > window else found

    def _authenticated(self, parts: "_Parts") -> Recommendation | Refusal:
        key = next((key for key in self._keys if hmac.compare_digest(key.mac(parts.signed), parts.mac)), None)
        if key is None:
            return Refusal.FORGED
        labels = _unpacked_labels(parts.labels)
        if labels is None:
            return Refusal.MALFORMED
        bucket = parts.bucket if parts.bucket < BUCKETS else None
        ids = parts.span and (int.from_bytes(parts.span[:_TRACE_BYTES]), int.from_bytes(parts.span[_TRACE_BYTES:]))
        shown = Shown(*labels, bucket, ids or None)
        return Recommendation(shown, parts.at, parts.mac, parts.fingerprints, parts.positions, key.fingerprint)


class _Key:
    """The signing key and the fingerprint key, both derived from one secret."""

    __slots__ = ("_keyed_hash", "_signing_key")

    def __init__(self, secret: str) -> None:
        self._signing_key = hmac.digest(secret.encode(), b"otel-recmon recommendation id", "sha256")
        fingerprint_key = hmac.digest(secret.encode(), b"otel-recmon item", "sha256")
        self._keyed_hash = blake2b(digest_size=_FINGERPRINT_BYTES, key=fingerprint_key)

    def mac(self, signed: bytes) -> bytes:
        return hmac.digest(self._signing_key, signed, "sha256")[:_MAC_BYTES]

    def fingerprint(self, item: str) -> bytes:
        hashed = self._keyed_hash.copy()  # copied, so that the key is not hashed again for each item
        hashed.update(item.strip().encode(errors="surrogatepass"))
        return hashed.digest()


class _Parts(NamedTuple):
    """The fields of a recommendation id that is not verified yet."""

    bucket: int
    at: int
    labels: bytes
    span: bytes
    fingerprints: bytes
    positions: bytes
    signed: bytes
    """All bytes before the HMAC."""
    mac: bytes


def _head(flags: int, bucket: int | None, items: int, labels: int, at: int) -> bytes:
    if bucket is not None and not 0 <= bucket < BUCKETS:
        raise ValueError(f"a bucket must be a whole number from 0 to {BUCKETS - 1}, not {bucket!r}")
    if not 0 <= at < 1 << 32:
        raise ValueError(f"a time must be in seconds since 1970, not {at!r}")
    return _HEAD.pack(FORMAT, flags, _NO_BUCKET if bucket is None else bucket, items, labels, at, urandom(4))


def _span(trace_id: int, span_id: int) -> bytes:
    try:
        return trace_id.to_bytes(_TRACE_BYTES) + span_id.to_bytes(_SPAN_BYTES - _TRACE_BYTES)
    except OverflowError as error:
        raise ValueError("a trace id must have 16 bytes, a span id 8") from error


@lru_cache(1024)
def _packed_labels(*labels: str | None) -> bytes:
    packed = "\0".join(label or "" for label in labels).encode()
    if not labels[0] or packed.count(0) != len(labels) - 1 or len(packed) > _LONGEST // 2:
        raise ValueError(
            f"a slate must have a model version, and labels of at most {_LONGEST // 2} bytes in all without a zero byte"
        )
    return packed


@lru_cache(1024)
def _unpacked_labels(packed: bytes) -> tuple[str, str | None, str | None, str | None] | None:
    try:
        version, variant, surface, experiment = packed.decode().split("\0")
    except ValueError:
        return None
    return (version, variant or None, surface or None, experiment or None) if version else None


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(token: object) -> bytes | None:
    """Return the decoded bytes; None if ``token`` is not the text that ``_encoded`` returns for these bytes."""
    if not isinstance(token, str) or len(token) > _LONGEST:
        return None
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    return raw if _encoded(raw) == token else None


def _split(raw: bytes) -> _Parts | None:
    """Return the fields; None if their total length is not the length of ``raw``, as in a truncated id."""
    if len(raw) < _HEAD.size:
        return None
    _, flags, bucket, items, labels, at, _ = _HEAD.unpack_from(raw)
    span = _HEAD.size + labels
    fingerprints = span + (_SPAN_BYTES if flags & _WITH_SPAN else 0)
    positions = fingerprints + _FINGERPRINT_BYTES * items
    end = positions + (items if flags & _WITH_POSITIONS else 0)
    if end + _MAC_BYTES != len(raw):
        return None
    return _Parts(
        bucket,
        at,
        raw[_HEAD.size : span],
        raw[span:fingerprints],
        raw[fingerprints:positions],
        raw[positions:end],
        raw[:end],
        raw[end:],
    )
