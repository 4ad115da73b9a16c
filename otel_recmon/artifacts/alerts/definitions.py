"""Every alert, defined once: what it looks at, when it fires, what it says."""

from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.alerts import conditions
from otel_recmon.artifacts.alerts import experiments as trials
from otel_recmon.artifacts.alerts.conditions import Value
from otel_recmon.artifacts.alerts.rule import WATCHDOG, Alert, AlertRule, Comparison, Shown
from otel_recmon.artifacts.promql import IDENTITY
from otel_recmon.artifacts.settings.thresholds import Config
from otel_recmon.artifacts.signals import quality, telemetry, traffic
from otel_recmon.artifacts.signals.kinds import Counted, Share, Signal
from otel_recmon.catalog import Attribute

_VERSION: Final = (*IDENTITY, catalog.MODEL_VERSION.name)
_USUAL: Final = "against what is usual"
_IMPRESSIONS: Final = Counted(catalog.IMPRESSIONS)
_ITEMS: Final = Counted(catalog.ITEMS)


def _burns(burn_rate: Signal) -> tuple[Alert, ...]:
    said = "bad responses use up the error budget {value} times faster than allowed over {window} (limit {threshold})"
    keys = {
        "BudgetBurnHour": "hour",
        "BudgetBurnSixHours": "six_hours",
        "BudgetBurnDay": "day",
        "BudgetBurnThreeDays": "three_days",
    }
    return tuple(
        Alert(name, burn_rate, Comparison.ABOVE, said, conditions.burning(key, burn_rate)) for name, key in keys.items()
    )


def _below_usual(
    name: str, signal: Signal, value: Value, *, by: tuple[str, ...] = _VERSION, counts: str = "successful requests"
) -> Alert:
    said = f"{signal.title} {{value}} against what is usual for the service at this hour (limit {{threshold}})"
    return Alert(name, signal, Comparison.BELOW, said, value, by, Shown.SHARE, counts, _USUAL)


def _share_below_usual(name: str, signal: Share, *, by: tuple[str, ...] = _VERSION, counts: str) -> Alert:
    value = conditions.below_usual(signal.name, signal.expression, conditions.wilson_upper(signal), signal.trials)
    return _below_usual(name, signal, value, by=by, counts=counts)


def _vanished(name: str, signal: Signal, counted: Counted, attribute: Attribute, things: str) -> Alert:
    said = f"its share of the {things} has changed by {{value}} (limit {{threshold}})"
    value, by = conditions.vanished(counted, attribute), (*IDENTITY, attribute.name)
    return Alert(name, signal, Comparison.BELOW, said, value, by, Shown.SHARE, things, "against its share before")


def _taking_over(name: str, signal: Signal, counted: Counted, attribute: Attribute, things: str) -> Alert:
    said = f"it has {{value}} of the {things}, more than twice what it had (limit {{threshold}})"
    value, by = conditions.taking_over(counted, attribute), (*_VERSION, attribute.name)
    return Alert(name, signal, Comparison.ABOVE, said, value, by, traffic=things)


OBJECTIVES: Final = (
    Alert(
        "CtrLow",
        traffic.CTR,
        Comparison.BELOW,
        "CTR is {value}, and surely below {threshold}",
        conditions.surely_below(traffic.CTR),
        traffic="successful requests",
    ),
    Alert(
        "LatencyHigh",
        traffic.LATENCY_P95,
        Comparison.ABOVE,
        "one in twenty responses takes longer than {value} (limit {threshold})",
        conditions.busy(traffic.LATENCY_P95, conditions.requests),
    ),
    Alert(
        "ErrorRateHigh",
        traffic.ERROR_RATE,
        Comparison.ABOVE,
        "{value} of requests fail, and surely more than {threshold}",
        conditions.surely_above(traffic.ERROR_RATE),
        traffic="successful and failed requests",
    ),
)
OUTCOMES: Final = (
    Alert(
        "FallbackShareHigh",
        traffic.FALLBACK_SHARE,
        Comparison.ABOVE,
        "{value} of requests get the fallback, and surely more than {threshold}",
        conditions.surely_above(traffic.FALLBACK_SHARE),
    ),
    Alert(
        "EmptyShareHigh",
        traffic.EMPTY_SHARE,
        Comparison.ABOVE,
        "{value} of requests get nothing at all, and surely more than {threshold}",
        conditions.surely_above(traffic.EMPTY_SHARE),
    ),
)


DEVIATIONS: Final = (
    _share_below_usual("CtrBelowUsual", traffic.CTR, counts="successful requests"),
    _share_below_usual("ConversionRateBelowUsual", traffic.CONVERSION_RATE, counts="clicks"),
    _below_usual(
        "RevenueBelowUsual",
        traffic.REVENUE_PER_REQUEST,
        conditions.below_usual(
            "revenue_per_request",
            traffic.REVENUE_PER_REQUEST.expression,
            conditions.revenue_upper(traffic.REVENUE_PER_REQUEST),
            traffic.REVENUE_PER_REQUEST.trials,
        ),
    ),
    _below_usual(
        "TrafficBelowUsual",
        traffic.REQUESTS,
        conditions.below_usual("requests", conditions.service_requests, conditions.poisson_upper),
        by=IDENTITY,
        counts="requests that are usual",
    ),
    _below_usual(
        "DiversityBelowUsual",
        quality.DIVERSITY,
        conditions.below_usual(
            "diversity",
            quality.DIVERSITY.expression,
            conditions.entropy_upper(quality.DIVERSITY),
            conditions.answered,
        ),
    ),
    _below_usual(
        "CoverageBelowUsual",
        quality.FULL_COVERAGE,
        conditions.below_usual(
            "coverage",
            quality.FULL_COVERAGE.expression,
            conditions.exactly(quality.FULL_COVERAGE),
            conditions.answered,
        ),
    ),
    _share_below_usual("CacheHitRateBelowUsual", traffic.CACHE_HIT_RATE, by=IDENTITY, counts="look-ups"),
    _below_usual(
        "ListLengthBelowUsual",
        traffic.LIST_LENGTH,
        conditions.below_usual(
            "list_length",
            traffic.LIST_LENGTH.expression,
            conditions.mean_upper(traffic.LIST_LENGTH),
            traffic.LIST_LENGTH.trials,
        ),
    ),
)
MIXES: Final = (
    _vanished("PositionVanished", quality.POSITION_MIX, _IMPRESSIONS, catalog.POSITION, "impressions"),
    _taking_over("PositionTakingOver", quality.POSITION_MIX, _IMPRESSIONS, catalog.POSITION, "impressions"),
    _vanished("CategoryVanished", quality.CATEGORY_MIX, _ITEMS, catalog.CATEGORY, "items"),
    _taking_over("CategoryTakingOver", quality.CATEGORY_MIX, _ITEMS, catalog.CATEGORY, "items"),
)


def _stale(name: str) -> Alert:
    said = "the model was last updated {value} ago (limit {threshold})"
    value = conditions.busy(quality.STALENESS, conditions.requests)
    return Alert(name, quality.STALENESS, Comparison.ABOVE, said, value)


MODELS: Final = (
    _stale("ModelStale"),
    _stale("ModelVeryStale"),
    Alert(
        "ModelNotLoaded",
        quality.RELOAD_PENDING,
        Comparison.EQUAL,
        "a newer model lies on disk than the one in use",
        conditions.plain(quality.RELOAD_PENDING),
    ),
    Alert(
        "DiversityLow",
        quality.DIVERSITY,
        Comparison.BELOW,
        "diversity is {value} (limit {threshold})",
        conditions.busy(quality.DIVERSITY, conditions.answered),
        traffic="successful requests",
    ),
    Alert(
        "CoverageLow",
        quality.FULL_COVERAGE,
        Comparison.BELOW,
        "a process shows {value} of the catalog (limit {threshold})",
        conditions.plain(quality.FULL_COVERAGE),
    ),
    Alert(
        "ScoresDrifted",
        quality.SCORE_DRIFT,
        Comparison.ABOVE,
        "the distribution of scores has moved by {value} (limit {threshold})",
        conditions.drifted,
        traffic="scores",
    ),
)
PIPELINE: Final = (
    Alert(
        "ServiceSilent",
        telemetry.SILENT,
        Comparison.EQUAL,
        "it reported within the last {back}, and does not now",
        conditions.gone,
        IDENTITY,
    ),
    Alert(
        "TelemetryLost",
        telemetry.LOST_POINTS,
        Comparison.ABOVE,
        "the Collector loses {value} data points a second",
        conditions.plain(telemetry.LOST_POINTS),
        IDENTITY,
    ),
    Alert(
        "CollectorQueueFilling",
        telemetry.QUEUE_FILL,
        Comparison.ABOVE,
        "a sending queue of the Collector is {value} full (limit {threshold})",
        conditions.plain(telemetry.QUEUE_FILL),
        IDENTITY,
    ),
    Alert(
        "MessagesLost",
        telemetry.MESSAGES_LOST,
        Comparison.ABOVE,
        "Slack has not taken about {value} messages over {window}; look at the alerts themselves",
        conditions.plain(telemetry.MESSAGES_LOST),
        IDENTITY,
    ),
    Alert(
        "EventsDropped",
        telemetry.DROPPED_SHARE,
        Comparison.ABOVE,
        "{value} of what it handles is unusable and set aside (limit {threshold})",
        conditions.busy(telemetry.DROPPED_SHARE, telemetry.DROPPED_SHARE.trials),
        IDENTITY,
        traffic="requests, clicks and conversions",
    ),
    Alert(
        "LabelsOverflowing",
        telemetry.OVERFLOW,
        Comparison.ABOVE,
        "{value} values a second are over the cap (limit {threshold})",
        conditions.by(catalog.LABEL, catalog.OVERFLOW),
        (*IDENTITY, catalog.LABEL.name),
    ),
    Alert(
        "PluginFailing",
        telemetry.PLUGIN_ERRORS,
        Comparison.ABOVE,
        "otel-recmon fails {value} times a second",
        conditions.by(catalog.SITE, catalog.ERRORS),
        (*IDENTITY, catalog.SITE.name),
    ),
    # What watches the alerting from outside misses this one when alerting ends.
    Alert(
        WATCHDOG,
        telemetry.ALERTING,
        Comparison.ABOVE,
        "Alerting works. This alert always fires; worry when it does not arrive.",
        conditions.always,
        (),
    ),
)


def alerts(config: Config) -> tuple[Alert, ...]:
    """Return every alert, also those that have no threshold."""
    burns = _burns(traffic.burn_rate(config.general.objective))
    return (*OBJECTIVES, *burns, *OUTCOMES, *DEVIATIONS, *MIXES, *MODELS, *trials.ALERTS, *PIPELINE)


def rules(config: Config) -> tuple[AlertRule, ...]:
    """Return every alert that has a threshold, switched on or not."""
    return tuple(
        AlertRule(alert, config.alerts[alert.name], config)
        for alert in alerts(config)
        if config.alerts[alert.name].threshold is not None
    )
