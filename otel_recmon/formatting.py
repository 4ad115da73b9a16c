"""Formatting of numbers for people, with one function per kind of number. An unknown number becomes a dash."""

import math
from collections.abc import Callable
from typing import Final

UNKNOWN: Final = "-"
_MINUTE_S: Final = 60
_LONG_AGO: Final = (("days", 86_400), ("hours", 3_600), ("minutes", 60))


def count(value: float | None) -> str:
    """Return a number rounded to a whole number, such as ``1,234``."""
    return _known(value, lambda known: f"{known:,.0f}")


def number(value: float | None) -> str:
    """Return a number with at least three digits, such as ``2.96`` or ``1,235``."""
    return _known(value, _three_digits)


def fraction(value: float | None) -> str:
    """Return a number from 0 to 1 with three decimals."""
    return _known(value, lambda known: f"{known:.3f}")


def money(value: float | None, decimals: int = 2) -> str:
    """Return an amount without its currency, such as ``1,234.50``."""
    return _known(value, lambda known: f"{known:,.{decimals}f}")


def share(value: float | None) -> str:
    """Return a share (0 to 1) as a percentage with two decimals, such as ``5.57 %``. Use it in comparisons."""
    return _known(value, lambda known: f"{100 * known:.2f} %")


def short_share(value: float | None) -> str:
    """Return a share (0 to 1) as a percentage with three digits, such as ``33.2 %``. Use it if there is little room."""
    return percent(None if value is None else 100 * value)


def percent(value: float | None) -> str:
    """Return a percentage (0 to 100) with three digits, such as ``77.5 %``."""
    return _known(value, lambda known: f"{_three_digits(known)} %")


def interval(low: float | None, high: float | None) -> str:
    """Return an interval of shares (0 to 1) as percentages with two decimals, such as ``5.51-5.64 %``."""
    return UNKNOWN if UNKNOWN in (share(low), share(high)) else f"{share(low).removesuffix(' %')}-{share(high)}"


def short_interval(low: float | None, high: float | None) -> str:
    """Return an interval of shares (0 to 1) as percentages with three digits, such as ``1.31-4.36 %``."""
    if low is None or high is None:
        return UNKNOWN
    # Because of rounding, PromQL may return a lower bound of -1e-18 instead of 0.
    return f"{short_share(max(low, 0.0)).removesuffix(' %')}-{short_share(high)}"


def points(difference: float) -> str:
    """Return the absolute value of a difference of shares in percentage points: 0.0024 is ``0.24 points``."""
    return f"{100 * abs(difference):.2f} points"


def signed_interval(low: float, high: float) -> str:
    """Return an interval of differences of shares in percentage points: -0.0077 and 0.003 are ``-0.77 to +0.30``."""
    return f"{100 * low:+.2f} to {100 * high:+.2f}"


def latency(seconds: float | None) -> str:
    """Return a duration in milliseconds or seconds, such as ``9.5 ms``, ``153 ms`` or ``1.23 s``."""
    return _known(seconds, _latency)


def latency_between(low: float, high: float) -> str:
    """Return the bounds of a latency in seconds as text, such as ``10-50 ms``.

    With a lower bound of 0, the text is like ``< 10 ms``. With an infinite upper bound, the text is like ``> 5.00 s``.
    """
    if math.isinf(high):
        return f"> {latency(low)}"
    if not low:
        return f"< {latency(high)}"
    unit = latency(high).rpartition(" ")[2]
    return f"{latency(low).removesuffix(f' {unit}')}-{latency(high)}"


def age(hours: float | None) -> str:
    """Return the age of a model in hours, such as ``26.5 h``."""
    return _known(hours, lambda known: f"{known:,.1f} h")


def elapsed(seconds: float) -> str:
    """Return a duration, rounded to seconds, such as ``1 h 2 min 5 s``."""
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    hours, minutes = divmod(minutes, _MINUTE_S)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def long_ago(seconds: float) -> str:
    """Return a duration in the largest unit that gives a number of at least 2, such as ``3 days``; else in seconds."""
    for unit, length in _LONG_AGO:
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} seconds"


def _known(value: float | None, write: Callable[[float], str]) -> str:
    return UNKNOWN if value is None or math.isnan(value) else write(value)


def _three_digits(value: float) -> str:
    decimals = 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{decimals}f}"


def _latency(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:,.2f} s"
    return f"{1000 * seconds:.{0 if seconds >= 0.01 else 1}f} ms"
