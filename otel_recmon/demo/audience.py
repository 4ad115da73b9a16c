"""The behaviour of the simulated users: the shares that arrive, click and buy."""

from dataclasses import dataclass
from typing import Final

_GOLDEN_RATIO: Final = 0.618_033_988_749_895
"""The fractional parts of its multiples are spread evenly, without a period that could coincide with the data's."""


@dataclass(frozen=True)
class Audience:
    """The shares of the logged requests, clicks and purchases that are kept, from 0 to 1."""

    arriving: float = 1.0
    clicking: float = 1.0
    buying: float = 1.0


AS_LOGGED: Final = Audience()
"""The behaviour in the log."""


def is_sampled(number: int, share: float) -> bool:
    """Return True for about the given share of all numbers, spread evenly over consecutive numbers."""
    return number * _GOLDEN_RATIO % 1 < share
