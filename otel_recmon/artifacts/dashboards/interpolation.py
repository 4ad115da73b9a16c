"""The queries of panels as Grafana sends them to Prometheus: with values in place of macros and variables."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from otel_recmon.artifacts.settings.deployment import Grafana
from otel_recmon.artifacts.settings.schema import seconds

EXPORT_S: Final = seconds(Grafana.export_interval)
"""The default export interval, in seconds. It is also the default `timeInterval` of the data source."""
_SAMPLES_OF_A_RATE: Final = 4
"""Grafana's `$__rate_interval` is at least four scrape intervals, so that a rate survives one missing sample."""
_REFERENCE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)[^}]*\})")
Json = Mapping[str, Any]


@dataclass(frozen=True)
class QueryContext:
    """The time range and the values of the variables that the queries of a dashboard refer to.

    Attributes:
        start: The start of the time range, in seconds since 1970.
        end: The end of the time range, in seconds since 1970.
        step: The seconds between two points of a line.
        values: The value of each variable. If several values are selected, the entry is a regular expression.
        export_s: The export interval of the services, in seconds.
    """

    start: float
    end: float
    step: float
    values: Mapping[str, str] = field(default_factory=dict)
    export_s: float = EXPORT_S

    def for_panel(self, panel: "Json") -> "QueryContext":
        """Return the context for one panel, whose step respects the panel's interval and maximum number of points."""
        widest = (self.end - self.start) / panel.get("maxDataPoints", float("inf"))
        return replace(self, step=max(self.step, widest, seconds(panel.get("interval", "0s"))))

    def interpolate(self, text: str) -> str:
        """Return a text with values in place of its macros and variables.

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
    """Yield a pair of panel and query for each query of a dashboard."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield panel, target


def series_name(legend: str, labels: Mapping[str, str]) -> str:
    """Return a legend in which each `{{label}}` is replaced by the value of the label."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), legend).strip()
