"""The dashboard for product owners: requests, clicks, conversions, revenue and users."""

from dataclasses import replace
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import FILTER_VARIABLES, SERVICE_VARIABLES, Board, Section
from otel_recmon.artifacts.dashboards.panels import (
    Panel,
    alerts,
    bars,
    confidence_band,
    lines,
    past_override,
    sketch_lines,
    stat,
)
from otel_recmon.artifacts.dashboards.queries import (
    ONE_SERVICE,
    RARE_EVENTS_STEP,
    SKETCH_RATIO_STEP,
    SKETCH_STEP,
    TIME_RANGE,
    WEEK,
    PageView,
    Query,
)
from otel_recmon.artifacts.dashboards.tables import Column, table
from otel_recmon.artifacts.pages import BUSINESS
from otel_recmon.artifacts.settings.thresholds import Config
from otel_recmon.artifacts.signals import experiments
from otel_recmon.artifacts.signals.attribution import CLICK_DELAY, CONVERSION_DELAY
from otel_recmon.artifacts.signals.experiments import Estimate
from otel_recmon.artifacts.signals.fleet import DISTINCT_USERS, REVENUE_PER_USER
from otel_recmon.artifacts.signals.kinds import Limits, Signal, Unit, Volume
from otel_recmon.artifacts.signals.traffic import (
    ACTIONS,
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
_LINES: Final = "There is one line for each model version."


def _number(view: PageView, volume: Volume) -> Panel:
    unit = Unit.MONEY if volume.unit is Unit.MONEY else Unit.COUNT
    return stat(view, BUSINESS, volume, view.total(volume), unit)


def _change_from_last_week(view: PageView) -> Panel:
    changes = [change(volume, volume.count, WEEK) for volume in (REQUESTS, CLICKS, REVENUE)]
    changes += [change(share, share.expression, WEEK) for share in _SHARES]
    names = [signal.title for signal in (REQUESTS, CLICKS, REVENUE, *_SHARES)]
    queries = [
        Query(signal.expression(view.scope(TIME_RANGE)), name, instant=True)
        for signal, name in zip(changes, names, strict=True)
    ]
    panel = bars(view, "business.last_week", changes[0], queries)
    return replace(
        panel,
        title="Change from last week",
        description="The bars compare the selected time range with the same time range one week earlier. For example, "
        "10% means that the value is 10% higher than one week earlier. The panel is empty during the first week.",
    )


def _by_version(view: PageView, signal: Signal) -> Panel:
    return lines(view, signal, [view.over_time(signal, _VERSION)], note=_LINES)


def _per_hour(view: PageView, volume: Volume, offset: str = "", legend: str = "") -> Query:
    labels = () if legend else (_VERSION,)
    query = view.over_time(volume, *labels, legend=legend, offset=offset)
    return replace(query, expr=query.expr * 3600)


def _volume(view: PageView, volume: Volume, *queries: Query, note: str = _LINES) -> Panel:
    panel = lines(view, volume, [_per_hour(view, volume), *queries], note=note)
    unit = Unit.MONEY if volume.unit is Unit.MONEY else Unit.COUNT
    return replace(panel, title=f"{volume.title} per hour", unit=unit)


def _with_last_week(view: PageView, volume: Volume) -> Panel:
    past = _per_hour(view, volume, WEEK, "all, a week before")
    panel = _volume(view, volume, past, note=f"{_LINES} The dashed line is the sum of all versions one week earlier.")
    return replace(panel, overrides=(*panel.overrides, past_override(past)))


def _band(view: PageView, estimate: Estimate) -> Panel:
    signal = estimate.value
    queries = (
        view.over_time(signal, legend="now"),
        view.over_time(estimate.low, legend="at least"),
        view.over_time(estimate.high, legend="at most"),
        view.over_time(signal, legend="a week before", offset=WEEK),
    )
    panel = confidence_band(view, f"{signal.name}.interval", f"{signal.title}, all versions", signal, queries)
    return replace(panel, interval=RARE_EVENTS_STEP)


def _rare(view: PageView, signal: Signal) -> Panel:
    return replace(_by_version(view, signal), interval=RARE_EVENTS_STEP)


def _breakdown(view: PageView) -> Panel:
    labels = (_SURFACE, _VERSION)
    counts = [
        Column(view.count(volume, *labels, legend=volume.title), Unit.MONEY if volume is REVENUE else Unit.COUNT)
        for volume in _VOLUMES
    ]
    estimates = (experiments.CTR_ESTIMATE, experiments.CONVERSION_RATE_ESTIMATE)
    shares = [
        Column(view.over_range(signal, *labels, legend=signal.title), signal.unit)
        for estimate in estimates
        for signal in (estimate.value, estimate.low, estimate.high)
    ]
    shares.append(Column(view.over_range(REVENUE_PER_REQUEST, *labels, legend=REVENUE_PER_REQUEST.title), Unit.MONEY))
    description = (
        "The table has one row for each combination of surface (the place of the recommendations on the page) and "
        'model version. The columns "at least" and "at most" show the uncertainty of a rate. If these ranges overlap '
        "in two rows, the difference between the two rates may be chance."
    )
    return table(view, "business.breakdown", "By surface and model version", description, [*counts, *shares])


def _per_user(view: PageView, signal: Signal, interval: str) -> tuple[Panel, Panel]:
    over_time = sketch_lines(view, signal, _VERSION, interval)
    return stat(view, BUSINESS, signal, view.over_range(signal)).sized(4, 8), over_time.sized(8)


def board(config: Config, limits: Limits) -> Board:
    """Return the dashboard."""
    view = PageView(ONE_SERVICE, config.deployment, limits)
    return Board(
        BUSINESS,
        "This dashboard shows how often users see, click and buy the items that one service recommends. It also shows "
        "the revenue.",
        view,
        (*SERVICE_VARIABLES, *FILTER_VARIABLES.values()),
        (_overview(view), _volumes(view), _users(view), _rates(view)),
    )


def _overview(view: PageView) -> Section:
    numbers = [_number(view, volume) for volume in _VOLUMES]
    numbers += [stat(view, BUSINESS, share, view.over_range(share)) for share in _SHARES]
    return Section("", (tuple(numbers), (_change_from_last_week(view).sized(12, 7), alerts(BUSINESS).sized(12, 7))))


def _volumes(view: PageView) -> Section:
    volumes = tuple(_volume(view, volume).sized(6) for volume in (IMPRESSIONS, CLICKS, CONVERSIONS))
    per_action = view.over_time(ACTIONS, catalog.ACTION.name)
    actions = lines(
        view, ACTIONS, [replace(per_action, expr=per_action.expr * 3600)], note="There is one line per action."
    )
    volumes += (replace(actions, title=f"{ACTIONS.title} per hour", unit=Unit.COUNT).sized(6),)
    return Section(
        "Volumes", ((_with_last_week(view, REQUESTS), _with_last_week(view, REVENUE)), volumes), row_id=508229
    )


def _users(view: PageView) -> Section:
    users = _per_user(view, DISTINCT_USERS, SKETCH_STEP)
    revenue = _per_user(view, REVENUE_PER_USER, SKETCH_RATIO_STEP)
    return Section("Users", ((*users, *revenue),), row_id=573894)


def _rates(view: PageView) -> Section:
    estimates = (experiments.CTR_ESTIMATE, experiments.CONVERSION_RATE_ESTIMATE, experiments.REVENUE_ESTIMATE)
    return Section(
        "Rates and delays",
        (
            tuple(_band(view, estimate).sized(8) for estimate in estimates),
            tuple(_rare(view, share).sized(8) for share in _SHARES),
            (_rare(view, CLICK_DELAY), _rare(view, CONVERSION_DELAY)),
            (_breakdown(view),),
        ),
        row_id=96331,
    )
