"""The kinds of panels."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.dashboards import look
from otel_recmon.artifacts.dashboards.queries import DATASOURCE, PageView, Query
from otel_recmon.artifacts.pages import DashboardPage, panel_id
from otel_recmon.artifacts.signals.kinds import Signal, Unit
from otel_recmon.config import variable

STAT_WIDTH, STAT_HEIGHT = 3, 4
CHART_WIDTH, CHART_HEIGHT = 12, 8
LETTERS: Final = "ABCDEFGHIJKLMNOP"
FEW: Final = 200
"""Points of a line each of which takes a look at hundreds of series."""
_NO_TRAFFIC: Final = "-"
NO_SKETCHES: Final = f"Nothing yet: it needs {variable('sketch_registers')}=256"
Json = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """A panel without its place; `name` is what its id follows from."""

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
        """Return it as Grafana has it.

        Args:
            x: The column of the grid that it begins in.
            y: The line of the grid that it begins in.
            money: Grafana's name for the currency.
        """
        return {
            "id": panel_id(self.name),
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "datasource": DATASOURCE,
            "targets": [query.target(letter) for query, letter in zip(self.queries, LETTERS, strict=False)],
            "fieldConfig": {
                "defaults": {"unit": look.measured(self.unit, money), **look.precision(self.unit), **self.defaults},
                "overrides": list(self.overrides),
            },
            "options": self.options,
            "links": list(self.links),
            **({"transformations": list(self.transformations)} if self.transformations else {}),
            **({"interval": self.interval} if self.interval else {}),
            **({"maxDataPoints": self.points} if self.points else {}),
        }

    def sized(self, width: int, height: int = 0) -> "Panel":
        """Return it in another size."""
        return replace(self, width=width, height=height or self.height)


def described(view: PageView, signal: Signal) -> str:
    """Return the definition of a signal, what its alerts are, and which variables it does not follow."""
    alerts = ", ".join(limit.alert for limit in view.limits_of(signal))
    missing = ", ".join(view.unnarrowed(signal))
    return " ".join(
        (
            signal.description,
            *([f"Thresholds: those of {alerts}."] if alerts else []),
            *([f"Not narrowed by {missing}: it has no such label."] if missing else []),
        )
    )


def stat(view: PageView, page: DashboardPage, signal: Signal, query: Query, unit: Unit | None = None) -> Panel:
    """Return a number over the page's time range, which leads to the panel that explains it."""
    uid, limits = view.deployment.grafana.uid(signal.page.uid), view.limits_of(signal)
    address = f"/d/{uid}?viewPanel={signal.panel}&${{__url_time_range}}&${{__all_variables}}"
    return Panel(
        "stat",
        f"{page.uid}.{signal.name}.now",
        signal.title,
        described(view, signal),
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


def lines(view: PageView, signal: Signal, queries: Sequence[Query], *, stacked: bool = False) -> Panel:
    """Return the panel that explains a signal: lines over time, with the alerts' thresholds."""
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
        described(view, signal),
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
        overrides=tuple(look.coloured()),
    )


def sketched(view: PageView, signal: Signal, apart: str, interval: str) -> Panel:
    """Return what sketches count over time, by a label and on the whole, and say what it takes where there are none."""
    queries = (view.line(signal, apart), view.line(signal, legend="all"))
    panel = lines(view, signal, queries)
    return replace(panel, defaults={**panel.defaults, "noValue": NO_SKETCHES}, interval=interval, points=FEW)


def band(view: PageView, name: str, title: str, signal: Signal, queries: tuple[Query, Query, Query, Query]) -> Panel:
    """Return a value over time within its bounds, and what it was a week before."""
    value, low, high, past = queries
    edge = {"custom__lineWidth": 0, "custom__hideFrom": {"legend": True, "tooltip": False, "viz": False}}
    blue = look.fixed("blue")
    panel = lines(view, signal, queries)
    return replace(
        panel,
        name=name,
        title=title,
        description=f"{panel.description} The band holds the true value with 95% confidence. Dashed: a week before.",
        overrides=(
            look.override(value.legend, color=blue),
            look.override(low.legend, color=blue, **edge),
            look.override(high.legend, color=blue, custom__fillBelowTo=low.legend, custom__fillOpacity=20, **edge),
            past_override(past),
        ),
    )


def past_override(query: Query) -> Json:
    """Return the look of what was before."""
    return look.override(
        query.legend,
        color=look.fixed(look.PAST),
        custom__lineStyle={"fill": "dash", "dash": [8, 8]},
        custom__lineWidth=1,
    )


def heatmap(view: PageView, signal: Signal, unit: Unit) -> Panel:
    """Return the distribution of a histogram's values over time, with exemplars."""
    return Panel(
        "heatmap",
        signal.name,
        signal.title,
        described(view, signal),
        (view.buckets(signal),),
        Unit.COUNT,
        options={
            "calculate": False,
            "cellGap": 1,
            "color": {"mode": "scheme", "scheme": "Blues", "steps": 64, "reverse": False, "scale": "exponential"},
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"mode": "single", "yHistogram": True},
            "yAxis": {"axisPlacement": "left", "unit": look.measured(unit, view.money)},
        },
    )


def bars(view: PageView, name: str, signal: Signal, queries: Sequence[Query]) -> Panel:
    """Return values over the page's time range as horizontal bars, the largest first, under the signal's words."""
    ordered = (replace(query, expr=promql.descending(query.expr)) for query in queries)
    return Panel(
        "bargauge",
        name,
        signal.title,
        described(view, signal),
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
        overrides=tuple(look.coloured()),
    )


def alerts(page: DashboardPage) -> Panel:
    """Return the alerts of a page that fire or are about to."""
    return Panel(
        "alertlist",
        f"{page.uid}.alerts",
        "Alerts of this page",
        "Alerts of Grafana that look at panels of this page and fire, are about to, or cannot be evaluated.",
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
