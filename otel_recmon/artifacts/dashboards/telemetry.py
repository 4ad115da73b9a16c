"""The dashboard for operators of the pipeline: silent services, dropped values and lost data points."""

from dataclasses import replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.dashboards import look
from otel_recmon.artifacts.dashboards.board import FLEET_VARIABLES, Board, Section
from otel_recmon.artifacts.dashboards.panels import Panel, alerts, bars, lines, stat
from otel_recmon.artifacts.dashboards.queries import FLEET, TIME_RANGE, PageView, Query, legend_of
from otel_recmon.artifacts.dashboards.tables import Column, table
from otel_recmon.artifacts.pages import TELEMETRY
from otel_recmon.artifacts.promql import IDENTITY
from otel_recmon.artifacts.settings.thresholds import Config
from otel_recmon.artifacts.signals import telemetry
from otel_recmon.artifacts.signals.attribution import ATTRIBUTED_SHARE, ATTRIBUTION_MIX
from otel_recmon.artifacts.signals.kinds import Limits, Signal
from otel_recmon.artifacts.signals.telemetry import quiet

_NOW: Final = (
    (telemetry.INSTANCES, "sum"),
    (quiet(telemetry.SILENT), "sum"),
    (telemetry.LAST_SAMPLE_AGE, "max"),
    (quiet(telemetry.DROPPED_SHARE), "max"),
    (quiet(telemetry.OVERFLOW), "sum"),
    (quiet(telemetry.PLUGIN_ERRORS), "sum"),
    (telemetry.QUEUE_FILL, "max"),
    (telemetry.LOST_POINTS, "sum"),
)
"""The signals of the first line of panels, and the aggregation of each signal over services.

The aggregation is the maximum if a sum over services has no meaning.
"""
_AGGREGATED: Final = {
    "sum": "The number is the sum of the values of all series in the linked panel.",
    "max": "The number is the highest value of all series in the linked panel.",
}
_REPORTED: Final = (telemetry.INSTANCES, telemetry.SERIES, telemetry.SERIES_BUDGET, telemetry.LAST_SAMPLE_AGE)
_POINTS: Final = {telemetry.SERIES: 50, telemetry.SERIES_BUDGET: 50}
"""The maximum number of points of the lines of some signals. The queries of these signals read all series."""
_NEARLY_USED: Final = 0.8
"""The bar of a service turns orange at this used share of the series budget, while there is still time to act."""


def _of_all(view: PageView, signal: Signal, operator: str) -> Panel:
    value = promql.aggregate(operator, signal.expression(view.scope(TIME_RANGE)), ())
    return stat(view, TELEMETRY, signal, Query(value, signal.title, instant=True), note=_AGGREGATED[operator])


def _by_service(view: PageView, signal: Signal, width: int, *labels: str) -> Panel:
    return lines(view, signal, [view.over_time(signal, *labels, legend=legend_of(*IDENTITY, *labels))]).sized(width)


def _services(view: PageView) -> Panel:
    signals = (telemetry.INSTANCES, telemetry.SERIES, telemetry.LAST_SAMPLE_AGE, quiet(telemetry.DROPPED_SHARE))
    columns = [Column(view.over_range(signal, legend=signal.title), signal.unit) for signal in signals]
    description = (
        "The table has one row for each service that sends metrics now. A process never exports more than "
        f"{catalog.MAX_SERIES:,} label combinations of one metric."
    )
    return table(view, "telemetry.services", "Services", description, columns, services=True)


def _budget(view: PageView) -> Panel:
    signal = telemetry.SERIES_BUDGET
    panel = bars(view, "telemetry.budget", signal, [view.over_range(signal, legend=legend_of(*IDENTITY))])
    levels = ((None, look.GOOD), (_NEARLY_USED, look.WARNING), (1, look.BAD))
    steps = [{"color": colour, "value": value} for value, colour in levels]
    return replace(
        panel,
        title=f"{signal.title}, now",
        options={**panel.options, "displayMode": "gradient", "showUnfilled": True},
        defaults={
            "thresholds": {"mode": "absolute", "steps": steps},
            "color": {"mode": "thresholds"},
            "min": 0,
            "max": 1,
        },
        overrides=(),
    )


def board(config: Config, limits: Limits) -> Board:
    """Return the dashboard."""
    view = PageView(FLEET, config.deployment, limits)
    return Board(
        TELEMETRY,
        "This dashboard shows missing data. If a number in the first line of panels is orange or red, solve this "
        "problem first. Until then, the other dashboards may show wrong values.",
        view,
        FLEET_VARIABLES,
        (_overview(view), _of_services(view), _dropped(view), _attributed(view), _pipeline(view)),
        annotated=False,
    )


def _overview(view: PageView) -> Section:
    numbers = tuple(_of_all(view, signal, operator) for signal, operator in _NOW)
    return Section("", (numbers, (_by_service(view, quiet(telemetry.SILENT), 12), alerts(TELEMETRY))))


def _of_services(view: PageView) -> Section:
    reported = (replace(_by_service(view, signal, 6), points=_POINTS.get(signal, 0)) for signal in _REPORTED)
    return Section("Services", ((_services(view).sized(16), _budget(view).sized(8)), tuple(reported)), row_id=873906)


def _dropped(view: PageView) -> Section:
    return Section(
        "Values dropped or merged by the plugin",
        (
            (
                _by_service(view, quiet(telemetry.DROPPED_SHARE), 6),
                _by_service(view, quiet(telemetry.DROPPED), 6, catalog.REASON.name),
                _by_service(view, quiet(telemetry.OVERFLOW), 6, catalog.LABEL.name),
                _by_service(view, quiet(telemetry.PLUGIN_ERRORS), 6, catalog.SITE.name),
            ),
        ),
        row_id=907843,
    )


def _attributed(view: PageView) -> Section:
    mix = _by_service(view, ATTRIBUTION_MIX, 12, catalog.RESULT.name)
    return Section("Attribution of events to slates", ((_by_service(view, ATTRIBUTED_SHARE, 12), mix),), row_id=505447)


def _pipeline(view: PageView) -> Section:
    alerting = lines(view, telemetry.ALERTING, [view.over_time(telemetry.ALERTING)])
    return Section(
        "Collector, Prometheus and Alertmanager",
        (
            (_by_service(view, telemetry.QUEUE_FILL, 12), _by_service(view, telemetry.LOST_POINTS, 12)),
            (
                _by_service(view, telemetry.ACCEPTED_POINTS, 12),
                _by_service(view, telemetry.SENT_POINTS, 12, telemetry.EXPORTER),
            ),
            (
                _by_service(view, telemetry.TARGETS_UP, 8, "instance"),
                alerting.sized(8),
                _by_service(view, telemetry.MESSAGES_LOST, 8),
            ),
        ),
        row_id=937758,
    )
