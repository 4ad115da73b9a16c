"""For those who run the service: how much, how fast, how often it fails, and where the time goes."""

from dataclasses import replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import NARROWING_VARIABLES, SERVICE_VARIABLES, Board, Section
from otel_recmon.artifacts.dashboards.panels import Panel, alerts, bars, heatmap, lines, stat
from otel_recmon.artifacts.dashboards.queries import ONE_SERVICE, named
from otel_recmon.artifacts.dashboards.tables import Column, table
from otel_recmon.artifacts.pages import SERVICE
from otel_recmon.artifacts.settings.thresholds import in_force
from otel_recmon.artifacts.signals import http, traffic
from otel_recmon.artifacts.signals.kinds import Signal, Unit

_VERSION, _SURFACE = catalog.MODEL_VERSION.name, catalog.SURFACE.name
_STATUS, _OUTCOME, _STAGE = catalog.STATUS.name, catalog.OUTCOME.name, catalog.STAGE.name
_ASKED: Final = ONE_SERVICE


def _objective() -> tuple[Signal, Signal, Signal]:
    """Return what follows from the objective in force: good responses, burn rate, budget left."""
    objective = in_force().general.objective
    return traffic.GOOD_RESPONSES, traffic.burn_rate(objective), traffic.budget_left(objective)


def _now() -> tuple[Signal, ...]:
    good, _, left = _objective()
    return (
        traffic.SUCCESSES,
        traffic.ERROR_RATE,
        traffic.LATENCY_P50,
        traffic.LATENCY_P95,
        traffic.LATENCY_P99,
        good,
        left,
        traffic.CACHE_HIT_RATE,
    )


def _by(signal: Signal, *apart: str) -> Panel:
    return lines(signal, _ASKED, [_ASKED.line(signal, *apart)])


def _outcomes() -> Panel:
    panel = lines(traffic.OUTCOME_MIX, _ASKED, [_ASKED.line(traffic.OUTCOME_MIX, legend=named(_OUTCOME))], stacked=True)
    return replace(panel, defaults={**panel.defaults, "max": 1})


def _slowest() -> Panel:
    panel = bars("service.slowest", traffic.LATENCY_P95, _ASKED, [_ASKED.now(traffic.LATENCY_P95, _SURFACE)])
    return replace(panel, title="Latency of surfaces, P95", description=f"{panel.description} Over the page's range.")


def _funnel() -> Panel:
    panel = bars("service.funnel", traffic.CANDIDATES, _ASKED, [_ASKED.count(traffic.CANDIDATES, _STAGE)])
    return replace(panel, title="Funnel of stages", unit=Unit.COUNT)


def _routes() -> Panel:
    signals = (http.ROUTE_REQUESTS, http.ROUTE_ERRORS, http.ROUTE_P95)
    columns = [Column(_ASKED.now(signal, http.ROUTE, legend=signal.title), signal.unit) for signal in signals]
    words = "All routes of the service over the page's range, as the instrumentation of the web framework counts them."
    return table("service.routes", "Routes", f"{words} Needs OTEL_SEMCONV_STABILITY_OPT_IN=http.", columns)


def _statuses() -> Panel:
    panel = lines(traffic.REQUESTS, _ASKED, [_ASKED.line(traffic.REQUESTS, _STATUS)], stacked=True)
    return replace(panel, name="service.statuses", title="Requests by status")


BOARD: Final = Board(
    SERVICE,
    "How much is asked for, how fast and how well it is answered, and where the time goes.",
    lambda: (
        Section(
            "",
            (
                tuple(stat(SERVICE, _ASKED, signal, _ASKED.now(signal)) for signal in _now()),
                (_slowest().sized(12, 7), alerts(SERVICE).sized(12, 7)),
            ),
        ),
        Section(
            "Rate and errors",
            (
                (_statuses().sized(8), _by(traffic.ERROR_RATE, _VERSION).sized(8), _outcomes().sized(8)),
                tuple(
                    _by(signal, _VERSION).sized(6)
                    for signal in (
                        traffic.SUCCESSES,
                        traffic.FALLBACK_SHARE,
                        traffic.EMPTY_SHARE,
                        traffic.PARTIAL_SHARE,
                    )
                ),
            ),
        ),
        Section(
            "Duration",
            (
                (_by(traffic.LATENCY_P95, _VERSION), heatmap(traffic.LATENCIES, _ASKED, Unit.SECONDS)),
                (_by(traffic.LATENCY_P50, _VERSION), _by(traffic.LATENCY_P99, _VERSION)),
            ),
        ),
        Section(
            "Objective",
            (tuple(_by(signal, _VERSION).sized(8) for signal in _objective()),),
        ),
        Section(
            "Inside",
            (
                (_by(traffic.STAGE_P95, _STAGE), _by(traffic.STAGE_MEAN, _STAGE)),
                (_by(traffic.CANDIDATES, _STAGE).sized(8), _funnel().sized(8), _by(traffic.CACHE_HIT_RATE).sized(8)),
            ),
        ),
        Section(
            "By route",
            (
                (_routes(),),
                tuple(
                    _by(signal, http.ROUTE).sized(8)
                    for signal in (http.ROUTE_REQUESTS, http.ROUTE_ERRORS, http.ROUTE_P95)
                ),
            ),
        ),
    ),
    (*SERVICE_VARIABLES, *NARROWING_VARIABLES.values()),
    _ASKED,
)
