"""Colours, thresholds, units and decimals that all dashboards share."""

from collections.abc import Sequence
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.artifacts.signals.kinds import Limit, Unit

GOOD, WARNING, BAD, NEUTRAL, PAST = "green", "orange", "red", "text", "#8e8e8e"
_SEVERITIES: Final = {"warning": WARNING, "critical": BAD}
COLOURS: Final = {
    catalog.SUCCESS: GOOD,
    catalog.ERROR: BAD,
    catalog.REJECTED: "yellow",
    catalog.SERVED: GOOD,
    catalog.PARTIAL: "blue",
    catalog.NOT_MODIFIED: "dark-green",
    catalog.FALLBACK: WARNING,
    catalog.EMPTY: "purple",
    catalog.UNRECOGNIZED: PAST,
}
"""The colours of statuses and outcomes. Grafana derives the colours of other series from the names of the series."""
BY_NAME: Final = {"mode": "palette-classic-by-name"}
"""Grafana's colour mode in which a series has the same colour on every panel."""
_JUST_ABOVE_0: Final = 1e-9


def thresholds(limits: Sequence[Limit]) -> dict[str, Any]:
    """Return the limits of a signal as thresholds of a Grafana panel."""
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in steps(limits)]}


def steps(limits: Sequence[Limit]) -> list[tuple[float | None, str]]:
    """Return pairs of a lowest value and the colour of a panel from this value. None stands for minus infinity.

    Args:
        limits: The limits of one signal, the lowest first. Without limits, the only colour is neutral.
    """
    if not limits:
        return [(None, NEUTRAL)]
    colours = [_SEVERITIES[limit.severity] for limit in limits]
    found: dict[float | None, str] = {None: GOOD}
    if limits[0].below:
        found = dict(zip([None, *(limit.value for limit in limits)], [*colours, GOOD], strict=True))
    else:
        found |= dict(zip(map(_first_bad_value, limits), colours, strict=True))
    return list(found.items())


def _first_bad_value(limit: Limit) -> float:
    # Grafana includes the value of a step. An alert with the limit 0 does not fire at 0, so its colour starts above 0.
    return limit.value or _JUST_ABOVE_0


def override(name: str, **properties: Any) -> dict[str, Any]:
    """Return an override of the properties of one series. `__` in the name of a property stands for a dot."""
    listed = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": listed}


def fixed(colour: str) -> dict[str, str]:
    """Return Grafana's setting for a fixed colour."""
    return {"mode": "fixed", "fixedColor": colour}


def colour_overrides() -> list[dict[str, Any]]:
    """Return the overrides that give statuses and outcomes their colours."""
    return [override(name, color=fixed(colour)) for name, colour in COLOURS.items()]


def grafana_unit(unit: Unit, money: str) -> str:
    """Return Grafana's name for a unit.

    Args:
        unit: The unit.
        money: Grafana's name for the currency.
    """
    return money if unit is Unit.MONEY else unit.value


def precision(unit: Unit) -> dict[str, int]:
    """Return the setting for 0 decimals if the unit is a count, else no setting.

    `increase()` extrapolates, so it returns fractions for counts of whole events.
    """
    return {"decimals": 0} if unit is Unit.COUNT else {}
