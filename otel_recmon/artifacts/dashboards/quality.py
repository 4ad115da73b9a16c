"""The dashboard for engineers of the model: recommended items, clicks on items, scores and the age of the model."""

from dataclasses import replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import FILTER_VARIABLES, SERVICE_VARIABLES, Board, Section
from otel_recmon.artifacts.dashboards.panels import Panel, alerts, bars, heatmap, lines, sketch_lines, stat
from otel_recmon.artifacts.dashboards.queries import ONE_SERVICE, RARE_EVENTS_STEP, SKETCH_STEP, PageView, legend_of
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


def _by(view: PageView, signal: Signal, *labels: str) -> Panel:
    return lines(view, signal, [view.over_time(signal, *labels)])


def _mix(view: PageView, signal: Signal, label: str) -> Panel:
    panel = lines(view, signal, [view.over_time(signal, legend=legend_of(label))], stacked=True)
    return replace(panel, defaults={**panel.defaults, "max": 1})


def _position_bias(view: PageView) -> Panel:
    query = view.over_range(traffic.ITEM_CTR, _POSITION)
    note = "There is one bar for each position. The differences between the bars show the position bias."
    panel = bars(view, "quality.position_curve", traffic.ITEM_CTR, [query], note)
    return replace(panel, title="Position bias")


def _ctr_by_position(view: PageView) -> Panel:
    panel = lines(view, traffic.ITEM_CTR, [view.over_time(traffic.ITEM_CTR, _POSITION)])
    return replace(
        panel, name="quality.positions", title="Item click-through rate by position", interval=RARE_EVENTS_STEP
    )


def _coec(view: PageView) -> Panel:
    panel = bars(view, "quality.coec", quality.COEC, [view.over_range(quality.COEC, _VERSION)])
    return replace(panel, title="Clicks over expected clicks by version")


def board(config: Config, limits: Limits) -> Board:
    """Return the dashboard."""
    view = PageView(ONE_SERVICE, config.deployment, limits)
    return Board(
        QUALITY,
        "This dashboard shows the recommended items, the clicks on these items, the scores and the age of the model. A "
        "panel with the word process in its title shows the mean over all processes of the service. All other panels "
        "show the service as a whole.",
        view,
        (*SERVICE_VARIABLES, *FILTER_VARIABLES.values()),
        (_overview(view), _items(view), _clicks(view), _scores(view), _age(view)),
    )


def _overview(view: PageView) -> Section:
    numbers = tuple(stat(view, QUALITY, signal, view.over_range(signal)) for signal in _NOW)
    return Section("", (numbers, (_position_bias(view).sized(12, 7), alerts(QUALITY).sized(12, 7))))


def _items(view: PageView) -> Section:
    of_processes = (quality.PROCESS_DIVERSITY, quality.COVERAGE, quality.FULL_COVERAGE)
    of_fleet = (fleet.FLEET_COVERAGE, fleet.DISTINCT_ITEMS)
    return Section(
        "Recommended items",
        (
            (_by(view, quality.DIVERSITY, _VERSION), _mix(view, quality.CATEGORY_MIX, _CATEGORY)),
            tuple(_by(view, signal, _VERSION).sized(8) for signal in of_processes),
            (
                *(sketch_lines(view, signal, _VERSION, SKETCH_STEP).sized(8) for signal in of_fleet),
                _by(view, quality.GINI, _VERSION).sized(8),
            ),
            (_by(view, traffic.LIST_LENGTH, _VERSION), _mix(view, quality.POSITION_MIX, _POSITION)),
        ),
        row_id=809671,
    )


def _clicks(view: PageView) -> Section:
    return Section(
        "Clicks",
        (
            (replace(_by(view, traffic.ITEM_CTR, _VERSION), interval=RARE_EVENTS_STEP), _ctr_by_position(view)),
            (replace(_by(view, quality.COEC, _VERSION), interval=RARE_EVENTS_STEP), _coec(view)),
        ),
        row_id=73583,
    )


def _scores(view: PageView) -> Section:
    over_time = (_by(view, signal, _VERSION).sized(8) for signal in (quality.MEAN_SCORE, quality.SCORE_DRIFT))
    return Section("Scores", ((heatmap(view, quality.SCORES, Unit.TIMES).sized(8), *over_time),), row_id=622997)


def _age(view: PageView) -> Section:
    panels = (_by(view, quality.STALENESS, _VERSION), _by(view, quality.RELOAD_PENDING, _VERSION))
    return Section("Model age", (panels,), row_id=833368)
