"""What is worth knowing of a recommender, each defined once: for its panel, its alert and its documentation."""

from typing import Final

from otel_recmon.artifacts.signals import quality, telemetry, traffic
from otel_recmon.artifacts.signals.kinds import Signal

SIGNALS: Final = tuple(
    found for module in (traffic, quality, telemetry) for found in vars(module).values() if isinstance(found, Signal)
)
"""All of them, in the order of the documentation."""
