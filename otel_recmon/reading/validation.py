"""The validation of the route patterns and expressions in the settings."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from otel_recmon.config import Problem, Settings, expected, variable
from otel_recmon.reading.expressions import PerRoute, field, source
from otel_recmon.reading.patterns import patterns
from otel_recmon.reading.reader import FIELDS, SOURCES

_ROUTES = ("routes", "click_routes", "conversion_routes", "impression_routes", "event_routes")


def checked(settings: Settings) -> tuple[Settings, list[Problem]]:
    """Return the settings without invalid patterns and expressions, and a problem for each invalid setting."""
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
