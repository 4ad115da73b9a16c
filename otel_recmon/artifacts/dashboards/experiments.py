"""For those who decide between models: how the arms of an experiment compare, and how sure that is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import (
    CONTROL_VARIABLE,
    NARROWING_VARIABLES,
    SERVICE_VARIABLES,
    Board,
    Section,
)
from otel_recmon.artifacts.dashboards.panels import Panel, bars, lines, stat
from otel_recmon.artifacts.dashboards.queries import EXPERIMENT, RARE, named
from otel_recmon.artifacts.dashboards.tables import Column, table
from otel_recmon.artifacts.pages import EXPERIMENTS
from otel_recmon.artifacts.signals import experiments, traffic
from otel_recmon.artifacts.signals.experiments import Estimate
from otel_recmon.artifacts.signals.kinds import Signal, Unit

_VARIANT: Final = catalog.VARIANT.name
_ASKED: Final = EXPERIMENT
_VALUES: Final = (
    experiments.CTR_ESTIMATE,
    experiments.CONVERSION_RATE_ESTIMATE,
    experiments.REVENUE_ESTIMATE,
)
_LIFTS: Final = (experiments.CTR_LIFT, experiments.CONVERSION_RATE_LIFT, experiments.REVENUE_LIFT)
_GUARDRAILS: Final = (traffic.ERROR_RATE, traffic.LATENCY_P95, traffic.FALLBACK_SHARE, traffic.LIST_LENGTH)


def _lift_now(signal: Signal) -> Panel:
    panel = stat(EXPERIMENTS, _ASKED, signal, _ASKED.now(signal, legend=named(_VARIANT))).sized(8)
    return replace(panel, options={**panel.options, "textMode": "value_and_name"})


def _lift_over_time(estimate: Estimate) -> Panel:
    edges = {"at least": estimate.low, "at most": estimate.high}
    queries = [
        _ASKED.line(estimate.value, legend=named(_VARIANT)),
        *(_ASKED.line(signal, legend=f"{named(_VARIANT)}, {name}") for name, signal in edges.items()),
    ]
    panel = lines(estimate.value, _ASKED, queries)
    return replace(panel, interval=RARE).sized(8)


def _column(signal: Signal, legend: str, *apart: str) -> Column:
    return Column(_ASKED.now(signal, *apart, legend=legend), signal.unit)


def _estimates(estimates: Sequence[Estimate], *apart: str) -> list[Column]:
    return [
        _column(signal, f"{estimate.value.title}{said}", *apart)
        for estimate in estimates
        for signal, said in ((estimate.value, ""), (estimate.low, ", at least"), (estimate.high, ", at most"))
    ]


def _lifts() -> Panel:
    words = (
        "Each variant against the control, relative to it, over the page's range, with 95% intervals. Where the "
        "interval holds 0, there is no telling. Look once, at the end that was planned: who looks often, finds."
    )
    return table("experiments.lifts", "Lift against the control", words, _estimates(_LIFTS)).sized(24, 6)


def _variants() -> Panel:
    counts = [
        Column(_ASKED.count(volume, _VARIANT, legend=volume.title), Unit.COUNT)
        for volume in (traffic.REQUESTS, traffic.CLICKS, traffic.CONVERSIONS)
    ]
    share = _column(experiments.VARIANT_MIX, "Share of requests")
    words = "Each variant over the page's range, with 95% intervals."
    return table("experiments.variants", "Variants", words, [*counts, share, *_estimates(_VALUES, _VARIANT)]).sized(
        24, 6
    )


def _by_variant(signal: Signal, width: int) -> Panel:
    panel = lines(signal, _ASKED, [_ASKED.line(signal, _VARIANT)]).sized(width)
    return replace(panel, name=f"experiments.{signal.name}", title=f"{signal.title} by variant")


def _shares() -> Panel:
    signal = experiments.VARIANT_MIX
    panel = lines(signal, _ASKED, [_ASKED.line(signal, legend=named(_VARIANT))], stacked=True)
    return replace(panel, defaults={**panel.defaults, "max": 1})


def _requests() -> Panel:
    panel = bars("experiments.requests", traffic.REQUESTS, _ASKED, [_ASKED.count(traffic.REQUESTS, _VARIANT)])
    return replace(panel, unit=Unit.COUNT, title="Requests of each variant")


BOARD: Final = Board(
    EXPERIMENTS,
    "How the arms of an experiment compare, and how sure that is.",
    (
        Section("", (tuple(_lift_now(estimate.value) for estimate in _LIFTS), (_lifts(),))),
        Section("Variants", ((_variants(),), (_shares(), _requests()))),
        Section(
            "Over time",
            (
                tuple(map(_lift_over_time, _LIFTS)),
                tuple(replace(_by_variant(estimate.value, 8), interval=RARE) for estimate in _VALUES),
            ),
        ),
        Section("Guardrails", (tuple(_by_variant(signal, 6) for signal in _GUARDRAILS),)),
    ),
    (
        *SERVICE_VARIABLES,
        CONTROL_VARIABLE,
        *(variable for label, variable in NARROWING_VARIABLES.items() if label != _VARIANT),
    ),
    _ASKED,
)
