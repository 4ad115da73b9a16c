"""How values look on every page: colours by meaning, and the limits of the alerts."""

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
    catalog.FALLBACK: WARNING,
    catalog.EMPTY: "purple",
    catalog.UNRECOGNIZED: PAST,
}
"""Of statuses and outcomes; everything else, such as a variant, has one that follows from its name."""
BY_NAME: Final = {"mode": "palette-classic-by-name"}


def thresholds(limits: Sequence[Limit]) -> dict[str, Any]:
    """Return the thresholds of a panel: the steps of colour that the limits make."""
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in steps(limits)]}


def steps(limits: Sequence[Limit]) -> list[tuple[float | None, str]]:
    """Return the colours that limits make, each with the value from which on it holds.

    Args:
        limits: Those of one signal, the lowest first; without any, the colour has no meaning.
    """
    if not limits:
        return [(None, NEUTRAL)]
    colours = [_SEVERITIES[limit.severity] for limit in limits]
    found: dict[float | None, str] = {None: GOOD}
    if limits[0].below:
        found = dict(zip([None, *(limit.value for limit in limits)], [*colours, GOOD], strict=True))
    else:
        found |= dict(zip(map(_from, limits), colours, strict=True))
    return list(found.items())


def _from(limit: Limit) -> float:
    """Return where the colour begins: a step holds from its value on, so above 0 begins a little later."""
    return limit.value or 1e-9


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


def measured(unit: Unit, money: str) -> str:
    """Return Grafana's name for a unit.

    Args:
        unit: The unit.
        money: Grafana's name for the currency.
    """
    return money if unit is Unit.MONEY else unit.value


def precision(unit: Unit) -> dict[str, int]:
    """Return how many decimals are shown: none of what is counted, which `increase` makes fractions of."""
    return {"decimals": 0} if unit is Unit.COUNT else {}
