"""For those who make the model: what it recommends, how well that is taken, and how old it is."""

from dataclasses import replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import NARROWING_VARIABLES, SERVICE_VARIABLES, Board, Section
from otel_recmon.artifacts.dashboards.panels import Panel, alerts, bars, heatmap, lines, sketched, stat
from otel_recmon.artifacts.dashboards.queries import ONE_SERVICE, RARE, TURN, named
from otel_recmon.artifacts.pages import QUALITY
from otel_recmon.artifacts.signals import fleet, quality, traffic
from otel_recmon.artifacts.signals.kinds import Signal, Unit

_VERSION, _POSITION, _CATEGORY = catalog.MODEL_VERSION.name, catalog.POSITION.name, catalog.CATEGORY.name
_ASKED: Final = ONE_SERVICE
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


def _by(signal: Signal, *apart: str) -> Panel:
    return lines(signal, _ASKED, [_ASKED.line(signal, *apart)])


def _mix(signal: Signal, label: str) -> Panel:
    panel = lines(signal, _ASKED, [_ASKED.line(signal, legend=named(label))], stacked=True)
    return replace(panel, defaults={**panel.defaults, "max": 1})


def _position_curve() -> Panel:
    panel = bars("quality.position_curve", traffic.ITEM_CTR, _ASKED, [_ASKED.now(traffic.ITEM_CTR, _POSITION)])
    words = f"{panel.description} Over the page's range: how much of the attention each place gets."
    return replace(panel, title="Position curve", description=words)


def _ctr_by_position() -> Panel:
    panel = lines(traffic.ITEM_CTR, _ASKED, [_ASKED.line(traffic.ITEM_CTR, _POSITION)])
    return replace(panel, name="quality.positions", title="Item click-through rate by position", interval=RARE)


def _coec() -> Panel:
    panel = bars("quality.coec", quality.COEC, _ASKED, [_ASKED.now(quality.COEC, _VERSION)])
    words = f"{panel.description} The rates are those of the position curve."
    return replace(panel, title="Clicks over expected clicks, of the page's range", description=words)


BOARD: Final = Board(
    QUALITY,
    "What is recommended, how it is taken, and how old the model is that chose it. What the fleet shows comes from "
    "counters; what is of a process is called so.",
    lambda: (
        Section(
            "",
            (
                tuple(stat(QUALITY, _ASKED, signal, _ASKED.now(signal)) for signal in _NOW),
                (_position_curve().sized(12, 7), alerts(QUALITY).sized(12, 7)),
            ),
        ),
        Section(
            "What is shown",
            (
                (_by(quality.DIVERSITY, _VERSION), _mix(quality.CATEGORY_MIX, _CATEGORY)),
                tuple(
                    _by(signal, _VERSION).sized(8)
                    for signal in (quality.PROCESS_DIVERSITY, quality.COVERAGE, quality.FULL_COVERAGE)
                ),
                (
                    *(
                        sketched(signal, _ASKED, _VERSION, TURN).sized(8)
                        for signal in (fleet.FLEET_COVERAGE, fleet.DISTINCT_ITEMS)
                    ),
                    _by(quality.GINI, _VERSION).sized(8),
                ),
                (_by(traffic.LIST_LENGTH, _VERSION), _mix(quality.POSITION_MIX, _POSITION)),
            ),
        ),
        Section(
            "How it is taken",
            (
                (replace(_by(traffic.ITEM_CTR, _VERSION), interval=RARE), _ctr_by_position()),
                (replace(_by(quality.COEC, _VERSION), interval=RARE), _coec()),
            ),
        ),
        Section(
            "Scores",
            (
                (
                    heatmap(quality.SCORES, _ASKED, Unit.TIMES).sized(8),
                    _by(quality.MEAN_SCORE, _VERSION).sized(8),
                    _by(quality.SCORE_DRIFT, _VERSION).sized(8),
                ),
            ),
        ),
        Section("Age", ((_by(quality.STALENESS, _VERSION), _by(quality.RELOAD_PENDING, _VERSION)),)),
    ),
    (*SERVICE_VARIABLES, *NARROWING_VARIABLES.values()),
    _ASKED,
)
