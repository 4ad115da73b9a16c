"""The behaviour of the simulated users: the shares of the requests, clicks and purchases in the data that they make."""

from dataclasses import dataclass
from typing import Final

_GOLDEN_RATIO: Final = 0.618_033_988_749_895
"""The golden ratio minus 1. The fractional parts of its multiples are spread evenly from 0 to 1, without a period.

So the choice of the events that the driver sends cannot follow a periodic pattern in the data.
"""


@dataclass(frozen=True)
class Audience:
    """The shares (0 to 1) of the logged requests, logged clicks and simulated purchases that the driver sends."""

    arriving: float = 1.0
    clicking: float = 1.0
    buying: float = 1.0


AS_LOGGED: Final = Audience()
"""The behaviour of the logged users: the driver sends all requests, clicks and purchases."""


def is_sampled(number: int, share: float) -> bool:
    """Return True for about ``share`` (0 to 1) of all event numbers. The selected numbers are spread evenly."""
    return number * _GOLDEN_RATIO % 1 < share
