"""Whether the picture is complete: who reports, and what is lost on the way."""

from dataclasses import replace
from functools import partial
from typing import Final

from otel_recmon import catalog, definitions
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import TELEMETRY
from otel_recmon.artifacts.promql import IDENTITY, Expr, Matcher, QueryScope, equal
from otel_recmon.artifacts.signals import external as foreign
from otel_recmon.artifacts.signals.kinds import Counted, Signal, Unit, Words, defined_volume, measure, share

EXPORTER: Final = "exporter"
"""The Collector's label for one of its exporters."""

DROPPED: Final = defined_volume(definitions.DROPPED, TELEMETRY, Unit.EVENTS_PER_SECOND)
_HANDLED: Final = (catalog.REQUESTS, catalog.CLICKED, catalog.CONVERTED)


def _handled(scope: QueryScope) -> Expr:
    return promql.among("sum", {m.prometheus: promql.increase(m.prometheus, scope) for m in _HANDLED}, scope.by)


DROPPED_SHARE: Final = share(
    Words(
        "dropped_share",
        "Share set aside",
        TELEMETRY,
        "Values that were unusable and set aside, over requests, clicks and conversions.",
    ),
    (catalog.DROPPED, catalog.REQUESTS),
    Counted(catalog.DROPPED).increase,
    _handled,
)
OVERFLOW: Final = defined_volume(definitions.OVERFLOW, TELEMETRY, Unit.EVENTS_PER_SECOND)
PLUGIN_ERRORS: Final = defined_volume(definitions.PLUGIN_ERRORS, TELEMETRY, Unit.EVENTS_PER_SECOND)


def _reporting(scope: QueryScope) -> Expr:
    return promql.aggregate("group", promql.series(catalog.BUILD_INFO.prometheus, scope), scope.by)


def _count(*apart: str) -> partial[Expr]:
    def value(scope: QueryScope) -> Expr:
        return promql.aggregate("count", _reporting(scope.apart(*apart)), scope.by)

    return partial(value)


def _silent(back: str, scope: QueryScope) -> Expr:
    before = promql.call("present_over_time", promql.series(catalog.BUILD_INFO.prometheus, scope, window=back))
    return promql.unless(promql.aggregate("group", before, scope.by), _reporting(scope))


SERVICES: Final = measure(
    Words("services", "Services reporting", TELEMETRY, "Services, by name and environment, that report now."),
    Unit.COUNT,
    (catalog.BUILD_INFO,),
    _count(*IDENTITY),
)
INSTANCES: Final = measure(
    Words("instances", "Processes reporting", TELEMETRY, "Processes that report now."),
    Unit.COUNT,
    (catalog.BUILD_INFO,),
    _count(*IDENTITY, "instance"),
)


_NAME: Final = "__name__"
_PREFIXES: Final = "|".join(sorted({metric.prometheus.partition("_")[0] for metric in catalog.METRICS}))
_OURS: Final = Matcher(_NAME, "=~", f"({_PREFIXES})_.+")
_OF_NO_HISTOGRAM: Final = Matcher(_NAME, "!~", ".+_(bucket|sum)")
"""What is left of a histogram is its counts: one of each combination of labels."""


def _series(scope: QueryScope) -> Expr:
    return promql.aggregate("count", promql.series("", scope, _OURS), scope.by)


def _fullest_metric(scope: QueryScope) -> Expr:
    each = scope.apart("instance", _NAME).by
    combinations = promql.aggregate("count", promql.series("", scope, _OURS, _OF_NO_HISTOGRAM), each)
    return promql.aggregate("max", combinations, scope.by) / catalog.MAX_SERIES


SERIES: Final = measure(
    Words("series", "Series", TELEMETRY, "Series of otel-recmon that a service exports now."),
    Unit.COUNT,
    (),
    _series,
)


SERIES_BUDGET: Final = measure(
    Words(
        "series_budget",
        "Series against the budget",
        TELEMETRY,
        "The combinations of labels that the fullest metric of the fullest process has, over the "
        f"{catalog.MAX_SERIES:,} that it may have. What is beyond is counted under coarser labels.",
    ),
    Unit.SHARE,
    (),
    _fullest_metric,
)


def silent(back: str = "1d") -> Signal:
    """Return 1 for each service that reported within some time and does not now."""
    meaning = f"1 for a service that reported within the last {back} and does not now."
    words = Words("silent", "Silent services", TELEMETRY, meaning)
    return measure(words, Unit.TIMES, (), partial(_silent, back))


SILENT: Final = silent()


def _age(scope: QueryScope) -> Expr:
    taken = promql.call("timestamp", promql.series(catalog.BUILD_INFO.prometheus, scope))
    return promql.call("time") - promql.aggregate("max", taken, scope.by)


LAST_SAMPLE_AGE: Final = measure(
    Words("last_sample_age", "Age of the last sample", TELEMETRY, "Time since a service last reported."),
    Unit.SECONDS,
    (catalog.BUILD_INFO,),
    _age,
)


# The Collector is none of the services that a page is narrowed to.


def _of_each(name: str, scope: QueryScope) -> Expr:
    return promql.aggregate("max", promql.series(name, scope.anywhere()), scope.apart("instance", EXPORTER).by)


def _fullest(scope: QueryScope) -> Expr:
    fill = promql.divided(_of_each(foreign.QUEUE_SIZE, scope), _of_each(foreign.QUEUE_CAPACITY, scope))
    return promql.aggregate("max", fill, scope.by)


QUEUE_FILL: Final = measure(
    Words(
        "queue_fill",
        "Collector queue",
        TELEMETRY,
        "How full the fullest sending queue of the Collector is; when full, it refuses data.",
    ),
    Unit.SHARE,
    (),
    _fullest,
)


def _lost(scope: QueryScope) -> Expr:
    names = (
        foreign.SEND_FAILED,
        foreign.ENQUEUE_FAILED,
        foreign.REFUSED,
        foreign.RECEIVE_FAILED,
        foreign.FILTERED,
    )
    return promql.among("sum", {name: promql.rate(name, scope.anywhere()) for name in names}, scope.by)


LOST_POINTS: Final = measure(
    Words(
        "lost_points",
        "Points lost in the Collector",
        TELEMETRY,
        "Data points a second that the Collector refused, filtered out, or failed to take, to enqueue or to send.",
    ),
    Unit.EVENTS_PER_SECOND,
    (),
    _lost,
)


def _given_up(scope: QueryScope) -> Expr:
    return promql.increase(foreign.MESSAGES_FAILED, scope.anywhere(), equal("integration", "slack"))


MESSAGES_LOST: Final = measure(
    Words(
        "messages_lost",
        "Messages given up",
        TELEMETRY,
        "Messages that Alertmanager could not bring to Slack, trying until the next was due.",
    ),
    Unit.COUNT,
    (),
    _given_up,
)


def _alerting(_: QueryScope) -> Expr:
    return promql.aggregate("count", promql.series(foreign.ALERTS, QueryScope(), equal("alertstate", "firing")), ())


ALERTING: Final = measure(
    Words(
        "alerting",
        "Alerts firing",
        TELEMETRY,
        "Alerts of Prometheus that fire now; where it alerts, the watchdog always does.",
    ),
    Unit.COUNT,
    (),
    _alerting,
)


def _flow(name: str, scope: QueryScope) -> Expr:
    return promql.rate(name, scope.anywhere())


ACCEPTED_POINTS: Final = measure(
    Words("accepted_points", "Points taken", TELEMETRY, "Data points a second that the Collector took from services."),
    Unit.EVENTS_PER_SECOND,
    (),
    partial(_flow, foreign.ACCEPTED),
)
SENT_POINTS: Final = measure(
    Words("sent_points", "Points sent", TELEMETRY, "Data points a second that the Collector sent on."),
    Unit.EVENTS_PER_SECOND,
    (),
    partial(_flow, foreign.SENT),
)
TARGETS_UP: Final = measure(
    Words("targets_up", "Scraped pages", TELEMETRY, "1 where Prometheus reached a page that it scrapes, else 0."),
    Unit.TIMES,
    (),
    lambda scope: promql.aggregate("min", promql.series(foreign.UP, scope.anywhere()), scope.by),
)


def quiet(signal: Signal) -> Signal:
    """Return a signal that is 0 for each service that reports and has nothing of it."""

    def value(scope: QueryScope) -> Expr:
        service = scope.by_service().within(())
        return promql.either(
            signal.expression(scope), promql.unless(_reporting(service) * 0, signal.expression(scope), service.by)
        )

    return replace(signal, value=value)
