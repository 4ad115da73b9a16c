"""A whole page as Grafana's file provisioning reads it: variables, links, annotations, and panels on the grid."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.dashboards.panels import Panel
from otel_recmon.artifacts.dashboards.queries import DATASOURCE, NARROWING, Reader
from otel_recmon.artifacts.pages import DATASOURCE as DATASOURCE_UID
from otel_recmon.artifacts.pages import Page, panel_id
from otel_recmon.artifacts.promql import IDENTITY, Expr, Scope
from otel_recmon.artifacts.signals.kinds import Counted

SCHEMA_VERSION: Final = 42
COLUMNS: Final = 24
TAG: Final = "otel-recmon"
_RELOAD_WITH_TIME_RANGE: Final = 2
_SORTED: Final = 1
_A_MOMENT: Final = "5m"
Json = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """Panels below a heading, line by line; the first one of a page has none."""

    title: str
    lines: tuple[tuple[Panel, ...], ...]


@dataclass(frozen=True)
class Board:
    """A page: its panels, and the variables that narrow them."""

    page: Page
    description: str
    sections: tuple[Section, ...]
    variables: tuple[Json, ...]
    reader: Reader
    annotated: bool = True

    def json(self) -> Json:
        """Return it as Grafana has it."""
        return {
            "id": None,
            "uid": self.page.uid,
            "title": self.page.title,
            "description": self.description,
            "tags": [TAG],
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "1m",
            "time": {"from": "now-3h", "to": "now"},
            "timezone": "browser",
            "links": [_LINK],
            "templating": {"list": list(self.variables)},
            "annotations": {"list": [_new_version(self.reader)] if self.annotated else []},
            "panels": placed(self.page, self.sections),
        }


def text(board: Board) -> str:
    """Return the file of a page."""
    return json.dumps(board.json(), indent=2, ensure_ascii=False) + "\n"


def placed(page: Page, sections: Sequence[Section]) -> list[Json]:
    """Return the panels on the grid, from the left and from the top.

    Raises:
        ValueError: A line is wider than the grid.
    """
    found: list[Json] = []
    y = 0
    for section in sections:
        if section.title:
            found.append(_heading(page, section.title, y))
            y += 1
        for line in section.lines:
            found += _line(line, y)
            y += max(panel.height for panel in line)
    return found


def _line(panels: Sequence[Panel], y: int) -> list[Json]:
    lefts = [sum(panel.width for panel in panels[:place]) for place in range(len(panels) + 1)]
    if lefts[-1] > COLUMNS:
        raise ValueError(f"{panels[0].title} and what stands beside it are {lefts[-1]} wide, not {COLUMNS}")
    return [panel.json(x, y) for panel, x in zip(panels, lefts, strict=False)]


def _heading(page: Page, title: str, y: int) -> Json:
    return {
        "id": panel_id(f"{page.uid}.{title}"),
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
        "panels": [],
    }


_LINK: Final = {
    "type": "dashboards",
    "title": "Recommender",
    "tags": [TAG],
    "asDropdown": False,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "",
    "url": "",
}
_DATASOURCE: Final = {
    "type": "datasource",
    "name": "datasource",
    "label": "Prometheus",
    "query": "prometheus",
    "current": {"selected": True, "text": "Prometheus", "value": DATASOURCE_UID},
    "hide": 0,
    "includeAll": False,
    "multi": False,
    "regex": "",
    "refresh": 1,
}


def variable(name: str, label: str, of: str, source: str, *, many: bool = False) -> Json:
    """Return a variable whose values are those of a label; one of many values begins with all.

    Args:
        name: What expressions call it.
        label: What people call it.
        of: The label.
        source: A selector of the series that have it.
        many: Whether several can be chosen. All of them are also those without the label.
    """
    everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "definition": f"label_values({source}, {of})",
        "query": {"query": f"label_values({source}, {of})", "refId": f"variable-{name}"},
        "current": everything if many else {},
        "hide": 0,
        "includeAll": many,
        "multi": many,
        **({"allValue": ".*"} if many else {}),
        "regex": "",
        "refresh": _RELOAD_WITH_TIME_RANGE,
        "sort": _SORTED,
    }


_SOURCE: Final = catalog.REQUESTS.prometheus
_JOB, _ENVIRONMENT = IDENTITY
_OF_SERVICE: Final = f'{_SOURCE}{{{_JOB}="$service"}}'
_HERE: Final = f'{_SOURCE}{{{_JOB}="$service", {_ENVIRONMENT}="$environment"}}'
SERVICE_VARIABLES: Final = (
    _DATASOURCE,
    variable("service", "Service", _JOB, _SOURCE),
    variable("environment", "Environment", _ENVIRONMENT, _OF_SERVICE),
)
NARROWING_VARIABLES: Final = {
    label: variable(label, label.replace("_", " ").capitalize(), label, _HERE, many=True) for label in NARROWING
}
"""By the label that they narrow."""
CONTROL_VARIABLE: Final = variable("control", "Control", catalog.VARIANT.name, _HERE)
FLEET_VARIABLES: Final = (
    _DATASOURCE,
    variable("service", "Service", _JOB, catalog.BUILD_INFO.prometheus, many=True),
    variable(
        "environment", "Environment", _ENVIRONMENT, f'{catalog.BUILD_INFO.prometheus}{{{_JOB}=~"$service"}}', many=True
    ),
)


def _new_version(reader: Reader) -> Json:
    """Mark where a model version answers that did not before."""
    version = catalog.MODEL_VERSION.name
    return {
        "name": "New model version",
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "blue",
        "expr": str(_first(reader.scope(_A_MOMENT, version).within((version,)))),
        "step": "1m",
        "titleFormat": "New model version",
        "textFormat": f"{{{{{version}}}}}",
        "tagKeys": version,
        "useValueForTime": False,
    }


def _first(scope: Scope) -> Expr:
    requests = Counted(catalog.REQUESTS)
    now = promql.compared(requests.increase(scope), ">", 0)
    return promql.unless(now, promql.compared(requests.increase(scope.ago(scope.window)), ">", 0))
