"""The signals and alerts that are defined, with the settings that the package ships."""

from collections.abc import Iterator
from typing import Final

from otel_recmon.artifacts.alerts.definitions import alerts
from otel_recmon.artifacts.settings.thresholds import Config, load
from otel_recmon.artifacts.signals import arms, attribution, experiments, fleet, http, quality, telemetry, traffic
from otel_recmon.artifacts.signals.kinds import Signal

SHIPPED: Final = load()
MODULES: Final = (traffic, attribution, http, quality, fleet, experiments, arms, telemetry)


def signals(config: Config) -> Iterator[Signal]:
    """Those that are the same for all settings, some of them more than once, and those that settings make."""
    for module in MODULES:
        yield from (found for found in vars(module).values() if isinstance(found, Signal))
    for judged in arms.JUDGED:
        yield judged.value
        yield from (make(config.experiments) for make in (judged.low, judged.high, judged.evidence))
    yield from (make(config.general.objective) for make in (traffic.burn_rate, traffic.budget_left))


ALERTS: Final = alerts(SHIPPED)
SIGNALS: Final = tuple(dict.fromkeys(signals(SHIPPED)))
BURN_RATE: Final = traffic.burn_rate(SHIPPED.general.objective)
