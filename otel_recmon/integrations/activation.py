"""The start of the plugin. It checks the settings, creates the observer and hooks into FastAPI."""

import logging

from opentelemetry.metrics import MeterProvider

from otel_recmon.config import Problem, Settings
from otel_recmon.integrations.asgi import Switch
from otel_recmon.integrations.fastapi import Installation
from otel_recmon.reading.observer import Observer
from otel_recmon.reading.validation import checked
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.recorder import recorder

_logger = logging.getLogger("otel_recmon")


def activate(
    settings: Settings, problems: list[Problem], provider: MeterProvider | None
) -> tuple[Switch, Installation]:
    """Start watching. An invalid setting is logged and replaced by its default."""
    settings, more = checked(settings)
    for problem in [*problems, *more]:
        _logger.log(problem.level, "%s", problem)
    shared = recorder(provider)
    shared.configure(settings)
    switch = Switch()
    switch.turn_on(Observer(settings, Defaults(shared)))
    return switch, Installation(switch)
