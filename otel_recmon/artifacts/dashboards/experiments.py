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
from otel_recmon.artifacts.dashboards.queries import EXPERIMENT, PageView, Query, named
from otel_recmon.artifacts.dashboards.tables import Column, table
from otel_recmon.artifacts.pages import EXPERIMENTS
from otel_recmon.artifacts.settings.thresholds import Config, Experiments
from otel_recmon.artifacts.signals import arms, experiments, quality, traffic
from otel_recmon.artifacts.signals.arms import Judged
from otel_recmon.artifacts.signals.experiments import Estimate
from otel_recmon.artifacts.signals.kinds import Limits, Signal, Unit

_VARIANT: Final = catalog.VARIANT.name
_ARM: Final = (catalog.EXPERIMENT.name, _VARIANT)
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


def _verdict(view: PageView, judged: Judged, settings: Experiments) -> Panel:
    evidence = judged.evidence(settings)
    query = _small(view.now(evidence, legend=named(*_ARM)))
    panel = stat(view, EXPERIMENTS, judged.value, query, Unit.TIMES).sized(6)
    bad, good = ("too few", "too many") if judged is arms.SPLIT else ("worse", "better")
    fair = "as meant" if judged is arms.SPLIT else "undecided"
    mappings = [
        _said(None, -1, bad, look.BAD, 0),
        _said(-1, 1, fair, look.GOOD if judged is arms.SPLIT else look.NEUTRAL, 1),
        _said(1, None, good, look.BAD if judged is arms.SPLIT else look.GOOD, 2),
    ]
    return replace(
        panel,
        description=f"{evidence.description} Minus 1 to 1 is {fair}.",
        options={**panel.options, "textMode": "value_and_name", "colorMode": "value"},
        defaults={**panel.defaults, "mappings": mappings},
    )


def _said(low: float | None, high: float | None, text: str, colour: str, place: int) -> dict[str, Any]:
    result = {"text": text, "color": colour, "index": place}
    return {"type": "range", "options": {"from": low, "to": high, "result": result}}


def _small(query: Query) -> Query:
    return replace(query, expr=promql.flat(query.expr))


def _column(view: PageView, signal: Signal, legend: str, *apart: str) -> Column:
    return Column(_small(view.now(signal, *apart, legend=legend)), signal.unit)


def _bounded(view: PageView, value: Signal, low: Signal, high: Signal, *apart: str) -> list[Column]:
    said = ((value, ""), (low, ", at least"), (high, ", at most"))
    return [_column(view, signal, f"{value.title}{text}", *apart) for signal, text in said]


def _differences(view: PageView, settings: Experiments) -> Panel:
    words = (
        "Each treatment against the control, relative to what that has, with bounds that hold however often one looks: "
        "where they are on either side of 0, nothing is certain yet. The page's range must hold all of the experiment."
    )
    columns = [
        column for one in arms.JUDGED for column in _bounded(view, one.value, one.low(settings), one.high(settings))
    ]
    return table(view, "experiments.differences", "Against the control", words, columns).sized(24, 8)


def _over_time(view: PageView, judged: Judged, settings: Experiments) -> Panel:
    evidence = judged.evidence(settings)
    panel = lines(view, judged.value, [_small(view.since(evidence, legend=named(*_ARM)))])
    words = f"{evidence.description} Each point looks back by the page's whole range."
    steps = [{"color": look.BAD, "value": None}, {"color": look.NEUTRAL, "value": -1}, {"color": look.GOOD, "value": 1}]
    lined = {"custom": {**panel.defaults["custom"], "thresholdsStyle": {"mode": "dashed"}}}
    limits = {"thresholds": {"mode": "absolute", "steps": steps}}
    return replace(
        panel,
        title=evidence.title,
        description=words,
        unit=Unit.TIMES,
        points=_POINTS,
        defaults={**panel.defaults, **lined, **limits},
    )


def _sizes(view: PageView) -> Panel:
    volumes = (arms.EXPOSED, arms.CLICKED, arms.CONVERTED)
    counts = [Column(view.count(volume, *_ARM, legend=volume.title), Unit.COUNT) for volume in volumes]
    counts.append(Column(view.count(arms.EARNED, *_ARM, legend=arms.EARNED.title), Unit.MONEY))
    shares = (arms.CLICK_RATE, arms.CONVERSION_RATE, arms.EARNING)
    rates = [_column(view, share, share.title, *_ARM) for share in shares]
    words = "What was counted in each arm over the page's range. The bounds narrow with the root of it."
    return table(view, "experiments.sizes", "How much is known", words, [*counts, *rates]).sized(24, 6)


def _lifts(view: PageView) -> Panel:
    words = (
        "Each variant against the one chosen as control, over the page's range, with 95% intervals that take requests "
        "as independent: too narrow where users come back often. Look once, at the end that was planned: who looks "
        "often, finds. With an experiment configured, go by what stands above."
    )
    columns = [column for one in _LIFTS for column in _bounded(view, one.value, one.low, one.high)]
    return table(view, "experiments.lifts", "Lift, as if requests were independent", words, columns).sized(24, 6)


def _variants(view: PageView) -> Panel:
    counts = [
        Column(view.count(volume, _VARIANT, legend=volume.title), Unit.COUNT)
        for volume in (traffic.REQUESTS, traffic.CLICKS, traffic.CONVERSIONS)
    ]
    columns = [*counts, _column(view, experiments.VARIANT_MIX, "Share of requests"), *_estimates(view, _VALUES)]
    words = "Each variant over the page's range, with 95% intervals that take requests as independent."
    return table(view, "experiments.variants", "Variants", words, columns).sized(24, 6)


def _estimates(view: PageView, estimates: Sequence[Estimate]) -> list[Column]:
    return [column for one in estimates for column in _bounded(view, one.value, one.low, one.high, _VARIANT)]


def _by_variant(view: PageView, signal: Signal, width: int) -> Panel:
    panel = lines(view, signal, [view.line(signal, _VARIANT)]).sized(width)
    return replace(panel, name=f"experiments.{signal.name}", title=f"{signal.title} by variant")


def _against(view: PageView, signal: Signal) -> Panel:
    return lines(view, signal, [view.line(signal, legend=named(*_ARM))]).sized(8)


def _shares(view: PageView) -> Panel:
    signal = experiments.VARIANT_MIX
    panel = lines(view, signal, [view.line(signal, legend=named(_VARIANT))], stacked=True)
    return replace(panel, defaults={**panel.defaults, "max": 1})


def _requests(view: PageView) -> Panel:
    panel = bars(view, "experiments.requests", traffic.REQUESTS, [view.count(traffic.REQUESTS, _VARIANT)])
    return replace(panel, unit=Unit.COUNT, title="Requests of each variant")


def _coec(view: PageView) -> Panel:
    panel = bars(view, "experiments.coec", quality.COEC, [view.now(quality.COEC, _VARIANT)])
    return replace(panel, title="Clicks over expected clicks of each variant")


def board(config: Config, limits: Limits) -> Board:
    """Return the page."""
    view, settings = PageView(EXPERIMENT, config.deployment, limits), config.experiments
    return Board(
        EXPERIMENTS,
        "How the arms of an experiment compare, and how sure that is. docs/experiments.md says how they are judged.",
        view,
        (
            *SERVICE_VARIABLES,
            CONTROL_VARIABLE,
            *(variable for label, variable in NARROWING_VARIABLES.items() if label != _VARIANT),
        ),
        (_overview(view, settings), _since_it_began(view, settings), _guardrails(view), _without_experiment(view)),
    )


def _overview(view: PageView, settings: Experiments) -> Section:
    return Section("", (tuple(_verdict(view, one, settings) for one in arms.JUDGED), (_differences(view, settings),)))


def _since_it_began(view: PageView, settings: Experiments) -> Section:
    verdicts = tuple(_over_time(view, one, settings).sized(6) for one in arms.JUDGED)
    return Section("Since the experiment began", ((_sizes(view),), verdicts))


def _guardrails(view: PageView) -> Section:
    return Section(
        "Guardrails",
        (
            (*(_against(view, signal) for signal in _AGAINST), _by_variant(view, quality.DIVERSITY, 8)),
            tuple(_by_variant(view, signal, 6) for signal in _BY_VARIANT),
        ),
    )


def _without_experiment(view: PageView) -> Section:
    charts = (_shares(view).sized(8), _requests(view).sized(8), _coec(view).sized(8))
    return Section("By variant, where no experiment is configured", ((_lifts(view),), (_variants(view),), charts))
