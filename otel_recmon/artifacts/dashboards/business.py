"""For people who do not read percentiles: who saw, clicked and bought, and what it earned."""

from dataclasses import replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import NARROWING_VARIABLES, SERVICE_VARIABLES, Board, Section
from otel_recmon.artifacts.dashboards.panels import Panel, alerts, band, bars, lines, past_override, sketched, stat
from otel_recmon.artifacts.dashboards.queries import HOUR, ONE_SERVICE, RARE, TURN, WEEK, WHOLE, PageView, Query
from otel_recmon.artifacts.dashboards.tables import Column, table
from otel_recmon.artifacts.pages import BUSINESS
from otel_recmon.artifacts.settings.thresholds import Config
from otel_recmon.artifacts.signals import experiments
from otel_recmon.artifacts.signals.attribution import CLICK_DELAY, CONVERSION_DELAY
from otel_recmon.artifacts.signals.experiments import Estimate
from otel_recmon.artifacts.signals.fleet import DISTINCT_USERS, REVENUE_PER_USER
from otel_recmon.artifacts.signals.kinds import Limits, Signal, Unit, Volume
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


def _number(view: PageView, volume: Volume) -> Panel:
    unit = Unit.MONEY if volume.unit is Unit.MONEY else Unit.COUNT
    return stat(view, BUSINESS, volume, view.total(volume), unit)


def _against_last_week(view: PageView) -> Panel:
    moved = [change(volume, volume.count, WEEK) for volume in (REQUESTS, CLICKS, REVENUE)]
    moved += [change(share, share.expression, WEEK) for share in _SHARES]
    names = [signal.title for signal in (REQUESTS, CLICKS, REVENUE, *_SHARES)]
    queries = [
        Query(signal.expression(view.scope(WHOLE)), name, instant=True)
        for signal, name in zip(moved, names, strict=True)
    ]
    panel = bars(view, "business.last_week", moved[0], queries)
    words = "The time range of the page against the same a week before: 10% is a tenth more. Empty in the first week."
    return replace(panel, title="Against last week", description=words)


def _by_version(view: PageView, signal: Signal) -> Panel:
    return lines(view, signal, [view.line(signal, _VERSION)])


def _hourly(view: PageView, volume: Volume, back: str = "", legend: str = "") -> Query:
    apart = () if legend else (_VERSION,)
    query = view.line(volume, *apart, legend=legend, back=back)
    return replace(query, expr=query.expr * 3600)


def _volume(view: PageView, volume: Volume, *queries: Query) -> Panel:
    panel = lines(view, volume, [_hourly(view, volume), *queries])
    unit = Unit.MONEY if volume.unit is Unit.MONEY else Unit.COUNT
    return replace(
        panel, title=f"{volume.title} an hour", description=f"{panel.description} Drawn as a rate an hour.", unit=unit
    )


def _with_last_week(view: PageView, volume: Volume) -> Panel:
    past = _hourly(view, volume, WEEK, "all, a week before")
    panel = _volume(view, volume, past)
    return replace(panel, overrides=(*panel.overrides, past_override(past)))


def _band(view: PageView, estimate: Estimate) -> Panel:
    signal = estimate.value
    queries = (
        view.line(signal, legend="now"),
        view.line(estimate.low, legend="at least"),
        view.line(estimate.high, legend="at most"),
        view.line(signal, legend="a week before", back=WEEK),
    )
    panel = band(view, f"{signal.name}.interval", f"{signal.title}, all versions", signal, queries)
    return replace(panel, interval=RARE)


def _rare(view: PageView, signal: Signal) -> Panel:
    return replace(_by_version(view, signal), interval=RARE)


def _breakdown(view: PageView) -> Panel:
    apart = (_SURFACE, _VERSION)
    counts = [
        Column(view.count(volume, *apart, legend=volume.title), Unit.MONEY if volume is REVENUE else Unit.COUNT)
        for volume in _VOLUMES
    ]
    bounded = (experiments.CTR_ESTIMATE, experiments.CONVERSION_RATE_ESTIMATE)
    shares = [
        Column(view.now(signal, *apart, legend=signal.title), signal.unit)
        for estimate in bounded
        for signal in (estimate.value, estimate.low, estimate.high)
    ]
    shares.append(Column(view.now(REVENUE_PER_REQUEST, *apart, legend=REVENUE_PER_REQUEST.title), Unit.MONEY))
    words = "Each placement and model version over the time range of the page; shares with their 95% intervals."
    return table(view, "business.breakdown", "By surface and model version", words, [*counts, *shares])


def _users(view: PageView, signal: Signal, interval: str) -> tuple[Panel, Panel]:
    over_time = sketched(view, signal, _VERSION, interval)
    return stat(view, BUSINESS, signal, view.now(signal)).sized(4, 8), over_time.sized(8)


def board(config: Config, limits: Limits) -> Board:
    """Return the page."""
    view = PageView(ONE_SERVICE, config.deployment, limits)
    return Board(
        BUSINESS,
        "Who saw, clicked and bought what was recommended, and what it earned.",
        view,
        (*SERVICE_VARIABLES, *NARROWING_VARIABLES.values()),
        (_overview(view), _how_many(view), _of_how_many_people(view), _how_well(view)),
    )


def _overview(view: PageView) -> Section:
    numbers = [_number(view, volume) for volume in _VOLUMES]
    numbers += [stat(view, BUSINESS, share, view.now(share)) for share in _SHARES]
    return Section("", (tuple(numbers), (_against_last_week(view).sized(12, 7), alerts(BUSINESS).sized(12, 7))))


def _how_many(view: PageView) -> Section:
    volumes = tuple(_volume(view, volume).sized(8) for volume in (IMPRESSIONS, CLICKS, CONVERSIONS))
    return Section("How many", ((_with_last_week(view, REQUESTS), _with_last_week(view, REVENUE)), volumes))


def _of_how_many_people(view: PageView) -> Section:
    users, revenue = _users(view, DISTINCT_USERS, TURN), _users(view, REVENUE_PER_USER, HOUR)
    return Section("Of how many people", ((*users, *revenue),))


def _how_well(view: PageView) -> Section:
    estimates = (experiments.CTR_ESTIMATE, experiments.CONVERSION_RATE_ESTIMATE, experiments.REVENUE_ESTIMATE)
    return Section(
        "How well",
        (
            tuple(_band(view, estimate).sized(8) for estimate in estimates),
            tuple(_rare(view, share).sized(8) for share in _SHARES),
            (_rare(view, CLICK_DELAY), _rare(view, CONVERSION_DELAY)),
            (_breakdown(view),),
        ),
    )
