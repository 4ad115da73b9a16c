"""The results of a dashboard's queries from a Prometheus."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from otel_recmon.artifacts.dashboards.interpolation import QueryContext

Json = Mapping[str, Any]
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Source:
    """A Prometheus with the time range and the variables of a dashboard."""

    url: str
    looking: QueryContext

    def instant(self, target: Json) -> list[tuple[dict[str, str], float]]:
        """Return the labels and the last value of each series."""
        query = {"query": self.looking.interpolate(target["expr"]), "time": str(self.looking.end)}
        return [(one["metric"], float(one["value"][1])) for one in self._query("query", query)]

    def lines(self, target: Json, panel: Json) -> list[tuple[dict[str, str], Points]]:
        """Return the labels and all values of each series."""
        at = self.looking.for_panel(panel)
        query = {"query": at.interpolate(target["expr"]), "start": str(at.start), "end": str(at.end)}
        result = self._query("query_range", {**query, "step": str(at.step)})
        return [(one["metric"], [(float(t), float(v)) for t, v in one["values"]]) for one in result]

    def _query(self, path: str, query: Mapping[str, str]) -> list[Any]:
        answer = requests.post(f"{self.url}/api/v1/{path}", data=query, timeout=60)
        answer.raise_for_status()
        return list(answer.json()["data"]["result"])
