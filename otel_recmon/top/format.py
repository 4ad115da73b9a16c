"""Texts and bars at a terminal."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

SPARKS: Final = "▁▂▃▄▅▆▇█"


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
    """Distribute ``width`` cells in proportion to the shares. Every share above 0 gets at least one cell.

    The largest share absorbs the rounding.
    """
    found = {name: max(1, round(width * share)) for name, share in shares.items() if share > 0}
    while sum(found.values()) != width and found:
        largest = max(found, key=lambda name: found[name])
        found[largest] += 1 if sum(found.values()) < width else -1
    return found
