"""Panels of each kind: numbers, lines, bars, bands, heatmaps and lists of alerts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.dashboards import look
from otel_recmon.artifacts.dashboards.descriptions import description_of
from otel_recmon.artifacts.dashboards.queries import DATASOURCE, PageView, Query
from otel_recmon.artifacts.pages import DashboardPage, panel_id
from otel_recmon.artifacts.signals.kinds import Signal, Unit
from otel_recmon.config import variable

STAT_WIDTH, STAT_HEIGHT = 3, 4
CHART_WIDTH, CHART_HEIGHT = 12, 8
REF_IDS: Final = "ABCDEFGHIJKLMNOP"
"""The ids of the queries of a panel: the first query is A."""
SKETCH_POINTS: Final = 200
"""The maximum number of points of a line from sketches. Each point reads hundreds of series."""
_NO_TRAFFIC: Final = "-"
NO_SKETCHES: Final = f"Nothing yet: it needs {variable('sketch_registers')}=256"
_BAND: Final = (
    "The band is the 95% confidence interval of the value. With few events, the band is wide. A change that stays "
    "inside the band may be chance. The dashed line is the value one week earlier."
)
Json = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """A panel of a dashboard, without its place on the grid.

    Attributes:
        kind: Grafana's type of the panel.
        name: The stable name. The id of the panel is computed from the name.
        title: The title.
        description: The text that Grafana shows next to the title.
        queries: The queries. The first query has the id A.
        unit: The unit of the values.
        options: The options of the panel type.
        defaults: The settings of all series.
        overrides: The settings of single series.
        links: The links next to the title.
        transformations: Grafana's transformations of the query results. Only tables use them.
        interval: The minimum time between two points of a line. If it is empty, Grafana chooses the time.
        points: The maximum number of points of a line. If it is 0, Grafana chooses the maximum.
        width: The width, in columns of the grid.
        height: The height, in lines of the grid.
    """

    kind: str
    name: str
    title: str
    description: str
    queries: tuple[Query, ...] = ()
    unit: Unit = Unit.COUNT
    options: Json = field(default_factory=dict)
    defaults: Json = field(default_factory=dict)
    overrides: tuple[Json, ...] = ()
    links: tuple[Json, ...] = ()
    transformations: tuple[Json, ...] = ()
    interval: str = ""
    points: int = 0
    width: int = CHART_WIDTH
    height: int = CHART_HEIGHT

    def json(self, x: int, y: int, money: str) -> Json:
        """Return the panel in Grafana's JSON model.

        Args:
            x: The first column on the grid, from 0.
            y: The first line on the grid, from 0.
            money: Grafana's name for the currency.
        """
        return {
            "id": panel_id(self.name),
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "datasource": DATASOURCE,
            "targets": [query.target(ref_id) for query, ref_id in zip(self.queries, REF_IDS, strict=False)],
            "fieldConfig": {
                "defaults": {"unit": look.grafana_unit(self.unit, money), **look.precision(self.unit), **self.defaults},
                "overrides": list(self.overrides),
            },
            "options": self.options,
            "links": list(self.links),
            **({"transformations": list(self.transformations)} if self.transformations else {}),
            **({"interval": self.interval} if self.interval else {}),
            **({"maxDataPoints": self.points} if self.points else {}),
        }

    def sized(self, width: int, height: int = 0) -> "Panel":
        """Return the panel with another width, and another height unless `height` is 0."""
        return replace(self, width=width, height=height or self.height)


def stat(
    view: PageView, page: DashboardPage, signal: Signal, query: Query, unit: Unit | None = None, note: str = ""
) -> Panel:
    """Return a panel with one number, and a link to the panel that shows the signal over time."""
    uid, limits = view.deployment.grafana.uid(signal.page.uid), view.limits_of(signal)
    address = f"/d/{uid}?viewPanel={signal.panel}&${{__url_time_range}}&${{__all_variables}}"
    return Panel(
        "stat",
        f"{page.uid}.{signal.name}.now",
        signal.title,
        description_of(view, signal, query, note),
        (query,),
        unit or signal.unit,
        options={
            "colorMode": "value" if limits else "none",
            "graphMode": "none",
            "justifyMode": "center",
            "textMode": "value",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
        defaults={"thresholds": look.thresholds(limits), "noValue": _NO_TRAFFIC, "color": {"mode": "thresholds"}},
        links=({"title": f"{signal.title} over time", "url": address},),
        width=STAT_WIDTH,
        height=STAT_HEIGHT,
    )


def lines(view: PageView, signal: Signal, queries: Sequence[Query], *, stacked: bool = False, note: str = "") -> Panel:
    """Return a panel with the lines of a signal over time, and with the thresholds of its alerts."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1 if stacked else 2,
        "fillOpacity": 60 if stacked else 0,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "axisSoftMin": 0,
        "thresholdsStyle": {"mode": "dashed" if view.limits_of(signal) else "off"},
    }
    return Panel(
        "timeseries",
        signal.name,
        signal.title,
        description_of(view, signal, note=note),
        tuple(queries),
        signal.unit,
        options={
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        defaults={
            "color": look.BY_NAME,
            "custom": custom,
            "thresholds": look.thresholds(view.limits_of(signal)),
        },
        overrides=tuple(look.colour_overrides()),
    )


def sketch_lines(view: PageView, signal: Signal, label: str, interval: str) -> Panel:
    """Return a panel with the lines of a signal from sketches.

    The panel has one line for each value of a label, and one line, "all", for the whole service.
    """
    queries = (view.over_time(signal, label), view.over_time(signal, legend="all"))
    panel = lines(view, signal, queries)
    return replace(panel, defaults={**panel.defaults, "noValue": NO_SKETCHES}, interval=interval, points=SKETCH_POINTS)


def confidence_band(
    view: PageView, name: str, title: str, signal: Signal, queries: tuple[Query, Query, Query, Query]
) -> Panel:
    """Return a panel with a line and its confidence band.

    Args:
        view: The filters and thresholds of the dashboard.
        name: The stable name. The id of the panel is computed from it.
        title: The title.
        signal: The signal that gives the panel its description and its thresholds.
        queries: The queries for the value, its lower bound, its upper bound, and the value one week earlier.
    """
    value, low, high, past = queries
    edge = {"custom__lineWidth": 0, "custom__hideFrom": {"legend": True, "tooltip": False, "viz": False}}
    blue = look.fixed("blue")
    return replace(
        lines(view, signal, queries, note=_BAND),
        name=name,
        title=title,
        overrides=(
            look.override(value.legend, color=blue),
            look.override(low.legend, color=blue, **edge),
            look.override(high.legend, color=blue, custom__fillBelowTo=low.legend, custom__fillOpacity=20, **edge),
            past_override(past),
        ),
    )


def past_override(query: Query) -> Json:
    """Return the override that draws the line of an earlier period thin, grey and dashed."""
    return look.override(
        query.legend,
        color=look.fixed(look.PAST),
        custom__lineStyle={"fill": "dash", "dash": [8, 8]},
        custom__lineWidth=1,
    )


def heatmap(view: PageView, signal: Signal, unit: Unit) -> Panel:
    """Return a heatmap panel of the distribution of a histogram over time, with exemplars."""
    return Panel(
        "heatmap",
        signal.name,
        signal.title,
        description_of(view, signal),
        (view.buckets(signal),),
        Unit.COUNT,
        options={
            "calculate": False,
            "cellGap": 1,
            "color": {"mode": "scheme", "scheme": "Blues", "steps": 64, "reverse": False, "scale": "exponential"},
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},  # hides empty cells
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"mode": "single", "yHistogram": True},
            "yAxis": {"axisPlacement": "left", "unit": look.grafana_unit(unit, view.money)},
        },
    )


def bars(view: PageView, name: str, signal: Signal, queries: Sequence[Query], note: str = "") -> Panel:
    """Return a panel with horizontal bars for the whole time range. The bars of each query are in descending order."""
    ordered = (replace(query, expr=promql.descending(query.expr)) for query in queries)
    return Panel(
        "bargauge",
        name,
        signal.title,
        description_of(view, signal, queries[0], note),
        tuple(ordered),
        signal.unit,
        options={
            "displayMode": "basic",
            "orientation": "horizontal",
            "showUnfilled": False,
            "valueMode": "color",
            "namePlacement": "left",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
        defaults={
            "thresholds": look.thresholds(view.limits_of(signal)),
            "color": {"mode": "thresholds"} if view.limits_of(signal) else look.BY_NAME,
        },
        overrides=tuple(look.colour_overrides()),
    )


def alerts(page: DashboardPage) -> Panel:
    """Return a panel that lists the Grafana alerts of a dashboard that fire, are pending, recover or have an error."""
    return Panel(
        "alertlist",
        f"{page.uid}.alerts",
        "Alerts of this dashboard",
        "The list has the Grafana alerts of this dashboard that fire, are about to fire, or cannot be evaluated. If "
        "the list is empty, there is nothing to do. The runbook describes the first steps for each alert.",
        options={
            "alertInstanceLabelFilter": "",
            "alertName": "",
            "dashboardAlerts": True,
            "groupBy": [],
            "groupMode": "default",
            "maxItems": 20,
            "showInactiveAlerts": False,
            "sortOrder": 3,
            "stateFilter": {
                "error": True,
                "firing": True,
                "noData": False,
                "normal": False,
                "pending": True,
                "recovering": True,
            },
            "viewMode": "list",
        },
    )
