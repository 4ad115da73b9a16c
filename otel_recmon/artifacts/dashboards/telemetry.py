"""For those who look after the pipeline: whether the picture on the other pages can be trusted."""

from dataclasses import replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.dashboards import look
from otel_recmon.artifacts.dashboards.board import FLEET_VARIABLES, Board, Section
from otel_recmon.artifacts.dashboards.panels import Panel, alerts, bars, lines, stat
from otel_recmon.artifacts.dashboards.queries import FLEET, WHOLE, PageView, Query, named
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
"""The first line, and how services are put together: the worst where a sum makes no sense."""


_REPORTED: Final = (telemetry.INSTANCES, telemetry.SERIES, telemetry.SERIES_BUDGET, telemetry.LAST_SAMPLE_AGE)
_POINTS: Final = {telemetry.SERIES: 50, telemetry.SERIES_BUDGET: 50}
"""Of a line each point of which takes a look at every series."""
_NEARLY: Final = 0.8
"""Of the budget: the time to look for the label that grows."""


def _of_all(view: PageView, signal: Signal, operator: str) -> Panel:
    value = promql.aggregate(operator, signal.expression(view.scope(WHOLE)), ())
    return stat(view, TELEMETRY, signal, Query(value, signal.title, instant=True))


def _by_service(view: PageView, signal: Signal, width: int, *apart: str) -> Panel:
    return lines(view, signal, [view.line(signal, *apart, legend=named(*IDENTITY, *apart))]).sized(width)


def _services(view: PageView) -> Panel:
    signals = (telemetry.INSTANCES, telemetry.SERIES, telemetry.LAST_SAMPLE_AGE, quiet(telemetry.DROPPED_SHARE))
    columns = [Column(view.now(signal, legend=signal.title), signal.unit) for signal in signals]
    words = "Every service that reports now. No metric of a process has more than "
    bound = f"{words}{catalog.MAX_SERIES:,} combinations of labels, whatever clients send."
    return table(view, "telemetry.services", "Services", bound, columns, services=True)


def _budget(view: PageView) -> Panel:
    signal = telemetry.SERIES_BUDGET
    panel = bars(view, "telemetry.budget", signal, [view.now(signal, legend=named(*IDENTITY))])
    levels = ((None, look.GOOD), (_NEARLY, look.WARNING), (1, look.BAD))
    steps = [{"color": colour, "value": value} for value, colour in levels]
    return replace(
        panel,
        title="Series against the budget, now",
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
    """Return the page."""
    view = PageView(FLEET, config.deployment, limits)
    return Board(
        TELEMETRY,
        "Whether the picture on the other pages can be trusted: who reports, and what is lost on the way.",
        view,
        FLEET_VARIABLES,
        (_overview(view), _of_services(view), _set_aside(view), _attributed(view), _way_of_data(view)),
        annotated=False,
    )


def _overview(view: PageView) -> Section:
    numbers = tuple(_of_all(view, signal, operator) for signal, operator in _NOW)
    return Section("", (numbers, (_by_service(view, quiet(telemetry.SILENT), 12), alerts(TELEMETRY))))


def _of_services(view: PageView) -> Section:
    reported = (replace(_by_service(view, signal, 6), points=_POINTS.get(signal, 0)) for signal in _REPORTED)
    return Section("Services", ((_services(view).sized(16), _budget(view).sized(8)), tuple(reported)))


def _set_aside(view: PageView) -> Section:
    return Section(
        "What the plugin set aside",
        (
            (
                _by_service(view, quiet(telemetry.DROPPED_SHARE), 6),
                _by_service(view, quiet(telemetry.DROPPED), 6, catalog.REASON.name),
                _by_service(view, quiet(telemetry.OVERFLOW), 6, catalog.LABEL.name),
                _by_service(view, quiet(telemetry.PLUGIN_ERRORS), 6, catalog.SITE.name),
            ),
        ),
    )


def _attributed(view: PageView) -> Section:
    mix = _by_service(view, ATTRIBUTION_MIX, 12, catalog.RESULT.name)
    return Section("What events can be attributed", ((_by_service(view, ATTRIBUTED_SHARE, 12), mix),))


def _way_of_data(view: PageView) -> Section:
    alerting = lines(view, telemetry.ALERTING, [view.line(telemetry.ALERTING)])
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
    )
