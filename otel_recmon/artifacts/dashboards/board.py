"""Dashboards as JSON for Grafana's file provisioning: variables, links, annotations, and panels on the grid."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.dashboards.panels import Panel
from otel_recmon.artifacts.dashboards.queries import DATASOURCE, FILTER_LABELS, PageView
from otel_recmon.artifacts.pages import DashboardPage
from otel_recmon.artifacts.promql import IDENTITY, Expr, Matcher, QueryScope
from otel_recmon.artifacts.settings.deployment import Grafana
from otel_recmon.artifacts.signals.kinds import Counted

SCHEMA_VERSION: Final = 42
"""The version of Grafana's JSON model that this module writes. Grafana migrates dashboards of older versions."""
COLUMNS: Final = 24
"""The number of columns of Grafana's grid."""
_ON_TIME_RANGE_CHANGE: Final = 2
"""The code in Grafana's JSON for a variable that loads its values again after a change of the time range."""
_ALPHABETICAL: Final = 1
"""The code in Grafana's JSON for a variable whose values are in alphabetical order."""
_NEW_VERSION_WINDOW: Final = "5m"
Json = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """A section of a dashboard: a row with a title, and lines of panels below it.

    Attributes:
        title: The title of the row. It is empty for the first section of a dashboard, which has no row.
        lines: The lines, from the top. A line has its panels from the left.
        row_id: The id of the row. The id stays the same if the title changes.
    """

    title: str
    lines: tuple[tuple[Panel, ...], ...]
    row_id: int = 0


@dataclass(frozen=True)
class Board:
    """A dashboard: its variables and its panels.

    Attributes:
        page: The uid and the title of the dashboard, before the settings replace their first parts.
        description: The description of the dashboard.
        view: The filters, settings and thresholds of the panels.
        variables: The variables that filter the panels.
        sections: The sections, from the top.
        annotated: Whether the panels mark the first requests of each new model version.
    """

    page: DashboardPage
    description: str
    view: PageView
    variables: tuple["Variable", ...]
    sections: tuple[Section, ...]
    annotated: bool = True

    @property
    def uid(self) -> str:
        """The uid of the dashboard in Grafana."""
        return self.view.deployment.grafana.uid(self.page.uid)

    def json(self) -> Json:
        """Return the dashboard in Grafana's JSON model."""
        deployment, services = self.view.deployment, self.view.deployment.services
        tags = [*deployment.grafana.tags, *(f"{name}:{value}" for name, value in deployment.labels.items())]
        variables = [variable.json(services.matchers) for variable in self.variables]
        return {
            "id": None,
            "uid": self.uid,
            "title": deployment.grafana.title_of(self.page),
            "description": self.description,
            "tags": tags,
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "graphTooltip": 1,
            "refresh": deployment.grafana.refresh,
            "time": {"from": "now-3h", "to": "now"},
            "timezone": "browser",
            "links": [_link(deployment.grafana.title, tags)],
            "templating": {"list": [_datasource(deployment.grafana), *variables]},
            "annotations": {"list": [_new_version(self.view)] if self.annotated else []},
            "panels": on_grid(self.sections, services.money),
        }


def json_text(board: Board) -> str:
    """Return the text of the JSON file of a dashboard."""
    return json.dumps(board.json(), indent=2, ensure_ascii=False) + "\n"


def on_grid(sections: Sequence[Section], money: str) -> list[Json]:
    """Return the rows and panels as JSON, with their places on the grid.

    Args:
        sections: The sections, from the top.
        money: Grafana's name for the currency.

    Raises:
        ValueError: A line of panels is wider than the grid.
    """
    found: list[Json] = []
    y = 0
    for section in sections:
        if section.title:
            found.append(_row(section, y))
            y += 1
        for line in section.lines:
            found += _line(line, y, money)
            y += max(panel.height for panel in line)
    return found


def _line(panels: Sequence[Panel], y: int, money: str) -> list[Json]:
    lefts = [sum(panel.width for panel in panels[:count]) for count in range(len(panels) + 1)]
    if lefts[-1] > COLUMNS:
        raise ValueError(f"the line of the panel {panels[0].title!r} is {lefts[-1]} columns wide, more than {COLUMNS}")
    return [panel.json(x, y, money) for panel, x in zip(panels, lefts, strict=False)]


def _row(section: Section, y: int) -> Json:
    return {
        "id": section.row_id,
        "type": "row",
        "title": section.title,
        "collapsed": False,
        "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
        "panels": [],
    }


def _link(title: str, tags: Sequence[str]) -> Json:
    return {
        "type": "dashboards",
        "title": title,
        "tags": list(tags),
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def _datasource(grafana: Grafana) -> Json:
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Prometheus",
        "query": "prometheus",
        "current": {"selected": True, "text": grafana.datasource_name, "value": grafana.datasource},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "regex": "",
        "refresh": 1,
    }


@dataclass(frozen=True)
class Variable:
    """A dashboard variable that offers the values of a label.

    Attributes:
        name: The name in expressions.
        title: The name on the dashboard.
        label: The label whose values the variable offers.
        source: The selector of the series that have the label.
        multiple: Whether the user can select several values. If so, "All" is selected at first. "All" includes the
            series that do not have the label.
    """

    name: str
    title: str
    label: str
    source: str
    multiple: bool = field(default=False, kw_only=True)

    def json(self, matchers: Sequence[Matcher]) -> Json:
        """Return the variable in Grafana's JSON model. The matchers select the series with its values."""
        everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
        query = f"label_values({_with_matchers(self.source, matchers)}, {self.label})"
        return {
            "type": "query",
            "name": self.name,
            "label": self.title,
            "datasource": DATASOURCE,
            "definition": query,
            "query": {"query": query, "refId": f"variable-{self.name}"},
            "current": everything if self.multiple else {},
            "hide": 0,
            "includeAll": self.multiple,
            "multi": self.multiple,
            **({"allValue": ".*"} if self.multiple else {}),
            "regex": "",
            "refresh": _ON_TIME_RANGE_CHANGE,
            "sort": _ALPHABETICAL,
        }


def _with_matchers(selector: str, matchers: Sequence[Matcher]) -> str:
    name, _, inner = selector.removesuffix("}").partition("{")
    conditions = ", ".join(filter(None, (inner, *map(str, matchers))))
    return f"{name}{{{conditions}}}" if conditions else name


_SOURCE: Final = catalog.REQUESTS.prometheus
_JOB, _ENVIRONMENT = IDENTITY
_OF_SERVICE: Final = f'{_SOURCE}{{{_JOB}="$service"}}'
_OF_ENVIRONMENT: Final = f'{_SOURCE}{{{_JOB}="$service", {_ENVIRONMENT}="$environment"}}'
SERVICE_VARIABLES: Final = (
    Variable("service", "Service", _JOB, _SOURCE),
    Variable("environment", "Environment", _ENVIRONMENT, _OF_SERVICE),
)
FILTER_VARIABLES: Final = {
    label: Variable(label, label.replace("_", " ").capitalize(), label, _OF_ENVIRONMENT, multiple=True)
    for label in FILTER_LABELS
}
"""The variables that filter panels. The key is the label."""
CONTROL_VARIABLE: Final = Variable("control", "Control", catalog.VARIANT.name, _OF_ENVIRONMENT)
FLEET_VARIABLES: Final = (
    Variable("service", "Service", _JOB, catalog.BUILD_INFO.prometheus, multiple=True),
    Variable(
        "environment",
        "Environment",
        _ENVIRONMENT,
        f'{catalog.BUILD_INFO.prometheus}{{{_JOB}=~"$service"}}',
        multiple=True,
    ),
)


def _new_version(view: PageView) -> Json:
    """Return the annotation that marks the first requests of each new model version."""
    version = catalog.MODEL_VERSION.name
    return {
        "name": "New model version",
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "blue",
        "expr": str(_first_requests(view.scope(_NEW_VERSION_WINDOW, version).within((version,)))),
        "step": "1m",
        "titleFormat": "New model version",
        "textFormat": f"{{{{{version}}}}}",
        "tagKeys": version,
        "useValueForTime": False,
    }


def _first_requests(scope: QueryScope) -> Expr:
    """Return the requests in the window, for the series that had no requests in the preceding window."""
    requests = Counted(catalog.REQUESTS)
    now = promql.compared(requests.increase(scope), ">", 0)
    return promql.unless(now, promql.compared(requests.increase(scope.ago(scope.window)), ">", 0))
