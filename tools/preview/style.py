"""Colours and number formats."""

import math
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

Json = Mapping[str, Any]
BACKGROUND, PANEL, TEXT, FAINT = "#111217", "#181b1f", "#ccccdc", "#8e8e9a"
GRAFANA: Final = {
    "green": "#73bf69",
    "red": "#f2495c",
    "orange": "#ff9830",
    "yellow": "#fade2a",
    "blue": "#5794f2",
    "purple": "#b877d9",
    "text": TEXT,
}
PALETTE: Final = ("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642")


def format_value(value: float, unit: str) -> str:
    """Return a value with its unit, approximately as in Grafana."""
    if not math.isfinite(value):
        return "-"
    if unit == "s" and abs(value) < 1:
        return f"{value * 1000:.3g} ms"
    forms: Mapping[str, Callable[[float], str]] = {
        "percentunit": lambda v: f"{v * 100:.3g}%",
        "percent": lambda v: f"{v:.3g}%",
        "currencyUSD": lambda v: f"${_short(v)}",
        "s": lambda v: f"{v:.3g} s",
        "locale": lambda v: f"{v:,.0f}",
        "h": lambda v: f"{v:.3g} h",
        "reqps": lambda v: f"{_short(v)} req/s",
        "eps": lambda v: f"{_short(v)} evt/s",
    }
    return forms.get(unit, _short)(value)


def _short(value: float) -> str:
    for limit, letter in ((1e6, "M"), (1e3, "K")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {letter}"
    return f"{value:.3g}"


def colour(panel: Json, name: str, value: float | None = None) -> str:
    """Return the colour of a series: from the override, else from the thresholds, else derived from the name."""
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == name:
            for found in override["properties"]:
                if found["id"] == "color":
                    return str(GRAFANA.get(found["value"]["fixedColor"], found["value"]["fixedColor"]))
    defaults = panel["fieldConfig"]["defaults"]
    if defaults["color"]["mode"] == "thresholds" and value is not None:
        reached = [s["color"] for s in defaults["thresholds"]["steps"] if s["value"] is None or value >= s["value"]]
        return GRAFANA[reached[-1]]
    return PALETTE[zlib.crc32(name.encode()) % len(PALETTE)]


def properties(panel: Json, name: str) -> dict[str, Any]:
    """Return the properties of a series from the panel's overrides."""
    found = [o["properties"] for o in panel["fieldConfig"]["overrides"] if o["matcher"]["options"] == name]
    return {one["id"]: one["value"] for listed in found for one in listed}
