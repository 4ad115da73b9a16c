"""Normalisation of untrusted values: numbers, positions, scores, label values and ids."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

LAST_POSITION = 10
"""The last position with a label value of its own."""
BEYOND_INDEX, UNKNOWN_INDEX = LAST_POSITION, LAST_POSITION + 1
"""The indexes of the label values ``11+`` and ``unknown`` in ``catalog.POSITIONS``."""
LONGEST_VALUE = 100
"""The largest number of characters of a label value or of an id in the event log."""
FURTHEST: Final = 10**9
"""The highest position in the event log; higher ones become this one."""


def finite(value: Any) -> float | None:
    """Return a number of any type, such as one of numpy or a Decimal, as a finite float.

    None for anything else: a bool, a text, NaN, an infinite number.
    """
    if isinstance(value, bool | str | bytes | bytearray):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def is_finite(value: object) -> bool:
    """Return whether a value is a finite int or float; a bool is none."""
    return isinstance(value, int | float) and finite(value) is not None


def number(value: Any) -> float | None:
    """Return a number, or the number in a text, as a finite float; None for other values."""
    if not isinstance(value, str):
        return finite(value)
    try:
        return finite(float(value))
    except ValueError:
        return None


def position(value: Any, base: int = 1) -> int | None:
    """Return a 1-based position, at most 10**9; None if it is unusable.

    Args:
        value: A whole number, or its text.
        base: The number of the first position, 0 or 1.
    """
    found = number(value)
    if found is None or not found.is_integer() or found < base:
        return None
    return min(int(found) + 1 - base, FURTHEST)


def position_index(value: Any, base: int = 1) -> int | None:
    """Return the index of the label value of a position in ``catalog.POSITIONS``; None if it is unusable.

    The arguments are those of ``position``.
    """
    found = position(value, base)
    return None if found is None else min(found - 1, BEYOND_INDEX)


def scores(given: Iterable[Any], length: int) -> list[float | None] | None:
    """Return the scores, with None for an unusable one.

    None if there is not exactly one score per item, because the scores could then belong to other items.
    """
    found = [finite(score) for score in given]
    return found if found and len(found) == length else None


def reusable(values: Any) -> Any:
    """Return values that can be iterated several times: the list of an iterator, Python values of a numpy array."""
    if hasattr(values, "tolist"):
        return values.tolist()
    return list(values) if isinstance(values, Iterator) else values


def id_text(item: object) -> str:
    """Return the text of an id. 7, "7" and 7.0 (the form of 7 in a pandas column with gaps) have the same text."""
    return str(int(item) if isinstance(item, float) and item.is_integer() else item)


def short_id(item: object) -> str:
    """Return an id as a text of at most 100 characters. Lone surrogates, which UTF-8 cannot encode, become ``?``."""
    return id_text(item)[:LONGEST_VALUE].encode(errors="replace").decode()


def user_bytes(user: object) -> bytes | None:
    """Return the bytes to hash for a user id; None for a value that is not an id. 7 and "7" have the same bytes."""
    if user is None or isinstance(user, bool | Mapping | list | tuple | set):
        return None
    if isinstance(user, float) and not user.is_integer():  # pandas marks a missing value by NaN
        return None
    return id_text(user).strip().encode(errors="replace") or None


def label_text(value: object) -> str | None:
    """Return a label value: printable text of 1 to 100 characters, or the text of a number. None for other values."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        text = str(value).strip() if value == value else ""  # noqa: PLR0124 - pandas marks a missing value by NaN
    except ValueError:  # Python refuses to convert a whole number of more than 4,300 digits
        return None
    return text if 0 < len(text) <= LONGEST_VALUE and text.isprintable() else None
