"""Normalisation of untrusted values: numbers, positions, scores, label values and ids."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

LAST = 10
"""The last position with its own label value; the values ``11+`` and ``unknown`` follow."""
BEYOND, NOWHERE = LAST, LAST + 1
LONGEST_VALUE = 100
"""The largest number of characters of a label value or of an id in the event log."""
FURTHEST: Final = 10**9
"""The highest position in the event log; higher ones become this one."""


def kept(values: Any) -> Any:
    """Return values that can be iterated several times: the list of an iterator, Python values of a numpy array."""
    if hasattr(values, "tolist"):
        return values.tolist()
    return list(values) if isinstance(values, Iterator) else values


def text(item: object) -> str:
    """Return an id as a text of at most 100 characters. Lone surrogates, which UTF-8 cannot encode, become ``?``."""
    return str(item)[:LONGEST_VALUE].encode(errors="replace").decode()


def position(said: Any) -> int | None:
    """Return a 1-based position, at most 10**9; None if it is unusable."""
    index = place(said)
    if index is None or index < BEYOND:
        return None if index is None else index + 1
    return min(int(float(said)), FURTHEST)


def user_name(user: object) -> bytes | None:
    """Return the bytes to hash for a user id; None for a value that is not an id. 7 and "7" have the same bytes."""
    if isinstance(user, float) and user.is_integer():  # pandas turns whole numbers into floats
        user = int(user)
    if user is None or isinstance(user, bool | float | Mapping | list | tuple | set):
        return None
    return str(user).strip().encode(errors="replace") or None


def scores(said: Iterable[Any], length: int) -> list[float | None] | None:
    """Return the scores, with None for an unusable one.

    None if there is not exactly one score per item, because the scores could then belong to other items.
    """
    found = [_score(score) for score in said]
    return found if found and len(found) == length else None


def _score(score: Any) -> float | None:
    try:
        return float(score) if math.isfinite(score) else None
    except (TypeError, OverflowError):
        return None


def place(position: object, base: int = 1) -> int | None:
    """Return the index of the label value of a position in ``catalog.POSITIONS``; None if it is unusable.

    Args:
        position: A whole number, or its text.
        base: The number of the first position, 0 or 1.
    """
    if isinstance(position, bool) or not isinstance(position, int | float | str):
        return None
    try:
        number = float(position)
    except (ValueError, OverflowError):
        return None
    number = number + 1 - base
    if not number.is_integer() or number < 1:
        return None
    return min(int(number) - 1, BEYOND)


def clean(value: object) -> str | None:
    """Return a label value: printable text of 1 to 100 characters, or the text of a number. None for other values."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        text = str(value).strip() if value == value else ""  # noqa: PLR0124 - pandas marks a missing value by NaN
    except ValueError:  # Python refuses to convert a whole number of more than 4,300 digits
        return None
    return text if 0 < len(text) <= LONGEST_VALUE and text.isprintable() else None


def is_finite(value: object) -> bool:
    """Return whether a value is a finite number; a bool is none."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def number(value: Any) -> float | None:
    """Return a number, or the number in a text, as a finite float; None for other values."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
