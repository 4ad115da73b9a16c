"""Switches the plugin on: checked settings, one observer, the watch in FastAPI."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from opentelemetry.metrics import MeterProvider

from otel_recmon.collector import MetricsCollector
from otel_recmon.config import Problem, Settings, expected, variable
from otel_recmon.expressions import PerRoute, field, source
from otel_recmon.integrations.asgi import Host
from otel_recmon.integrations.fastapi import Installation
from otel_recmon.observer import Observer
from otel_recmon.readers import FIELDS, SOURCES
from otel_recmon.recorder import recorder
from otel_recmon.routes import patterns

_logger = logging.getLogger("otel_recmon")
_ROUTES = ("routes", "click_routes", "conversion_routes", "impression_routes")


def activate(settings: Settings, problems: list[Problem], provider: MeterProvider | None) -> tuple[Host, Installation]:
    """Start watching; what is wrong with the settings is logged and falls back to its default."""
    settings, more = checked(settings)
    for problem in [*problems, *more]:
        _logger.error("%s", problem)
    shared = recorder(provider)
    shared.configure(settings)
    host = Host()
    host.observer = Observer(settings, MetricsCollector(meter_provider=provider))
    return host, Installation(host)


def checked(settings: Settings) -> tuple[Settings, list[Problem]]:
    """Return the settings without the patterns and expressions that cannot be read, and what is wrong with those."""
    checks: dict[str, Callable[[str], object]] = dict.fromkeys(_ROUTES, patterns)
    checks.update(dict.fromkeys(SOURCES, lambda text: PerRoute.of(text, source)))
    checks.update(dict.fromkeys(FIELDS, lambda text: PerRoute.of(text, field)))
    problems = []
    wrong: dict[str, Any] = {}
    for name, check in checks.items():
        text = getattr(settings, name)
        try:
            if text:
                check(text)
        except ValueError:
            problems.append(Problem(variable(name), text, expected(name), "using the default"))
            wrong[name] = None
    return replace(settings, **wrong), problems
