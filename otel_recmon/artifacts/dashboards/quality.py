"""For those who make the model: what it recommends, how well that is taken, and how old it is."""

from dataclasses import replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import NARROWING_VARIABLES, SERVICE_VARIABLES, Board, Section
from otel_recmon.artifacts.dashboards.panels import Panel, alerts, bars, heatmap, lines, sketched, stat
from otel_recmon.artifacts.dashboards.queries import ONE_SERVICE, RARE, TURN, PageView, named
from otel_recmon.artifacts.pages import QUALITY
from otel_recmon.artifacts.settings.thresholds import Config
from otel_recmon.artifacts.signals import fleet, quality, traffic
from otel_recmon.artifacts.signals.kinds import Limits, Signal, Unit

_VERSION, _POSITION, _CATEGORY = catalog.MODEL_VERSION.name, catalog.POSITION.name, catalog.CATEGORY.name
_NOW: Final = (
    traffic.ITEM_CTR,
    traffic.LIST_LENGTH,
    quality.DIVERSITY,
    quality.COVERAGE,
    quality.MEAN_SCORE,
    quality.SCORE_DRIFT,
    quality.STALENESS,
    quality.RELOAD_PENDING,
)


def _by(view: PageView, signal: Signal, *apart: str) -> Panel:
    return lines(view, signal, [view.line(signal, *apart)])


def _mix(view: PageView, signal: Signal, label: str) -> Panel:
    panel = lines(view, signal, [view.line(signal, legend=named(label))], stacked=True)
    return replace(panel, defaults={**panel.defaults, "max": 1})


def _position_curve(view: PageView) -> Panel:
    panel = bars(view, "quality.position_curve", traffic.ITEM_CTR, [view.now(traffic.ITEM_CTR, _POSITION)])
    words = f"{panel.description} Over the page's range: how much of the attention each place gets."
    return replace(panel, title="Position curve", description=words)


def _ctr_by_position(view: PageView) -> Panel:
    panel = lines(view, traffic.ITEM_CTR, [view.line(traffic.ITEM_CTR, _POSITION)])
    return replace(panel, name="quality.positions", title="Item click-through rate by position", interval=RARE)


def _coec(view: PageView) -> Panel:
    panel = bars(view, "quality.coec", quality.COEC, [view.now(quality.COEC, _VERSION)])
    words = f"{panel.description} The rates are those of the position curve."
    return replace(panel, title="Clicks over expected clicks, of the page's range", description=words)


def board(config: Config, limits: Limits) -> Board:
    """Return the page."""
    view = PageView(ONE_SERVICE, config.deployment, limits)
    return Board(
        QUALITY,
        "What is recommended, how it is taken, and how old the model is that chose it. What the fleet shows comes from "
        "counters; what is of a process is called so.",
        view,
        (*SERVICE_VARIABLES, *NARROWING_VARIABLES.values()),
        (_overview(view), _what_is_shown(view), _how_it_is_taken(view), _scores(view), _age(view)),
    )


def _overview(view: PageView) -> Section:
    numbers = tuple(stat(view, QUALITY, signal, view.now(signal)) for signal in _NOW)
    return Section("", (numbers, (_position_curve(view).sized(12, 7), alerts(QUALITY).sized(12, 7))))


def _what_is_shown(view: PageView) -> Section:
    of_processes = (quality.PROCESS_DIVERSITY, quality.COVERAGE, quality.FULL_COVERAGE)
    of_fleet = (fleet.FLEET_COVERAGE, fleet.DISTINCT_ITEMS)
    return Section(
        "What is shown",
        (
            (_by(view, quality.DIVERSITY, _VERSION), _mix(view, quality.CATEGORY_MIX, _CATEGORY)),
            tuple(_by(view, signal, _VERSION).sized(8) for signal in of_processes),
            (
                *(sketched(view, signal, _VERSION, TURN).sized(8) for signal in of_fleet),
                _by(view, quality.GINI, _VERSION).sized(8),
            ),
            (_by(view, traffic.LIST_LENGTH, _VERSION), _mix(view, quality.POSITION_MIX, _POSITION)),
        ),
    )


def _how_it_is_taken(view: PageView) -> Section:
    return Section(
        "How it is taken",
        (
            (replace(_by(view, traffic.ITEM_CTR, _VERSION), interval=RARE), _ctr_by_position(view)),
            (replace(_by(view, quality.COEC, _VERSION), interval=RARE), _coec(view)),
        ),
    )


def _scores(view: PageView) -> Section:
    over_time = (_by(view, signal, _VERSION).sized(8) for signal in (quality.MEAN_SCORE, quality.SCORE_DRIFT))
    return Section("Scores", ((heatmap(view, quality.SCORES, Unit.TIMES).sized(8), *over_time),))


def _age(view: PageView) -> Section:
    return Section("Age", ((_by(view, quality.STALENESS, _VERSION), _by(view, quality.RELOAD_PENDING, _VERSION)),))
