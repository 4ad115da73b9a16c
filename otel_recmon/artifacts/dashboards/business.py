"""For people who do not read percentiles: who saw, clicked and bought, and what it earned."""

from dataclasses import replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import NARROWING_VARIABLES, SERVICE_VARIABLES, Board, Section
from otel_recmon.artifacts.dashboards.panels import Panel, alerts, band, bars, lines, past_override, sketched, stat
from otel_recmon.artifacts.dashboards.queries import HOUR, ONE_SERVICE, RARE, TURN, WEEK, WHOLE, Query
from otel_recmon.artifacts.dashboards.tables import Column, table
from otel_recmon.artifacts.pages import BUSINESS
from otel_recmon.artifacts.signals import experiments
from otel_recmon.artifacts.signals.attribution import CLICK_DELAY, CONVERSION_DELAY
from otel_recmon.artifacts.signals.experiments import Estimate
from otel_recmon.artifacts.signals.fleet import DISTINCT_USERS, REVENUE_PER_USER
from otel_recmon.artifacts.signals.kinds import Signal, Unit, Volume
from otel_recmon.artifacts.signals.traffic import (
    CLICKS,
    CONVERSION_RATE,
    CONVERSIONS,
    CTR,
    IMPRESSIONS,
    REQUESTS,
    REVENUE,
    REVENUE_PER_REQUEST,
    change,
)

_VERSION, _SURFACE = catalog.MODEL_VERSION.name, catalog.SURFACE.name
_VOLUMES: Final = (REQUESTS, IMPRESSIONS, CLICKS, CONVERSIONS, REVENUE)
_SHARES: Final = (CTR, CONVERSION_RATE, REVENUE_PER_REQUEST)
_ASKED: Final = ONE_SERVICE


def _number(volume: Volume) -> Panel:
    unit = Unit.MONEY if volume.unit is Unit.MONEY else Unit.COUNT
    return stat(BUSINESS, _ASKED, volume, _ASKED.total(volume), unit)


def _against_last_week() -> Panel:
    moved = [change(volume, volume.count, WEEK) for volume in (REQUESTS, CLICKS, REVENUE)]
    moved += [change(share, share.expression, WEEK) for share in _SHARES]
    names = [signal.title for signal in (REQUESTS, CLICKS, REVENUE, *_SHARES)]
    queries = [
        Query(signal.expression(_ASKED.scope(WHOLE)), name, instant=True)
        for signal, name in zip(moved, names, strict=True)
    ]
    panel = bars("business.last_week", moved[0], _ASKED, queries)
    words = "The time range of the page against the same a week before: 10% is a tenth more. Empty in the first week."
    return replace(panel, title="Against last week", description=words)


def _by_version(signal: Signal) -> Panel:
    return lines(signal, _ASKED, [_ASKED.line(signal, _VERSION)])


def _hourly(volume: Volume, back: str = "", legend: str = "") -> Query:
    apart = () if legend else (_VERSION,)
    query = _ASKED.line(volume, *apart, legend=legend, back=back)
    return replace(query, expr=query.expr * 3600)


def _volume(volume: Volume, *queries: Query) -> Panel:
    panel = lines(volume, _ASKED, [_hourly(volume), *queries])
    unit = Unit.MONEY if volume.unit is Unit.MONEY else Unit.COUNT
    return replace(
        panel, title=f"{volume.title} an hour", description=f"{panel.description} Drawn as a rate an hour.", unit=unit
    )


def _with_last_week(volume: Volume) -> Panel:
    past = _hourly(volume, WEEK, "all, a week before")
    panel = _volume(volume, past)
    return replace(panel, overrides=(*panel.overrides, past_override(past)))


def _band(estimate: Estimate) -> Panel:
    signal = estimate.value
    queries = (
        _ASKED.line(signal, legend="now"),
        _ASKED.line(estimate.low, legend="at least"),
        _ASKED.line(estimate.high, legend="at most"),
        _ASKED.line(signal, legend="a week before", back=WEEK),
    )
    panel = band(f"{signal.name}.interval", f"{signal.title}, all versions", signal, _ASKED, queries)
    return replace(panel, interval=RARE)


def _rare(signal: Signal) -> Panel:
    return replace(_by_version(signal), interval=RARE)


def _breakdown() -> Panel:
    apart = (_SURFACE, _VERSION)
    counts = [
        Column(_ASKED.count(volume, *apart, legend=volume.title), Unit.MONEY if volume is REVENUE else Unit.COUNT)
        for volume in _VOLUMES
    ]
    bounded = (experiments.CTR_ESTIMATE, experiments.CONVERSION_RATE_ESTIMATE)
    shares = [
        Column(_ASKED.now(signal, *apart, legend=signal.title), signal.unit)
        for estimate in bounded
        for signal in (estimate.value, estimate.low, estimate.high)
    ]
    shares.append(Column(_ASKED.now(REVENUE_PER_REQUEST, *apart, legend=REVENUE_PER_REQUEST.title), Unit.MONEY))
    words = "Each placement and model version over the time range of the page; shares with their 95% intervals."
    return table("business.breakdown", "By surface and model version", words, [*counts, *shares])


def _users(signal: Signal, interval: str) -> tuple[Panel, Panel]:
    over_time = sketched(signal, _ASKED, _VERSION, interval)
    return stat(BUSINESS, _ASKED, signal, _ASKED.now(signal)).sized(4, 8), over_time.sized(8)


BOARD: Final = Board(
    BUSINESS,
    "Who saw, clicked and bought what was recommended, and what it earned.",
    lambda: (
        Section(
            "",
            (
                (*map(_number, _VOLUMES), *(stat(BUSINESS, _ASKED, share, _ASKED.now(share)) for share in _SHARES)),
                (_against_last_week().sized(12, 7), alerts(BUSINESS).sized(12, 7)),
            ),
        ),
        Section(
            "How many",
            (
                (_with_last_week(REQUESTS), _with_last_week(REVENUE)),
                tuple(_volume(volume).sized(8) for volume in (IMPRESSIONS, CLICKS, CONVERSIONS)),
            ),
        ),
        Section(
            "Of how many people",
            (
                (
                    *_users(DISTINCT_USERS, TURN),
                    *_users(REVENUE_PER_USER, HOUR),
                ),
            ),
        ),
        Section(
            "How well",
            (
                tuple(
                    _band(estimate).sized(8)
                    for estimate in (
                        experiments.CTR_ESTIMATE,
                        experiments.CONVERSION_RATE_ESTIMATE,
                        experiments.REVENUE_ESTIMATE,
                    )
                ),
                tuple(_rare(share).sized(8) for share in _SHARES),
                (_rare(CLICK_DELAY), _rare(CONVERSION_DELAY)),
                (_breakdown(),),
            ),
        ),
    ),
    (*SERVICE_VARIABLES, *NARROWING_VARIABLES.values()),
    _ASKED,
)
