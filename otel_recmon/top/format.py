"""Formats of figures at a terminal: three significant digits, and a dash for an unknown value."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

Write = Callable[[float | None], str]
NOTHING: Final = "-"
SPARKS: Final = "▁▂▃▄▅▆▇█"
_MINUTE_S: Final = 60


def _digits(value: float) -> str:
    """Format a number with two decimals below 10, one below 100 and none from 100."""
    decimals = 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{decimals}f}"


def number(value: float | None) -> str:
    """Format a number."""
    return NOTHING if value is None else _digits(value)


def whole(value: float | None) -> str:
    """Format a count."""
    return NOTHING if value is None else f"{value:,.0f}"


def money(value: float | None) -> str:
    """Format an amount of money, without its currency."""
    return NOTHING if value is None else f"{value:,.2f}"


def share(value: float | None) -> str:
    """Format a share from 0 to 1 as a percentage."""
    return NOTHING if value is None else f"{_digits(100 * value)} %"


def percent(value: float | None) -> str:
    """Format a percentage from 0 to 100."""
    return NOTHING if value is None else f"{_digits(value)} %"


def between(low: float | None, high: float | None) -> str:
    """Format an interval of shares from 0 to 1 as percentages. A bound below 0 becomes 0."""
    return NOTHING if low is None or high is None else f"{_digits(100 * max(low, 0.0))}-{_digits(100 * high)} %"


def latency(value: float | None) -> str:
    """Format a number of seconds in seconds or, below 1 s, in milliseconds."""
    if value is None:
        return NOTHING
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.0f} ms" if value >= 0.01 else f"{1000 * value:.1f} ms"


def age(value: float | None) -> str:
    """Format a number of hours."""
    return NOTHING if value is None else f"{value:.1f} h"


def fraction(value: float | None) -> str:
    """Format a number from 0 to 1 with three decimals."""
    return NOTHING if value is None else f"{value:.3f}"


def time(seconds: float) -> str:
    """Format a number of seconds in hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    hours, minutes = divmod(minutes, _MINUTE_S)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def clock(at: float) -> str:
    """Format a time, in seconds since 1970, as the local time of day."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def printable(text: str) -> str:
    """Replace control characters, so that a label value from outside cannot send commands to the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def spark(values: Sequence[float], width: int) -> str:
    """Draw the newest ``width`` values as bars relative to the highest value, with a gap for NaN."""
    shown = values[-width:]
    highest = max((value for value in shown if not math.isnan(value)), default=0.0) or 1.0
    top = len(SPARKS) - 1
    return "".join(" " if math.isnan(value) else SPARKS[round(top * max(0.0, value) / highest)] for value in shown)


def cells(shares: Mapping[str, float], width: int) -> dict[str, int]:
    """Distribute ``width`` cells by shares. Each share above 0 gets at least one cell, taken from the largest."""
    found = {name: max(1, round(width * share)) for name, share in shares.items() if share > 0}
    while sum(found.values()) != width and found:
        largest = max(found, key=lambda name: found[name])
        found[largest] += 1 if sum(found.values()) < width else -1
    return found
