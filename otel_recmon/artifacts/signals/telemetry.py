"""The signals of the telemetry itself: services that send metrics, cardinality, and lost data."""

from dataclasses import replace
from functools import partial
from typing import Final

from otel_recmon import catalog, definitions
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import TELEMETRY
from otel_recmon.artifacts.promql import IDENTITY, Expr, Matcher, QueryScope, equal
from otel_recmon.artifacts.signals import external
from otel_recmon.artifacts.signals.kinds import Counted, Signal, SignalText, Unit, defined_volume, measure, share

EXPORTER: Final = "exporter"
"""The label, set by the Collector, that has the name of the Collector's exporter."""

DROPPED: Final = defined_volume(definitions.DROPPED, TELEMETRY, Unit.EVENTS_PER_SECOND)
_HANDLED: Final = (catalog.REQUESTS, catalog.CLICKED, catalog.CONVERTED)


def _handled(scope: QueryScope) -> Expr:
    return promql.among("sum", {m.prometheus: promql.increase(m.prometheus, scope) for m in _HANDLED}, scope.by)


DROPPED_SHARE: Final = share(
    SignalText(
        "dropped_share",
        "Share of dropped values",
        TELEMETRY,
        "Values that the plugin dropped because it could not use them, divided by requests, clicks and conversions.",
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
    SignalText("services", "Services reporting", TELEMETRY, "Services (name and environment) that send metrics now."),
    Unit.COUNT,
    (catalog.BUILD_INFO,),
    _count(*IDENTITY),
)
INSTANCES: Final = measure(
    SignalText("instances", "Processes reporting", TELEMETRY, "Processes that send metrics now."),
    Unit.COUNT,
    (catalog.BUILD_INFO,),
    _count(*IDENTITY, "instance"),
)


_NAME: Final = "__name__"
_PREFIXES: Final = "|".join(sorted({metric.prometheus.partition("_")[0] for metric in catalog.METRICS}))
_OURS: Final = Matcher(_NAME, "=~", f"({_PREFIXES})_.+")
# Excludes the _bucket and _sum series of histograms. Then a histogram has one series, _count, for each combination of
# labels.
_NO_BUCKETS: Final = Matcher(_NAME, "!~", ".+_(bucket|sum)")


def _series(scope: QueryScope) -> Expr:
    return promql.aggregate("count", promql.series("", scope, _OURS), scope.by)


def _fullest_metric(scope: QueryScope) -> Expr:
    each = scope.apart("instance", _NAME).by
    combinations = promql.aggregate("count", promql.series("", scope, _OURS, _NO_BUCKETS), each)
    return promql.aggregate("max", combinations, scope.by) / catalog.MAX_SERIES


SERIES: Final = measure(
    SignalText("series", "Series", TELEMETRY, "Number of time series of otel-recmon that a service exports now."),
    Unit.COUNT,
    (),
    _series,
)


SERIES_BUDGET: Final = measure(
    SignalText(
        "series_budget",
        "Series budget used",
        TELEMETRY,
        "Number of label combinations of the metric with the most label combinations in one process, divided by the "
        f"maximum of {catalog.MAX_SERIES:,}. Above the maximum, events are counted under coarser labels.",
    ),
    Unit.SHARE,
    (),
    _fullest_metric,
)


def silent(back: str = "1d") -> Signal:
    """Return the signal that is 1 for each service that sent metrics within the last `back` but sends none now."""
    meaning = f"The value is 1 for a service that sent metrics within the last {back} and sends no metrics now."
    words = SignalText("silent", "Silent services", TELEMETRY, meaning)
    return measure(words, Unit.TIMES, (), partial(_silent, back))


SILENT: Final = silent()


def _age(scope: QueryScope) -> Expr:
    taken = promql.call("timestamp", promql.series(catalog.BUILD_INFO.prometheus, scope))
    return promql.call("time") - promql.aggregate("max", taken, scope.by)


LAST_SAMPLE_AGE: Final = measure(
    SignalText("last_sample_age", "Age of the last sample", TELEMETRY, "Time since the last sample of the service."),
    Unit.SECONDS,
    (catalog.BUILD_INFO,),
    _age,
)


# The Collector is not a service, so other matchers select its series: see QueryScope.anywhere.


def _of_each(name: str, scope: QueryScope) -> Expr:
    return promql.aggregate("max", promql.series(name, scope.anywhere()), scope.apart("instance", EXPORTER).by)


def _fullest(scope: QueryScope) -> Expr:
    fill = promql.divided(_of_each(external.QUEUE_SIZE, scope), _of_each(external.QUEUE_CAPACITY, scope))
    return promql.aggregate("max", fill, scope.by)


QUEUE_FILL: Final = measure(
    SignalText(
        "queue_fill",
        "Collector queue",
        TELEMETRY,
        "Fill level of the fullest sending queue of the Collector. If a queue is full, it refuses data.",
    ),
    Unit.SHARE,
    (),
    _fullest,
)


def _lost(scope: QueryScope) -> Expr:
    names = (
        external.SEND_FAILED,
        external.ENQUEUE_FAILED,
        external.REFUSED,
        external.RECEIVE_FAILED,
        external.FILTERED,
    )
    return promql.among("sum", {name: promql.rate(name, scope.anywhere()) for name in names}, scope.by)


LOST_POINTS: Final = measure(
    SignalText(
        "lost_points",
        "Lost data points",
        TELEMETRY,
        "Data points per second that the Collector refused, filtered out, or failed to receive, enqueue or send.",
    ),
    Unit.EVENTS_PER_SECOND,
    (),
    _lost,
)


def _given_up(scope: QueryScope) -> Expr:
    return promql.increase(external.MESSAGES_FAILED, scope.anywhere(), equal("integration", "slack"))


MESSAGES_LOST: Final = measure(
    SignalText(
        "messages_lost",
        "Undelivered Slack messages",
        TELEMETRY,
        "Slack messages that Alertmanager stopped trying to send, because the next message was due.",
    ),
    Unit.COUNT,
    (),
    _given_up,
)


def _alerting(_: QueryScope) -> Expr:
    return promql.aggregate("count", promql.series(external.ALERTS, QueryScope(), equal("alertstate", "firing")), ())


ALERTING: Final = measure(
    SignalText(
        "alerting",
        "Alerts firing",
        TELEMETRY,
        "Number of Prometheus alerts that fire now. If Prometheus evaluates the alerts, the Watchdog is one of them.",
    ),
    Unit.COUNT,
    (),
    _alerting,
)


def _flow(name: str, scope: QueryScope) -> Expr:
    return promql.rate(name, scope.anywhere())


ACCEPTED_POINTS: Final = measure(
    SignalText(
        "accepted_points",
        "Data points received",
        TELEMETRY,
        "Data points per second that the Collector received from services.",
    ),
    Unit.EVENTS_PER_SECOND,
    (),
    partial(_flow, external.ACCEPTED),
)
SENT_POINTS: Final = measure(
    SignalText(
        "sent_points",
        "Data points sent",
        TELEMETRY,
        "Data points per second that the Collector sent to its destinations.",
    ),
    Unit.EVENTS_PER_SECOND,
    (),
    partial(_flow, external.SENT),
)
TARGETS_UP: Final = measure(
    SignalText(
        "targets_up", "Scrape targets up", TELEMETRY, "The value is 1 if Prometheus can scrape the target, else 0."
    ),
    Unit.TIMES,
    (),
    lambda scope: promql.aggregate("min", promql.series(external.UP, scope.anywhere()), scope.by),
)


def quiet(signal: Signal) -> Signal:
    """Return the signal and, for each service that sends metrics but has no value of the signal, the value 0."""

    def value(scope: QueryScope) -> Expr:
        service = scope.by_service().within(())
        return promql.either(
            signal.expression(scope), promql.unless(_reporting(service) * 0, signal.expression(scope), service.by)
        )

    return replace(signal, value=value)
