"""How often the floor of the click-through rate alarms for nothing, and how soon for good reason: as simulated."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Simulated:
    """What a simulation of CtrLow found; a test repeats it.

    Attributes:
        draws: Simulated months, and simulated drops.
        false_alarms: Alarms a month at a true rate of 1.2 times the threshold.
        detected: Share of services that begin at 0.7 times the threshold and are noticed within two hours.
        detected_after: The same for those that were at 1.2 times the threshold before.
    """

    draws: int
    false_alarms: float
    detected: float
    detected_after: float

    def words(self) -> dict[str, int | str]:
        """Return the figures as the documentation gives them."""
        return {
            "draws": self.draws,
            "false_alarms": f"{self.false_alarms:g}",
            "detected": f"{self.detected:.1%}",
            "detected_after": f"{self.detected_after:.1%}",
        }


CTR_LOW: Final = Simulated(draws=1000, false_alarms=0.0, detected=1.0, detected_after=1.0)
