"""Parsers of the values of environment variables.

Each function parses a text and returns its value. All functions raise ValueError or KeyError for an unusable text.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from otel_recmon.attribution import SHORTEST_KEY
from otel_recmon.catalog import MAX_ARMS, OTHER, REGISTERS
from otel_recmon.values import finite, label_text, number


def boolean(text: str) -> bool:
    """Parse a boolean: true, 1, yes, on, false, 0, no or off, in upper or lower case."""
    return {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}[
        text.lower()
    ]


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def several(text: str) -> int:
    """Parse a whole number of at least 2."""
    number = int(text)
    if number < 2:
        raise ValueError(text)
    return number


def zero_or_one(text: str) -> int:
    """Parse 0 or 1."""
    return {"0": 0, "1": 1}[text]


def seconds(text: str) -> float:
    """Parse a finite number of seconds above 0."""
    return _above_0(text)


def seconds_from_0(text: str) -> float:
    """Parse a finite number of seconds of at least 0."""
    found = _finite(text)
    if found < 0:
        raise ValueError(text)
    return found


def moment(text: str) -> float:
    """Parse an ISO 8601 time (UTC if the text names no time zone) or seconds since 1970. Return seconds since 1970."""
    try:
        moment = float(text)
    except ValueError:
        parsed = datetime.fromisoformat(text)
        moment = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    if not (0 < moment < 1e11):  # larger numbers are milliseconds: 1e11 seconds end in the year 5138
        raise ValueError(text)
    return moment


def buckets(text: str) -> tuple[float, ...]:
    """Parse the finite, increasing bucket bounds of a histogram, separated by commas."""
    bounds = tuple(map(_finite, text.split(",")))
    if list(bounds) != sorted(set(bounds)):
        raise ValueError(text)
    return bounds


def registers(text: str) -> int:
    """Parse a number of sketch registers: 0, or a power of two from 16 to 512."""
    number = int(text)
    if number and not (16 <= number <= len(REGISTERS) and number.bit_count() == 1):
        raise ValueError(text)
    return number


def label(text: str) -> str:
    """Parse a label value: printable text of at most 100 characters."""
    if label_text(text) is None:
        raise ValueError(text)
    return text


def key(text: str) -> str:
    """Parse a secret key of at least 16 characters."""
    if len(text) < SHORTEST_KEY:
        raise ValueError  # without the text, which is secret
    return text


def keys(text: str) -> tuple[str, ...]:
    """Parse secret keys, separated by commas."""
    return tuple(key(part.strip()) for part in text.split(","))


def path(text: str) -> str:
    """Parse the path of a URL, which starts with a slash."""
    if not text.startswith("/"):
        raise ValueError(text)
    return text


class Split(NamedTuple):
    """The planned split of an experiment: the share of users of each arm, 1 in total. The control is the first arm."""

    experiment: str | None
    """The name of the experiment; None for the experiment in OTEL_RECMON_EXPERIMENT."""
    shares: tuple[tuple[str, float], ...]


def splits(text: str) -> tuple[Split, ...]:
    """Parse splits such as ``arm=weight,arm=weight; experiment => arm=weight,arm=weight``. Weights are above 0.

    Raises:
        ValueError: If the text has another form, names an experiment twice, or has MAX_ARMS arms or more.
    """
    found = tuple(_split(part) for part in text.split(";") if part.strip())
    arms = sum(len(split.shares) for split in found)
    if not found or len({split.experiment for split in found}) < len(found) or arms >= MAX_ARMS:
        raise ValueError(text)
    return found


def event_kinds(text: str) -> tuple[tuple[str, str], ...]:
    """Parse pairs such as ``hit=click,deal=conversion``: the kind that an event states, and what it counts as."""
    pairs = [part.rpartition("=") for part in text.split(",") if part.strip()]
    if not pairs:
        raise ValueError(text)
    return tuple((_name(kind), _name(event)) for kind, _, event in pairs)


def _split(text: str) -> Split:
    name, arrow, arms = text.rpartition("=>")
    weights = dict(map(_weight, arms.split(",")))
    if len(weights) < max(2, len(arms.split(","))):
        raise ValueError(text)
    total = sum(weights.values())
    if finite(total) is None:
        raise ValueError(text)
    return Split(_name(name) if arrow else None, tuple((arm, weight / total) for arm, weight in weights.items()))


def _weight(text: str) -> tuple[str, float]:
    arm, _, share = text.rpartition("=")
    return _name(arm), _above_0(share)


def _name(text: str) -> str:
    name = label_text(text)
    if name is None or name == OTHER:
        raise ValueError(text)
    return name


def _finite(text: str) -> float:
    found = number(text)
    if found is None:
        raise ValueError(text)
    return found


def _above_0(text: str) -> float:
    found = _finite(text)
    if found <= 0:
        raise ValueError(text)
    return found
