"""Texts and bars for a terminal."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

SPARKS: Final = "▁▂▃▄▅▆▇█"


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
