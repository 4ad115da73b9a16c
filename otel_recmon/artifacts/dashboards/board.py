"""A whole page as Grafana's file provisioning reads it: variables, links, annotations, and panels on the grid."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.dashboards.panels import Panel
from otel_recmon.artifacts.dashboards.queries import DATASOURCE, NARROWING, PageView
from otel_recmon.artifacts.pages import DashboardPage, panel_id
from otel_recmon.artifacts.promql import IDENTITY, Expr, Matcher, QueryScope
from otel_recmon.artifacts.settings.deployment import Grafana
from otel_recmon.artifacts.signals.kinds import Counted

SCHEMA_VERSION: Final = 42
COLUMNS: Final = 24
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

    page: DashboardPage
    description: str
    view: PageView
    variables: tuple["Variable", ...]
    sections: tuple[Section, ...]
    annotated: bool = True

    @property
    def uid(self) -> str:
        """Its uid in Grafana."""
        return self.view.deployment.grafana.uid(self.page.uid)

    def json(self) -> Json:
        """Return it as Grafana has it."""
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
            "panels": placed(self.page, self.sections, services.money),
        }


def text(board: Board) -> str:
    """Return the file of a page."""
    return json.dumps(board.json(), indent=2, ensure_ascii=False) + "\n"


def placed(page: DashboardPage, sections: Sequence[Section], money: str) -> list[Json]:
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
            found += _line(line, y, money)
            y += max(panel.height for panel in line)
    return found


def _line(panels: Sequence[Panel], y: int, money: str) -> list[Json]:
    lefts = [sum(panel.width for panel in panels[:place]) for place in range(len(panels) + 1)]
    if lefts[-1] > COLUMNS:
        raise ValueError(f"{panels[0].title} and what stands beside it are {lefts[-1]} wide, not {COLUMNS}")
    return [panel.json(x, y, money) for panel, x in zip(panels, lefts, strict=False)]


def _heading(page: DashboardPage, title: str, y: int) -> Json:
    return {
        "id": panel_id(f"{page.uid}.{title}"),
        "type": "row",
        "title": title,
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
    """A variable whose values are those of a label; one of many values begins with all.

    Attributes:
        name: What expressions call it.
        label: What people call it.
        of: The label.
        source: A selector of the series that have it.
        many: Whether several can be chosen. All of them are also those without the label.
    """

    name: str
    label: str
    of: str
    source: str
    many: bool = field(default=False, kw_only=True)

    def json(self, matchers: Sequence[Matcher]) -> Json:
        """Return it as Grafana has it, with the values of the series that fulfil some more conditions."""
        everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
        query = f"label_values({_narrowed(self.source, matchers)}, {self.of})"
        return {
            "type": "query",
            "name": self.name,
            "label": self.label,
            "datasource": DATASOURCE,
            "definition": query,
            "query": {"query": query, "refId": f"variable-{self.name}"},
            "current": everything if self.many else {},
            "hide": 0,
            "includeAll": self.many,
            "multi": self.many,
            **({"allValue": ".*"} if self.many else {}),
            "regex": "",
            "refresh": _RELOAD_WITH_TIME_RANGE,
            "sort": _SORTED,
        }


def _narrowed(selector: str, matchers: Sequence[Matcher]) -> str:
    """Return a selector with more conditions."""
    name, _, inner = selector.removesuffix("}").partition("{")
    conditions = ", ".join(filter(None, (inner, *map(str, matchers))))
    return f"{name}{{{conditions}}}" if conditions else name


_SOURCE: Final = catalog.REQUESTS.prometheus
_JOB, _ENVIRONMENT = IDENTITY
_OF_SERVICE: Final = f'{_SOURCE}{{{_JOB}="$service"}}'
_HERE: Final = f'{_SOURCE}{{{_JOB}="$service", {_ENVIRONMENT}="$environment"}}'
SERVICE_VARIABLES: Final = (
    Variable("service", "Service", _JOB, _SOURCE),
    Variable("environment", "Environment", _ENVIRONMENT, _OF_SERVICE),
)
NARROWING_VARIABLES: Final = {
    label: Variable(label, label.replace("_", " ").capitalize(), label, _HERE, many=True) for label in NARROWING
}
"""By the label that they narrow."""
CONTROL_VARIABLE: Final = Variable("control", "Control", catalog.VARIANT.name, _HERE)
FLEET_VARIABLES: Final = (
    Variable("service", "Service", _JOB, catalog.BUILD_INFO.prometheus, many=True),
    Variable(
        "environment", "Environment", _ENVIRONMENT, f'{catalog.BUILD_INFO.prometheus}{{{_JOB}=~"$service"}}', many=True
    ),
)


def _new_version(view: PageView) -> Json:
    """Mark where a model version answers that did not before."""
    version = catalog.MODEL_VERSION.name
    return {
        "name": "New model version",
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "blue",
        "expr": str(_first(view.scope(_A_MOMENT, version).within((version,)))),
        "step": "1m",
        "titleFormat": "New model version",
        "textFormat": f"{{{{{version}}}}}",
        "tagKeys": version,
        "useValueForTime": False,
    }


def _first(scope: QueryScope) -> Expr:
    requests = Counted(catalog.REQUESTS)
    now = promql.compared(requests.increase(scope), ">", 0)
    return promql.unless(now, promql.compared(requests.increase(scope.ago(scope.window)), ">", 0))
