"""How figures are written at a terminal: short, with three digits that count, and a dash for what nobody knows."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

Write = Callable[[float | None], str]
NOTHING: Final = "-"
SPARKS: Final = "▁▂▃▄▅▆▇█"
_MINUTE_S: Final = 60


def _digits(value: float) -> str:
    """Write a number with the decimals that its size leaves room for."""
    decimals = 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{decimals}f}"


def number(value: float | None) -> str:
    """Write a number."""
    return NOTHING if value is None else _digits(value)


def whole(value: float | None) -> str:
    """Write a count."""
    return NOTHING if value is None else f"{value:,.0f}"


def money(value: float | None) -> str:
    """Write an amount of the one currency that the service is configured with."""
    return NOTHING if value is None else f"{value:,.2f}"


def share(value: float | None) -> str:
    """Write a share in percent."""
    return NOTHING if value is None else f"{_digits(100 * value)} %"


def percent(value: float | None) -> str:
    """Write a number of percent."""
    return NOTHING if value is None else f"{_digits(value)} %"


def between(low: float | None, high: float | None) -> str:
    """Write an interval of shares in percent."""
    return NOTHING if low is None or high is None else f"{_digits(100 * max(low, 0.0))}-{_digits(100 * high)} %"


def latency(value: float | None) -> str:
    """Write seconds as what takes so long is thought of."""
    if value is None:
        return NOTHING
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.0f} ms" if value >= 0.01 else f"{1000 * value:.1f} ms"


def age(value: float | None) -> str:
    """Write hours."""
    return NOTHING if value is None else f"{value:.1f} h"


def fraction(value: float | None) -> str:
    """Write a number from 0 to 1."""
    return NOTHING if value is None else f"{value:.3f}"


def time(seconds: float) -> str:
    """Write how long something takes."""
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    hours, minutes = divmod(minutes, _MINUTE_S)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def clock(at: float) -> str:
    """Write a moment, in seconds since 1970, as the clock on the wall shows it."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def printable(text: str) -> str:
    """Write what others chose, such as the name of a model version, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def spark(values: Sequence[float], width: int) -> str:
    """Draw the newest values as bars, the highest being full; a gap where nothing is known."""
    shown = values[-width:]
    highest = max((value for value in shown if not math.isnan(value)), default=0.0) or 1.0
    top = len(SPARKS) - 1
    return "".join(" " if math.isnan(value) else SPARKS[round(top * max(0.0, value) / highest)] for value in shown)


def cells(shares: Mapping[str, float], width: int) -> dict[str, int]:
    """Share out so many cells; whatever there is gets one at least, from those who have most."""
    found = {name: max(1, round(width * share)) for name, share in shares.items() if share > 0}
    while sum(found.values()) != width and found:
        largest = max(found, key=lambda name: found[name])
        found[largest] += 1 if sum(found.values()) < width else -1
    return found
