"""What Grafana asks Prometheus for a panel: its queries with macros and variables replaced."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from otel_recmon.artifacts.settings.deployment import Grafana
from otel_recmon.artifacts.settings.schema import seconds

EXPORT_S: Final = seconds(Grafana.export_interval)
"""How often services export, as the data source has it where nobody sets it: its `timeInterval`."""
_SLOTS: Final = 4
_REFERENCE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)[^}]*\})")
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Looking:
    """A look at a page: the time that it shows, and what its variables are set to.

    Attributes:
        start: In seconds since 1970.
        end: The same.
        step: Seconds between two points of a line.
        values: Of the variables; several as a regular expression.
        export_s: How often services export.
    """

    start: float
    end: float
    step: float
    values: Mapping[str, str] = field(default_factory=dict)
    export_s: float = EXPORT_S

    def of(self, panel: "Json") -> "Looking":
        """Return the look of a panel, whose lines may have points at least so far apart, and at most so many."""
        widest = (self.end - self.start) / panel.get("maxDataPoints", float("inf"))
        return replace(self, step=max(self.step, widest, seconds(panel.get("interval", "0s"))))

    def replaced(self, text: str) -> str:
        """Return a text with macros and variables replaced.

        Raises:
            KeyError: Nothing has that name.
        """
        macros = {
            "__range": f"{max(1, round(self.end - self.start))}s",
            "__rate_interval": f"{round(max(self.step + self.export_s, _SLOTS * self.export_s))}s",
        }
        known = {**self.values, **macros}
        return _REFERENCE.sub(lambda match: known[match[1] or match[2]], text)


def panels(dashboard: Json) -> list[Json]:
    """Return the panels of a page, without its headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def targets(dashboard: Json) -> Iterator[tuple[Json, Json]]:
    """Give each query of a page with its panel."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield panel, target


def named(legend: str, labels: Mapping[str, str]) -> str:
    """Return what a series is called."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), legend).strip()
