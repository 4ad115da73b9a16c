"""Normalisation of untrusted values: numbers, positions, scores, label values and ids."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

LAST_POSITION = 10
"""The highest position that has its own value of the label ``position``."""
BEYOND_INDEX, UNKNOWN_INDEX = LAST_POSITION, LAST_POSITION + 1
"""The indexes of the label values ``11+`` and ``unknown`` in ``catalog.POSITIONS``."""
LONGEST_VALUE = 100
"""The maximum number of characters of a label value, and of an id in the event log."""
FURTHEST: Final = 10**9
"""The highest position in the event log. A higher position is logged as this number."""


def finite(value: Any) -> float | None:
    """Return a number of any type, such as a numpy number or a Decimal, as a finite float.

    Return None for anything else, such as a bool, a text, NaN or an infinite number.
    """
    if isinstance(value, bool | str | bytes | bytearray):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def is_finite(value: object) -> bool:
    """Return whether a value is a finite int or float. A bool does not count as an int."""
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
    """Return a position as a whole number from 1 to 10**9; None if the position is unusable.

    Args:
        value: A whole number, or a text that contains a whole number.
        base: The number of the first position, 0 or 1.
    """
    found = number(value)
    if found is None or not found.is_integer() or found < base:
        return None
    return min(int(found) + 1 - base, FURTHEST)


def position_index(value: Any, base: int = 1) -> int | None:
    """Return the index of a position's label value in ``catalog.POSITIONS``; None if the position is unusable.

    The arguments are those of ``position``.
    """
    found = position(value, base)
    return None if found is None else min(found - 1, BEYOND_INDEX)


def scores(given: Iterable[Any], length: int) -> list[float | None] | None:
    """Return the scores, with None in place of each unusable score.

    If there is not exactly one score per item, return None: the scores could belong to other items.
    """
    found = [finite(score) for score in given]
    return found if found and len(found) == length else None


def reusable(values: Any) -> Any:
    """Return values that can be iterated several times. An iterator or numpy array becomes a list of Python values."""
    if hasattr(values, "tolist"):
        return values.tolist()
    return list(values) if isinstance(values, Iterator) else values


def id_text(item: object) -> str:
    """Return the text of an id. 7, "7" and 7.0 (7 in a pandas column with missing values) have the same text."""
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
