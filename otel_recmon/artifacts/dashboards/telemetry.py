"""For those who look after the pipeline: whether the picture on the other pages can be trusted."""

from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.dashboards.board import FLEET_VARIABLES, Board, Section
from otel_recmon.artifacts.dashboards.panels import Panel, alerts, lines, stat
from otel_recmon.artifacts.dashboards.queries import FLEET, WHOLE, Query, named
from otel_recmon.artifacts.dashboards.tables import Column, table
from otel_recmon.artifacts.pages import TELEMETRY
from otel_recmon.artifacts.promql import IDENTITY
from otel_recmon.artifacts.signals import telemetry
from otel_recmon.artifacts.signals.kinds import Signal
from otel_recmon.artifacts.signals.telemetry import quiet

_ASKED: Final = FLEET
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


def _of_all(signal: Signal, operator: str) -> Panel:
    value = promql.aggregate(operator, signal.expression(_ASKED.scope(WHOLE)), ())
    return stat(TELEMETRY, _ASKED, signal, Query(value, signal.title, instant=True))


def _by_service(signal: Signal, width: int, *apart: str) -> Panel:
    return lines(signal, _ASKED, [_ASKED.line(signal, *apart, legend=named(*IDENTITY, *apart))]).sized(width)


def _services() -> Panel:
    signals = (telemetry.INSTANCES, telemetry.SERIES, telemetry.LAST_SAMPLE_AGE, quiet(telemetry.DROPPED_SHARE))
    columns = [Column(_ASKED.now(signal, legend=signal.title), signal.unit) for signal in signals]
    words = "Every service that reports now. No metric of a process has more than "
    bound = f"{words}{catalog.MAX_SERIES:,} combinations of labels, whatever clients send."
    return table("telemetry.services", "Services", bound, columns, services=True)


BOARD: Final = Board(
    TELEMETRY,
    "Whether the picture on the other pages can be trusted: who reports, and what is lost on the way.",
    (
        Section(
            "",
            (
                tuple(_of_all(signal, operator) for signal, operator in _NOW),
                (_by_service(quiet(telemetry.SILENT), 12), alerts(TELEMETRY)),
            ),
        ),
        Section(
            "Services",
            (
                (_services(),),
                tuple(
                    _by_service(signal, 8)
                    for signal in (telemetry.INSTANCES, telemetry.SERIES, telemetry.LAST_SAMPLE_AGE)
                ),
            ),
        ),
        Section(
            "What the plugin set aside",
            (
                (
                    _by_service(quiet(telemetry.DROPPED_SHARE), 6),
                    _by_service(quiet(telemetry.DROPPED), 6, catalog.REASON.name),
                    _by_service(quiet(telemetry.OVERFLOW), 6, catalog.LABEL.name),
                    _by_service(quiet(telemetry.PLUGIN_ERRORS), 6, catalog.SITE.name),
                ),
            ),
        ),
        Section(
            "Collector, Prometheus and Alertmanager",
            (
                (_by_service(telemetry.QUEUE_FILL, 12), _by_service(telemetry.LOST_POINTS, 12)),
                (
                    _by_service(telemetry.ACCEPTED_POINTS, 12),
                    _by_service(telemetry.SENT_POINTS, 12, telemetry.EXPORTER),
                ),
                (
                    _by_service(telemetry.TARGETS_UP, 8, "instance"),
                    lines(telemetry.ALERTING, _ASKED, [_ASKED.line(telemetry.ALERTING)]).sized(8),
                    _by_service(telemetry.MESSAGES_LOST, 8),
                ),
            ),
        ),
    ),
    FLEET_VARIABLES,
    _ASKED,
    annotated=False,
)
