"""What is worth knowing of a recommender, each defined once: for its panel, its alert and its documentation."""

from typing import Final

from otel_recmon.artifacts.signals import experiments, http, quality, telemetry, traffic
from otel_recmon.artifacts.signals.kinds import Signal

_MODULES: Final = (traffic, http, quality, experiments, telemetry)
SIGNALS: Final = tuple(
    {found.name: found for module in _MODULES for found in vars(module).values() if isinstance(found, Signal)}.values()
)
"""All of them, in the order of the documentation."""
