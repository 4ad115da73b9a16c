"""All signals and alerts, with the default settings."""

from collections.abc import Iterator
from typing import Final

from otel_recmon.artifacts.alerts.definitions import alerts
from otel_recmon.artifacts.settings.thresholds import Config, load
from otel_recmon.artifacts.signals import arms, attribution, experiments, fleet, http, quality, telemetry, traffic
from otel_recmon.artifacts.signals.kinds import Signal

SHIPPED: Final = load()
MODULES: Final = (traffic, attribution, http, quality, fleet, experiments, arms, telemetry)


def signals(config: Config) -> Iterator[Signal]:
    """All signals, some of them more than once: those of the modules, and those that depend on settings."""
    for module in MODULES:
        yield from (found for found in vars(module).values() if isinstance(found, Signal))
    for judged in arms.JUDGED:
        yield judged.value
        yield from (make(config.experiments) for make in (judged.low, judged.high, judged.evidence))
    yield from (make(config.general.objective) for make in (traffic.burn_rate, traffic.budget_left))


ALERTS: Final = alerts(SHIPPED)
SIGNALS: Final = tuple(dict.fromkeys(signals(SHIPPED)))
BURN_RATE: Final = traffic.burn_rate(SHIPPED.general.objective)
