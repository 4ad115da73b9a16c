"""Untrusted values made usable: finite numbers, positions, and the texts of ids and labels; None where that fails."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

LAST = 10
"""Positions that have a label of their own; 11+ and unknown follow."""
BEYOND, NOWHERE = LAST, LAST + 1
LONGEST_VALUE = 100
"""Characters of a label, or of an id in the event log."""
FURTHEST: Final = 10**9
"""The highest position that is logged as it is."""


def finite(value: Any) -> float | None:
    """Return a number of any type, such as one of numpy or a Decimal, as a finite float.

    None for anything else: a truth value, a text, NaN, an infinite number.
    """
    if isinstance(value, bool | str | bytes | bytearray):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def number(value: Any) -> float | None:
    """Return a number or its text, such as "2.5", as a finite float, or None."""
    if not isinstance(value, str):
        return finite(value)
    try:
        return finite(float(value))
    except ValueError:
        return None


def position(value: Any, base: int = 1) -> int | None:
    """Return a position, counted from 1, or None where it is unusable.

    Args:
        value: A whole number or its text.
        base: The position of the first item in the counting of ``value``: 0 or 1.
    """
    found = number(value)
    if found is None or not found.is_integer() or found < base:
        return None
    return min(int(found) + 1 - base, FURTHEST)


def place(value: Any, base: int = 1) -> int | None:
    """Return the index of a position's label in ``catalog.POSITIONS``; the arguments are those of ``position``."""
    found = position(value, base)
    return None if found is None else min(found - 1, BEYOND)


def scores(said: Iterable[Any], length: int) -> list[float | None] | None:
    """Return the scores, None for each that is unusable; None where their number is not that of the items."""
    found = [finite(score) for score in said]
    return found if found and len(found) == length else None


def kept(values: Any) -> Any:
    """Return values that can be iterated more than once; those of an array as Python's own."""
    if hasattr(values, "tolist"):
        return values.tolist()
    return list(values) if isinstance(values, Iterator) else values


def id_text(item: object) -> str:
    """Return the text of an id: the same for 7, "7" and 7.0, which pandas makes of 7 beside missing values."""
    return str(int(item) if isinstance(item, float) and item.is_integer() else item)


def text(item: object) -> str:
    """Return the text of an id for the event log: at most 100 characters, all of which UTF-8 can encode."""
    return id_text(item)[:LONGEST_VALUE].encode(errors="replace").decode()


def user_name(user: object) -> bytes | None:
    """Return the bytes of a user's id to hash, the same for 7 and "7"; None where the value is no id."""
    if user is None or isinstance(user, bool | Mapping | list | tuple | set):
        return None
    if isinstance(user, float) and not user.is_integer():  # NaN is what pandas calls missing
        return None
    return id_text(user).strip().encode(errors="replace") or None


def clean(value: object) -> str | None:
    """Return a value as a label: a text of 1 to 100 printable characters, or a number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        text = str(value).strip() if value == value else ""  # noqa: PLR0124 - NaN is what pandas calls missing
    except ValueError:  # a whole number of thousands of digits
        return None
    return text if 0 < len(text) <= LONGEST_VALUE and text.isprintable() else None
