"""The dashboard for engineers on call: traffic, errors, latency, error budget and pipeline stages of a service."""

from dataclasses import replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import FILTER_VARIABLES, SERVICE_VARIABLES, Board, Section
from otel_recmon.artifacts.dashboards.panels import Panel, alerts, bars, heatmap, lines, stat
from otel_recmon.artifacts.dashboards.queries import ONE_SERVICE, PageView, legend_of
from otel_recmon.artifacts.dashboards.tables import Column, table
from otel_recmon.artifacts.pages import SERVICE
from otel_recmon.artifacts.settings.thresholds import Config
from otel_recmon.artifacts.signals import http, traffic
from otel_recmon.artifacts.signals.kinds import Limits, Signal, Unit

_VERSION, _SURFACE = catalog.MODEL_VERSION.name, catalog.SURFACE.name
_STATUS, _OUTCOME, _STAGE = catalog.STATUS.name, catalog.OUTCOME.name, catalog.STAGE.name
_ROUTE_SIGNALS: Final = (http.ROUTE_REQUESTS, http.ROUTE_ERRORS, http.ROUTE_P95)


def _by(view: PageView, signal: Signal, *labels: str) -> Panel:
    return lines(view, signal, [view.over_time(signal, *labels)])


def _outcomes(view: PageView) -> Panel:
    panel = lines(
        view, traffic.OUTCOME_MIX, [view.over_time(traffic.OUTCOME_MIX, legend=legend_of(_OUTCOME))], stacked=True
    )
    return replace(panel, defaults={**panel.defaults, "max": 1})


def _slowest(view: PageView) -> Panel:
    panel = bars(view, "service.slowest", traffic.LATENCY_P95, [view.over_range(traffic.LATENCY_P95, _SURFACE)])
    return replace(panel, title="Latency by surface, P95")


def _funnel(view: PageView) -> Panel:
    panel = bars(view, "service.funnel", traffic.CANDIDATES, [view.count(traffic.CANDIDATES, _STAGE)])
    return replace(panel, title="Candidate funnel", unit=Unit.COUNT)


def _routes(view: PageView) -> Panel:
    columns = [
        Column(view.over_range(signal, http.ROUTE, legend=signal.title), signal.unit) for signal in _ROUTE_SIGNALS
    ]
    description = (
        "The table has one row for each HTTP route of the service. The values come from the instrumentation of the web "
        "framework. Compare the recommendation routes with the other routes. If the table is empty, set "
        "OTEL_SEMCONV_STABILITY_OPT_IN=http for the service."
    )
    return table(view, "service.routes", "Routes", description, columns)


def _statuses(view: PageView) -> Panel:
    panel = lines(view, traffic.REQUESTS, [view.over_time(traffic.REQUESTS, _STATUS)], stacked=True)
    return replace(panel, name="service.statuses", title="Requests by status")


def board(config: Config, limits: Limits) -> Board:
    """Return the dashboard."""
    view, objective = PageView(ONE_SERVICE, config.deployment, limits), config.general.objective
    burn_rate, budget_left = traffic.burn_rate(objective), traffic.budget_left(objective)
    return Board(
        SERVICE,
        "This dashboard shows the traffic, errors, latency, error budget and pipeline stages of one service. If a "
        "number in the first line of panels is orange or red, start with this number.",
        view,
        (*SERVICE_VARIABLES, *FILTER_VARIABLES.values()),
        (
            _overview(view, budget_left),
            _rate_and_errors(view),
            _latency(view),
            _objective(view, burn_rate, budget_left),
            _stages(view),
            _by_route(view),
        ),
    )


def _overview(view: PageView, budget_left: Signal) -> Section:
    signals = (
        traffic.SUCCESSES,
        traffic.ERROR_RATE,
        traffic.LATENCY_P50,
        traffic.LATENCY_P95,
        traffic.LATENCY_P99,
        traffic.GOOD_RESPONSES,
        budget_left,
        traffic.CACHE_HIT_RATE,
    )
    numbers = tuple(stat(view, SERVICE, signal, view.over_range(signal)) for signal in signals)
    return Section("", (numbers, (_slowest(view).sized(12, 7), alerts(SERVICE).sized(12, 7))))


def _rate_and_errors(view: PageView) -> Section:
    shares = (traffic.SUCCESSES, traffic.FALLBACK_SHARE, traffic.EMPTY_SHARE, traffic.PARTIAL_SHARE)
    return Section(
        "Requests and errors",
        (
            (_statuses(view).sized(8), _by(view, traffic.ERROR_RATE, _VERSION).sized(8), _outcomes(view).sized(8)),
            tuple(_by(view, signal, _VERSION).sized(6) for signal in shares),
        ),
        row_id=598017,
    )


def _latency(view: PageView) -> Section:
    return Section(
        "Latency",
        (
            (_by(view, traffic.LATENCY_P95, _VERSION), heatmap(view, traffic.LATENCIES, Unit.SECONDS)),
            (_by(view, traffic.LATENCY_P50, _VERSION), _by(view, traffic.LATENCY_P99, _VERSION)),
        ),
        row_id=451421,
    )


def _objective(view: PageView, burn_rate: Signal, budget_left: Signal) -> Section:
    signals = (traffic.GOOD_RESPONSES, burn_rate, budget_left)
    panels = tuple(_by(view, signal, _VERSION).sized(8) for signal in signals)
    return Section("Service level objective", (panels,), row_id=418995)


def _stages(view: PageView) -> Section:
    candidates, cache = _by(view, traffic.CANDIDATES, _STAGE), _by(view, traffic.CACHE_HIT_RATE)
    return Section(
        "Pipeline stages and cache",
        (
            (_by(view, traffic.STAGE_P95, _STAGE), _by(view, traffic.STAGE_MEAN, _STAGE)),
            (candidates.sized(8), _funnel(view).sized(8), cache.sized(8)),
        ),
        row_id=589847,
    )


def _by_route(view: PageView) -> Section:
    over_time = tuple(_by(view, signal, http.ROUTE).sized(8) for signal in _ROUTE_SIGNALS)
    return Section("HTTP routes", ((_routes(view),), over_time), row_id=127130)
