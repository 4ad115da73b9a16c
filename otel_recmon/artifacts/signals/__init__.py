"""What is worth knowing of a recommender, each defined once: for its panel, its alert and its documentation."""

from typing import Final

from otel_recmon.artifacts.signals import arms, attribution, experiments, fleet, http, quality, telemetry, traffic
from otel_recmon.artifacts.signals.kinds import Signal

_MODULES: Final = (traffic, attribution, http, quality, fleet, experiments, arms, telemetry)
_ALONE: Final = tuple(found for module in _MODULES for found in vars(module).values() if isinstance(found, Signal))
_JUDGED: Final = tuple(signal for judged in arms.JUDGED for signal in judged.signals)
SIGNALS: Final = tuple({found.name: found for found in (*_ALONE, *_JUDGED)}.values())
"""All of them, in the order of the documentation."""
