"""The dashboard for decisions between models: the arms of an experiment compared with its control."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.dashboards import look
from otel_recmon.artifacts.dashboards.board import (
    CONTROL_VARIABLE,
    FILTER_VARIABLES,
    SERVICE_VARIABLES,
    Board,
    Section,
)
from otel_recmon.artifacts.dashboards.panels import Panel, bars, lines, stat
from otel_recmon.artifacts.dashboards.queries import EXPERIMENT, PageView, Query, legend_of
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
"""The maximum number of points of a verdict over time, because each point reads the data of the whole experiment.

On two shared cores, the query of a verdict for one week and one process takes 1.7 s (docs/experiments.md).
"""
_VALUES: Final = (
    experiments.CTR_ESTIMATE,
    experiments.CONVERSION_RATE_ESTIMATE,
    experiments.REVENUE_ESTIMATE,
)
_LIFTS: Final = (experiments.CTR_LIFT, experiments.CONVERSION_RATE_LIFT, experiments.REVENUE_LIFT)
_AGAINST_CONTROL: Final = (arms.SLOWER, arms.FAILING_MORE)
_BY_VARIANT: Final = (traffic.ERROR_RATE, traffic.LATENCY_P95, traffic.FALLBACK_SHARE, traffic.LIST_LENGTH)


def _verdict(view: PageView, judged: Judged, settings: Experiments) -> Panel:
    evidence = judged.evidence(settings)
    query = _on_one_line(view.over_range(evidence, legend=legend_of(*_ARM)))
    panel = stat(view, EXPERIMENTS, judged.value, query, Unit.TIMES).sized(6)
    words = _SPLIT_WORDS if judged is arms.SPLIT else _RATE_WORDS
    return replace(
        panel,
        description=f"{evidence.description} {words.note}",
        options={**panel.options, "textMode": "value_and_name", "colorMode": "value"},
        defaults={**panel.defaults, "mappings": words.mappings},
    )


@dataclass(frozen=True)
class _VerdictWords:
    """The words and colours of a verdict, for values below -1, values from -1 to 1, and values above 1."""

    below: tuple[str, str]
    between: tuple[str, str]
    above: tuple[str, str]
    note: str

    @property
    def mappings(self) -> list[dict[str, Any]]:
        """The words and colours as the value mappings of a Grafana panel."""
        ranges = ((None, -1, self.below), (-1, 1, self.between), (1, None, self.above))
        return [
            {
                "type": "range",
                "options": {"from": low, "to": high, "result": {"text": text, "color": colour, "index": index}},
            }
            for index, (low, high, (text, colour)) in enumerate(ranges)
        ]


_SPLIT_WORDS: Final = _VerdictWords(
    ("too few", look.BAD),
    ("as meant", look.GOOD),
    ("too many", look.BAD),
    "For the split, a value below -1 means too few exposures, and a value above 1 means too many. In both cases, do "
    "not trust the other verdicts until you have found the cause.",
)
_RATE_WORDS: Final = _VerdictWords(
    ("worse", look.BAD),
    ("undecided", look.NEUTRAL),
    ("better", look.GOOD),
    'If the verdict is "undecided", wait for more data until the planned end of the experiment.',
)


def _on_one_line(query: Query) -> Query:
    """Return the query on one line. Indentation would make the deeply nested queries several times larger."""
    return replace(query, expr=promql.flat(query.expr))


def _column(view: PageView, signal: Signal, legend: str, *labels: str) -> Column:
    return Column(_on_one_line(view.over_range(signal, *labels, legend=legend)), signal.unit)


def _with_bounds(view: PageView, value: Signal, low: Signal, high: Signal, *labels: str) -> list[Column]:
    signals = ((value, ""), (low, ", at least"), (high, ", at most"))
    return [_column(view, signal, f"{value.title}{suffix}", *labels) for signal, suffix in signals]


def _differences(view: PageView, settings: Experiments) -> Panel:
    description = (
        "The table shows by how much each treatment differs from the control. For example, 10% means 10% more than the "
        'control. If "at least" is below 0 and "at most" is above 0, the difference may be chance. You can read this '
        "table as often as you like: repeated looks do not produce false positives. Select a time range that contains "
        "the whole experiment."
    )
    columns = [
        column for one in arms.JUDGED for column in _with_bounds(view, one.value, one.low(settings), one.high(settings))
    ]
    return table(view, "experiments.differences", "Difference from the control", description, columns).sized(24, 8)


def _over_time(view: PageView, judged: Judged, settings: Experiments) -> Panel:
    evidence = judged.evidence(settings)
    panel = lines(view, judged.value, [_on_one_line(view.trailing_range(evidence, legend=legend_of(*_ARM)))])
    steps = [{"color": look.BAD, "value": None}, {"color": look.NEUTRAL, "value": -1}, {"color": look.GOOD, "value": 1}]
    lined = {"custom": {**panel.defaults["custom"], "thresholdsStyle": {"mode": "dashed"}}}
    limits = {"thresholds": {"mode": "absolute", "steps": steps}}
    return replace(
        panel,
        title=evidence.title,
        description=f"{evidence.description} Each point covers a window as long as the selected time range.",
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
    description = (
        "The table shows the counts of each arm in the selected time range. With four times as many events, the range "
        'from "at least" to "at most" in *Difference from the control* becomes half as wide.'
    )
    return table(view, "experiments.sizes", "Data of each arm", description, [*counts, *rates]).sized(24, 6)


def _lifts(view: PageView) -> Panel:
    description = (
        "The table shows by how much each variant differs from the variant selected as *Control*. The columns "
        '"at least" and "at most" are the bounds of 95% confidence intervals. The intervals assume independent '
        "requests. If users come back often, the intervals are too narrow. Read this table once, at the planned end of "
        "the experiment: repeated looks produce false positives. If an experiment is configured, use *Difference from "
        "the control* instead."
    )
    columns = [column for one in _LIFTS for column in _with_bounds(view, one.value, one.low, one.high)]
    return table(view, "experiments.lifts", "Lift, assuming independent requests", description, columns).sized(24, 6)


def _variants(view: PageView) -> Panel:
    counts = [
        Column(view.count(volume, _VARIANT, legend=volume.title), Unit.COUNT)
        for volume in (traffic.REQUESTS, traffic.CLICKS, traffic.CONVERSIONS)
    ]
    columns = [*counts, _column(view, experiments.VARIANT_MIX, "Share of requests"), *_estimates(view, _VALUES)]
    description = (
        'The table has one row for each variant in the selected time range. The columns "at least" and "at most" are '
        "the bounds of 95% confidence intervals. The intervals assume independent requests."
    )
    return table(view, "experiments.variants", "Variants", description, columns).sized(24, 6)


def _estimates(view: PageView, estimates: Sequence[Estimate]) -> list[Column]:
    return [column for one in estimates for column in _with_bounds(view, one.value, one.low, one.high, _VARIANT)]


def _by_variant(view: PageView, signal: Signal, width: int) -> Panel:
    panel = lines(view, signal, [view.over_time(signal, _VARIANT)]).sized(width)
    return replace(panel, name=f"experiments.{signal.name}", title=f"{signal.title} by variant")


def _against_control(view: PageView, signal: Signal) -> Panel:
    return lines(view, signal, [view.over_time(signal, legend=legend_of(*_ARM))]).sized(8)


def _shares(view: PageView) -> Panel:
    signal = experiments.VARIANT_MIX
    panel = lines(view, signal, [view.over_time(signal, legend=legend_of(_VARIANT))], stacked=True)
    return replace(panel, defaults={**panel.defaults, "max": 1})


def _requests(view: PageView) -> Panel:
    panel = bars(view, "experiments.requests", traffic.REQUESTS, [view.count(traffic.REQUESTS, _VARIANT)])
    return replace(panel, unit=Unit.COUNT, title="Number of requests by variant")


def _coec(view: PageView) -> Panel:
    panel = bars(view, "experiments.coec", quality.COEC, [view.over_range(quality.COEC, _VARIANT)])
    return replace(panel, title="Clicks over expected clicks by variant")


def board(config: Config, limits: Limits) -> Board:
    """Return the dashboard."""
    view, settings = PageView(EXPERIMENT, config.deployment, limits), config.experiments
    return Board(
        EXPERIMENTS,
        "This dashboard compares the treatments of an experiment with its control. The first line of panels has the "
        "verdicts. docs/experiments.md describes the method.",
        view,
        (
            *SERVICE_VARIABLES,
            CONTROL_VARIABLE,
            *(variable for label, variable in FILTER_VARIABLES.items() if label != _VARIANT),
        ),
        (_overview(view, settings), _since_start(view, settings), _guardrails(view), _without_experiment(view)),
    )


def _overview(view: PageView, settings: Experiments) -> Section:
    return Section("", (tuple(_verdict(view, one, settings) for one in arms.JUDGED), (_differences(view, settings),)))


def _since_start(view: PageView, settings: Experiments) -> Section:
    verdicts = tuple(_over_time(view, one, settings).sized(6) for one in arms.JUDGED)
    return Section("Since the start of the experiment", ((_sizes(view),), verdicts), row_id=531175)


def _guardrails(view: PageView) -> Section:
    return Section(
        "Guardrails",
        (
            (*(_against_control(view, signal) for signal in _AGAINST_CONTROL), _by_variant(view, quality.DIVERSITY, 8)),
            tuple(_by_variant(view, signal, 6) for signal in _BY_VARIANT),
        ),
        row_id=767278,
    )


def _without_experiment(view: PageView) -> Section:
    charts = (_shares(view).sized(8), _requests(view).sized(8), _coec(view).sized(8))
    lines_of_panels = ((_lifts(view),), (_variants(view),), charts)
    return Section("Variants without a configured experiment", lines_of_panels, row_id=827365)
