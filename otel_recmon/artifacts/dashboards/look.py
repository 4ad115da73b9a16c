"""How values look on every page: colours by meaning, and the limits of the alerts."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.artifacts.alerts.definitions import rules as rules_with
from otel_recmon.artifacts.alerts.rule import AlertRule, Comparison
from otel_recmon.artifacts.settings.thresholds import in_force
from otel_recmon.artifacts.signals.kinds import Signal, Unit

GOOD, WARNING, BAD, NEUTRAL, PAST = "green", "orange", "red", "text", "#8e8e8e"
_SEVERITIES: Final = {"warning": WARNING, "critical": BAD}
COLOURS: Final = {
    catalog.SUCCESS: GOOD,
    catalog.ERROR: BAD,
    catalog.REJECTED: "yellow",
    catalog.SERVED: GOOD,
    catalog.PARTIAL: "blue",
    catalog.FALLBACK: WARNING,
    catalog.EMPTY: "purple",
    catalog.UNRECOGNIZED: PAST,
}
"""Of statuses and outcomes; everything else, such as a variant, has one that follows from its name."""
BY_NAME: Final = {"mode": "palette-classic-by-name"}
_LOW: Final = (Comparison.BELOW, Comparison.AT_MOST)


def limits(signal: Signal, rules: Iterable[AlertRule] | None = None) -> list[AlertRule]:
    """Return the alerts that are on and compare the signal's own value with their threshold, the lowest first.

    Args:
        signal: What they look at.
        rules: All alerts; by default those with the settings in force.
    """
    found = [
        rule
        for rule in (rules_with(in_force()) if rules is None else rules)
        if rule.alert.signal.name == signal.name
        and rule.tuning.enabled
        and rule.severity in _SEVERITIES
        and not rule.alert.against
    ]
    return sorted(found, key=lambda rule: rule.threshold)


def thresholds(signal: Signal) -> dict[str, Any]:
    """Return the steps of colour that the alerts of a signal make; one of no meaning where it has none."""
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in steps(limits(signal))]}


def steps(rules: Sequence[AlertRule]) -> list[tuple[float | None, str]]:
    """Return the colours that the limits of a signal make, each with the value from which on it holds."""
    if not rules:
        return [(None, NEUTRAL)]
    colours = [_SEVERITIES[rule.severity] for rule in rules]
    found: dict[float | None, str] = {None: GOOD}
    if rules[0].alert.comparison in _LOW:
        found = dict(zip([None, *(rule.threshold for rule in rules)], [*colours, GOOD], strict=True))
    else:
        found |= dict(zip(map(_from, rules), colours, strict=True))
    return list(found.items())


def _from(rule: AlertRule) -> float:
    """Return where the colour begins: a step holds from its value on, so above 0 begins a little later."""
    return rule.threshold or 1e-9


def override(name: str, **properties: Any) -> dict[str, Any]:
    """Return the properties of the one series of a name; `__` in a property's name stands for a dot."""
    listed = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": listed}


def fixed(colour: str) -> dict[str, str]:
    """Return one colour."""
    return {"mode": "fixed", "fixedColor": colour}


def coloured() -> list[dict[str, Any]]:
    """Return the overrides that give statuses and outcomes their colours."""
    return [override(name, color=fixed(colour)) for name, colour in COLOURS.items()]


def measured(unit: Unit) -> str:
    """Return Grafana's name for a unit: money is that of the house."""
    return in_force().house.services.money if unit is Unit.MONEY else unit.value


def precision(unit: Unit) -> dict[str, int]:
    """Return how many decimals are shown: none of what is counted, which `increase` makes fractions of."""
    return {"decimals": 0} if unit is Unit.COUNT else {}
