"""What an attribute of a log event may hold: short texts and numbers that every exporter can take."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

LAST = 10
"""Positions that have a label of their own; 11+ and unknown follow."""
BEYOND, NOWHERE = LAST, LAST + 1
LONGEST_VALUE = 100
FURTHEST: Final = 10**9
"""The highest position that is logged as it is."""


def kept(values: Any) -> Any:
    """Return values that can be gone through more than once; those of an array as Python's own."""
    if hasattr(values, "tolist"):
        return values.tolist()
    return list(values) if isinstance(values, Iterator) else values


def text(item: object) -> str:
    """Return an id as a text of at most 100 characters, without what UTF-8 cannot hold."""
    return str(item)[:LONGEST_VALUE].encode(errors="replace").decode()


def position(said: Any) -> int | None:
    """Return a position from 1, or None where it is unusable."""
    index = place(said)
    if index is None or index < BEYOND:
        return None if index is None else index + 1
    return min(int(float(said)), FURTHEST)


def user_name(user: object) -> bytes | None:
    """Return what a user's id is hashed from, the same for 7 and "7"; None where there is no id."""
    if isinstance(user, float) and user.is_integer():  # what pandas makes of whole numbers
        user = int(user)
    if user is None or isinstance(user, bool | float | Mapping | list | tuple | set):
        return None
    return str(user).strip().encode(errors="replace") or None


def scores(said: Iterable[Any], length: int) -> list[float | None] | None:
    """Return the scores, unusable ones as None, where there is one for each item: of fewer none is sure whose."""
    found = [_score(score) for score in said]
    return found if found and len(found) == length else None


def _score(score: Any) -> float | None:
    try:
        return float(score) if math.isfinite(score) else None
    except (TypeError, OverflowError):
        return None


def place(position: object, base: int = 1) -> int | None:
    """Return the index of a position's label in ``catalog.POSITIONS``, or None where it is unusable.

    ``position`` is a whole number or its text, counted from ``base`` (0 or 1).
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
    """Return a value as a label, or None where it cannot be one: only short text and numbers can."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        text = str(value).strip() if value == value else ""  # noqa: PLR0124 - NaN is what pandas calls missing
    except ValueError:  # a whole number of thousands of digits
        return None
    return text if 0 < len(text) <= LONGEST_VALUE and text.isprintable() else None


def is_finite(value: object) -> bool:
    """Return whether a value is a finite number; a bool is none."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def number(value: Any) -> float | None:
    """Return a number or its text as a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
