"""Queries of panels as Grafana sends them to Prometheus, with macros and variables replaced."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from otel_recmon.artifacts.settings.deployment import Grafana
from otel_recmon.artifacts.settings.schema import seconds

EXPORT_S: Final = seconds(Grafana.export_interval)
"""The default export interval, which is also the default `timeInterval` of the data source."""
_SAMPLES_OF_A_RATE: Final = 4
"""Grafana's `$__rate_interval` is at least four scrape intervals, so that a rate survives a missing sample."""
_REFERENCE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)[^}]*\})")
Json = Mapping[str, Any]


@dataclass(frozen=True)
class QueryContext:
    """The time range and the variables of a dashboard, which its queries refer to.

    Attributes:
        start: The start of the time range, in seconds since 1970.
        end: The end of the time range, in seconds since 1970.
        step: The seconds between two points of a line.
        values: The values of the variables; several selected values are one regular expression.
        export_s: The export interval of the services, in seconds.
    """

    start: float
    end: float
    step: float
    values: Mapping[str, str] = field(default_factory=dict)
    export_s: float = EXPORT_S

    def for_panel(self, panel: "Json") -> "QueryContext":
        """Return the context of one panel, whose step follows its minimum interval and its maximum number of points."""
        widest = (self.end - self.start) / panel.get("maxDataPoints", float("inf"))
        return replace(self, step=max(self.step, widest, seconds(panel.get("interval", "0s"))))

    def interpolate(self, text: str) -> str:
        """Return a text with its macros and variables replaced.

        Raises:
            KeyError: The text refers to an unknown variable.
        """
        macros = {
            "__range": f"{max(1, round(self.end - self.start))}s",
            "__rate_interval": f"{round(max(self.step + self.export_s, _SAMPLES_OF_A_RATE * self.export_s))}s",
        }
        known = {**self.values, **macros}
        return _REFERENCE.sub(lambda match: known[match[1] or match[2]], text)


def panels(dashboard: Json) -> list[Json]:
    """Return the panels of a dashboard, without its rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def targets(dashboard: Json) -> Iterator[tuple[Json, Json]]:
    """Yield each panel of a dashboard with each of its queries."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield panel, target


def series_name(legend: str, labels: Mapping[str, str]) -> str:
    """Return a legend in which the values of the labels replace their names."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), legend).strip()
