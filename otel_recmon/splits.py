"""How the users of experiments are meant to be split between the arms."""

import math
from typing import NamedTuple

from otel_recmon.catalog import MAX_ARMS, OTHER
from otel_recmon.values import clean


class Split(NamedTuple):
    """The arms of an experiment, the control first, each with its share of the users; the shares add up to 1."""

    experiment: str | None
    """None for the experiment that is configured."""
    shares: tuple[tuple[str, float], ...]


def splits(text: str) -> tuple[Split, ...]:
    """Return the splits of ``arm=weight,arm=weight; experiment => arm=weight,arm=weight``; weights are above 0.

    Raises:
        ValueError: If the text is not of that form, an experiment stands twice, or there are too many arms to count.
    """
    found = tuple(_split(part) for part in text.split(";") if part.strip())
    arms = sum(len(split.shares) for split in found)
    if not found or len({split.experiment for split in found}) < len(found) or arms >= MAX_ARMS:
        raise ValueError(text)
    return found


def _split(text: str) -> Split:
    name, arrow, arms = text.rpartition("=>")
    weights = dict(map(_weight, arms.split(",")))
    if len(weights) < max(2, len(arms.split(","))):
        raise ValueError(text)
    total = sum(weights.values())
    if not math.isfinite(total):
        raise ValueError(text)
    return Split(_name(name) if arrow else None, tuple((arm, weight / total) for arm, weight in weights.items()))


def _weight(text: str) -> tuple[str, float]:
    arm, _, said = text.rpartition("=")
    weight = float(said)
    if not 0 < weight < math.inf:
        raise ValueError(text)
    return _name(arm), weight


def _name(text: str) -> str:
    name = clean(text)
    if name is None or name == OTHER:
        raise ValueError(text)
    return name
