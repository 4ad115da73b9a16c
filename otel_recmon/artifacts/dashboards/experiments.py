"""For those who decide between models: how the arms of an experiment compare, and how sure that is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.dashboards import look
from otel_recmon.artifacts.dashboards.board import (
    CONTROL_VARIABLE,
    NARROWING_VARIABLES,
    SERVICE_VARIABLES,
    Board,
    Section,
)
from otel_recmon.artifacts.dashboards.panels import Panel, bars, lines, stat
from otel_recmon.artifacts.dashboards.queries import EXPERIMENT, Query, named
from otel_recmon.artifacts.dashboards.tables import Column, table
from otel_recmon.artifacts.pages import EXPERIMENTS
from otel_recmon.artifacts.signals import arms, experiments, quality, traffic
from otel_recmon.artifacts.signals.arms import Judged
from otel_recmon.artifacts.signals.experiments import Estimate
from otel_recmon.artifacts.signals.kinds import Signal, Unit

_VARIANT: Final = catalog.VARIANT.name
_ARM: Final = (catalog.EXPERIMENT.name, _VARIANT)
_ASKED: Final = EXPERIMENT
_POINTS: Final = 12
"""Of a line each point of which looks back on the whole experiment."""
_VALUES: Final = (
    experiments.CTR_ESTIMATE,
    experiments.CONVERSION_RATE_ESTIMATE,
    experiments.REVENUE_ESTIMATE,
)
_LIFTS: Final = (experiments.CTR_LIFT, experiments.CONVERSION_RATE_LIFT, experiments.REVENUE_LIFT)
_AGAINST: Final = (arms.SLOWER, arms.FAILING_MORE)
_BY_VARIANT: Final = (traffic.ERROR_RATE, traffic.LATENCY_P95, traffic.FALLBACK_SHARE, traffic.LIST_LENGTH)


def _verdict(judged: Judged) -> Panel:
    query = _small(_ASKED.now(judged.evidence, legend=named(*_ARM)))
    panel = stat(EXPERIMENTS, _ASKED, judged.value, query, Unit.TIMES).sized(6)
    bad, good = ("too few", "too many") if judged is arms.SPLIT else ("worse", "better")
    fair = "as meant" if judged is arms.SPLIT else "undecided"
    mappings = [
        _said(None, -1, bad, look.BAD, 0),
        _said(-1, 1, fair, look.GOOD if judged is arms.SPLIT else look.NEUTRAL, 1),
        _said(1, None, good, look.BAD if judged is arms.SPLIT else look.GOOD, 2),
    ]
    return replace(
        panel,
        description=f"{judged.evidence.description} Minus 1 to 1 is {fair}.",
        options={**panel.options, "textMode": "value_and_name", "colorMode": "value"},
        defaults={**panel.defaults, "mappings": mappings},
    )


def _said(low: float | None, high: float | None, text: str, colour: str, place: int) -> dict[str, Any]:
    result = {"text": text, "color": colour, "index": place}
    return {"type": "range", "options": {"from": low, "to": high, "result": result}}


def _small(query: Query) -> Query:
    return replace(query, expr=promql.flat(query.expr))


def _column(signal: Signal, legend: str, *apart: str) -> Column:
    return Column(_small(_ASKED.now(signal, *apart, legend=legend)), signal.unit)


def _bounded(value: Signal, low: Signal, high: Signal, *apart: str) -> list[Column]:
    said = ((value, ""), (low, ", at least"), (high, ", at most"))
    return [_column(signal, f"{value.title}{text}", *apart) for signal, text in said]


def _differences() -> Panel:
    words = (
        "Each treatment against the control, relative to what that has, with bounds that hold however often one looks: "
        "where they are on either side of 0, nothing is certain yet. The page's range must hold all of the experiment."
    )
    columns = [column for one in arms.JUDGED for column in _bounded(one.value, one.low, one.high)]
    return table("experiments.differences", "Against the control", words, columns).sized(24, 8)


def _over_time(judged: Judged) -> Panel:
    panel = lines(judged.value, _ASKED, [_small(_ASKED.since(judged.evidence, legend=named(*_ARM)))])
    words = f"{judged.evidence.description} Each point looks back by the page's whole range."
    steps = [{"color": look.BAD, "value": None}, {"color": look.NEUTRAL, "value": -1}, {"color": look.GOOD, "value": 1}]
    lined = {"custom": {**panel.defaults["custom"], "thresholdsStyle": {"mode": "dashed"}}}
    limits = {"thresholds": {"mode": "absolute", "steps": steps}}
    return replace(
        panel,
        title=judged.evidence.title,
        description=words,
        unit=Unit.TIMES,
        points=_POINTS,
        defaults={**panel.defaults, **lined, **limits},
    )


def _sizes() -> Panel:
    volumes = (arms.EXPOSED, arms.CLICKED, arms.CONVERTED)
    counts = [Column(_ASKED.count(volume, *_ARM, legend=volume.title), Unit.COUNT) for volume in volumes]
    counts.append(Column(_ASKED.count(arms.EARNED, *_ARM, legend=arms.EARNED.title), Unit.MONEY))
    rates = [_column(share, share.title, *_ARM) for share in (arms.CLICK_RATE, arms.CONVERSION_RATE, arms.EARNING)]
    words = "What was counted in each arm over the page's range. The bounds narrow with the root of it."
    return table("experiments.sizes", "How much is known", words, [*counts, *rates]).sized(24, 6)


def _lifts() -> Panel:
    words = (
        "Each variant against the one chosen as control, over the page's range, with 95% intervals that take requests "
        "as independent: too narrow where users come back often. Look once, at the end that was planned: who looks "
        "often, finds. With an experiment configured, go by what stands above."
    )
    columns = [column for one in _LIFTS for column in _bounded(one.value, one.low, one.high)]
    return table("experiments.lifts", "Lift, as if requests were independent", words, columns).sized(24, 6)


def _variants() -> Panel:
    counts = [
        Column(_ASKED.count(volume, _VARIANT, legend=volume.title), Unit.COUNT)
        for volume in (traffic.REQUESTS, traffic.CLICKS, traffic.CONVERSIONS)
    ]
    share = _column(experiments.VARIANT_MIX, "Share of requests")
    words = "Each variant over the page's range, with 95% intervals that take requests as independent."
    return table("experiments.variants", "Variants", words, [*counts, share, *_estimates(_VALUES)]).sized(24, 6)


def _estimates(estimates: Sequence[Estimate]) -> list[Column]:
    return [column for one in estimates for column in _bounded(one.value, one.low, one.high, _VARIANT)]


def _by_variant(signal: Signal, width: int) -> Panel:
    panel = lines(signal, _ASKED, [_ASKED.line(signal, _VARIANT)]).sized(width)
    return replace(panel, name=f"experiments.{signal.name}", title=f"{signal.title} by variant")


def _against(signal: Signal) -> Panel:
    return lines(signal, _ASKED, [_ASKED.line(signal, legend=named(*_ARM))]).sized(8)


def _shares() -> Panel:
    signal = experiments.VARIANT_MIX
    panel = lines(signal, _ASKED, [_ASKED.line(signal, legend=named(_VARIANT))], stacked=True)
    return replace(panel, defaults={**panel.defaults, "max": 1})


def _requests() -> Panel:
    panel = bars("experiments.requests", traffic.REQUESTS, _ASKED, [_ASKED.count(traffic.REQUESTS, _VARIANT)])
    return replace(panel, unit=Unit.COUNT, title="Requests of each variant")


def _coec() -> Panel:
    panel = bars("experiments.coec", quality.COEC, _ASKED, [_ASKED.now(quality.COEC, _VARIANT)])
    return replace(panel, title="Clicks over expected clicks of each variant")


BOARD: Final = Board(
    EXPERIMENTS,
    "How the arms of an experiment compare, and how sure that is. docs/experiments.md says how they are judged.",
    lambda: (
        Section("", (tuple(map(_verdict, arms.JUDGED)), (_differences(),))),
        Section("Since the experiment began", ((_sizes(),), tuple(_over_time(one).sized(6) for one in arms.JUDGED))),
        Section(
            "Guardrails",
            (
                (*map(_against, _AGAINST), _by_variant(quality.DIVERSITY, 8)),
                tuple(_by_variant(signal, 6) for signal in _BY_VARIANT),
            ),
        ),
        Section(
            "By variant, where no experiment is configured",
            ((_lifts(),), (_variants(),), (_shares().sized(8), _requests().sized(8), _coec().sized(8))),
        ),
    ),
    (
        *SERVICE_VARIABLES,
        CONTROL_VARIABLE,
        *(variable for label, variable in NARROWING_VARIABLES.items() if label != _VARIANT),
    ),
    _ASKED,
)
