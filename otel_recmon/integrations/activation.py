"""Switches the plugin on: checked settings, one observer, the watch in FastAPI."""

import logging

from opentelemetry.metrics import MeterProvider

from otel_recmon.config import Problem, Settings
from otel_recmon.integrations.asgi import Host
from otel_recmon.integrations.fastapi import Installation
from otel_recmon.reading.observer import Observer
from otel_recmon.reading.validation import checked
from otel_recmon.recording.collector import MetricsCollector
from otel_recmon.recording.recorder import recorder

_logger = logging.getLogger("otel_recmon")


def activate(settings: Settings, problems: list[Problem], provider: MeterProvider | None) -> tuple[Host, Installation]:
    """Start watching; what is wrong with the settings is logged and falls back to its default."""
    settings, more = checked(settings)
    for problem in [*problems, *more]:
        _logger.error("%s", problem)
    shared = recorder(provider)
    shared.configure(settings)
    host = Host()
    host.switch_on(Observer(settings, MetricsCollector(meter_provider=provider)))
    return host, Installation(host)
