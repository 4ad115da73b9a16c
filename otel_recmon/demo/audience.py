"""The people whom the driver stands for: how many come, and what they do with what they are shown."""

from dataclasses import dataclass
from typing import Final

_GOLDEN: Final = 0.618_033_988_749_895
"""Its multiples, without their whole part, are spread evenly, and in step with nothing."""


@dataclass(frozen=True)
class Audience:
    """The shares that are left of the requests, of the clicks and of the purchases; 1 is all of them."""

    arriving: float = 1.0
    clicking: float = 1.0
    buying: float = 1.0


EVERYBODY: Final = Audience()
"""Who behaves as was logged."""


def among(number: int, share: float) -> bool:
    """Say whether what has a number is among a share of all; of any few numbers in a row, about that share is."""
    return number * _GOLDEN % 1 < share
