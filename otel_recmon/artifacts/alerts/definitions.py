"""The alerts: their signals, conditions and texts."""

from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.alerts import conditions, experiments, telemetry
from otel_recmon.artifacts.alerts.conditions import Value
from otel_recmon.artifacts.alerts.rule import Alert, AlertRule, Comparison, ValueFormat
from otel_recmon.artifacts.promql import IDENTITY
from otel_recmon.artifacts.settings.thresholds import Config
from otel_recmon.artifacts.signals import quality, traffic
from otel_recmon.artifacts.signals.kinds import Counted, Share, Signal
from otel_recmon.catalog import Attribute

_VERSION: Final = (*IDENTITY, catalog.MODEL_VERSION.name)
_TO_BASELINE: Final = "compared with its baseline"
_IMPRESSIONS: Final = Counted(catalog.IMPRESSIONS)
_ITEMS: Final = Counted(catalog.ITEMS)
_COMPARE_VERSIONS: Final = "Compare the model versions. If the rate of only one version is low, roll that version back."
_FIND_CAUSE: Final = "Find out what uses up the budget: errors, slow responses, fallbacks or empty lists."
_LOAD_INDEX: Final = "Compare the sizes of the last index builds, and load the last complete index."
_FIND_CATEGORY: Final = "Find the category whose share rose, and roll back the model or the boost that caused the rise."


def _burns(burn_rate: Signal) -> tuple[Alert, ...]:
    summary = "bad responses use up the error budget {value} times as fast as allowed over {window} (limit {threshold})"
    alerts = {
        "BudgetBurnHour": ("hour", _FIND_CAUSE),
        "BudgetBurnSixHours": ("six_hours", _FIND_CAUSE),
        "BudgetBurnDay": ("day", "Open a ticket for the next working day."),
        "BudgetBurnThreeDays": ("three_days", "Open a ticket: remove the cause, or agree on another objective."),
    }
    return tuple(
        Alert(name, burn_rate, Comparison.ABOVE, summary, action, conditions.burning(key, burn_rate))
        for name, (key, action) in alerts.items()
    )


def _below_baseline(
    name: str,
    signal: Signal,
    value: Value,
    action: str,
    *,
    by: tuple[str, ...] = _VERSION,
    counts: str = "successful requests",
) -> Alert:
    summary = f"{signal.title} changed by {{value}} compared with this hour on earlier days (limit {{threshold}})"
    return Alert(name, signal, Comparison.BELOW, summary, action, value, by, ValueFormat.SHARE, counts, _TO_BASELINE)


def _share_below_baseline(
    name: str, signal: Share, action: str, *, by: tuple[str, ...] = _VERSION, counts: str
) -> Alert:
    value = conditions.below_baseline(signal.name, signal.expression, conditions.share_upper(signal), signal.trials)
    return _below_baseline(name, signal, value, action, by=by, counts=counts)


def _vanished(name: str, signal: Signal, counted: Counted, attribute: Attribute, things: str, action: str) -> Alert:
    summary = f"its share of the {things} changed by {{value}} compared with {{offset}} ago (limit {{threshold}})"
    value, by = conditions.vanished(counted, attribute), (*IDENTITY, attribute.name)
    against = "compared with the earlier share"
    return Alert(name, signal, Comparison.BELOW, summary, action, value, by, ValueFormat.SHARE, things, against)


def _taking_over(name: str, signal: Signal, counted: Counted, attribute: Attribute, things: str, action: str) -> Alert:
    summary = f"its share of the {things} is {{value}}, more than double that of {{offset}} ago (limit {{threshold}})"
    value, by = conditions.taking_over(counted, attribute), (*_VERSION, attribute.name)
    return Alert(name, signal, Comparison.ABOVE, summary, action, value, by, traffic=things)


OBJECTIVES: Final = (
    Alert(
        "CtrLow",
        traffic.CTR,
        Comparison.BELOW,
        "the click-through rate is {value} (limit {threshold})",
        _COMPARE_VERSIONS,
        conditions.significantly_below(traffic.CTR),
        traffic="successful requests",
    ),
    Alert(
        "LatencyHigh",
        traffic.LATENCY_P95,
        Comparison.ABOVE,
        "one in twenty responses takes longer than {value} (limit {threshold})",
        "Roll back the last deployment or model, unless a single slow stage or instance is the cause.",
        conditions.with_traffic(traffic.LATENCY_P95, conditions.requests),
    ),
    Alert(
        "ErrorRateHigh",
        traffic.ERROR_RATE,
        Comparison.ABOVE,
        "{value} of requests fail (limit {threshold})",
        "Roll back the last deployment or model.",
        conditions.significantly_above(traffic.ERROR_RATE),
        traffic="successful and failed requests",
    ),
)
OUTCOMES: Final = (
    Alert(
        "FallbackShareHigh",
        traffic.FALLBACK_SHARE,
        Comparison.ABOVE,
        "{value} of requests get the fallback list (limit {threshold})",
        "Find the stage that returns no candidates. Repair this stage, or roll it back.",
        conditions.significantly_above(traffic.FALLBACK_SHARE),
    ),
    Alert(
        "EmptyShareHigh",
        traffic.EMPTY_SHARE,
        Comparison.ABOVE,
        "{value} of requests get an empty list (limit {threshold})",
        "Load the last good index, or undo the last change of a filter.",
        conditions.significantly_above(traffic.EMPTY_SHARE),
    ),
)


DEVIATIONS: Final = (
    _share_below_baseline("CtrBelowUsual", traffic.CTR, _COMPARE_VERSIONS, counts="successful requests"),
    _share_below_baseline(
        "ConversionRateBelowUsual",
        traffic.CONVERSION_RATE,
        "Check the number of orders in the shop. If it is normal, the client does not report all conversions.",
        counts="clicks",
    ),
    _below_baseline(
        "RevenueBelowUsual",
        traffic.REVENUE_PER_REQUEST,
        conditions.below_baseline(
            "revenue_per_request",
            traffic.REVENUE_PER_REQUEST.expression,
            conditions.revenue_upper(traffic.REVENUE_PER_REQUEST),
            traffic.REVENUE_PER_REQUEST.trials,
        ),
        "Find the factor that fell: click-through rate, conversion rate or revenue per sale.",
    ),
    _below_baseline(
        "TrafficBelowUsual",
        traffic.REQUESTS,
        conditions.below_baseline("requests", conditions.service_requests, conditions.poisson_upper),
        "Check the gateway and the last release of each client. Ask whether somebody moved traffic elsewhere.",
        by=IDENTITY,
        counts="requests in the baseline",
    ),
    _below_baseline(
        "DiversityBelowUsual",
        quality.DIVERSITY,
        conditions.below_baseline(
            "diversity",
            quality.DIVERSITY.expression,
            conditions.entropy_upper(quality.DIVERSITY),
            conditions.successful_requests,
        ),
        _FIND_CATEGORY,
    ),
    _below_baseline(
        "CoverageBelowUsual",
        quality.FULL_COVERAGE,
        conditions.below_baseline(
            "coverage",
            quality.FULL_COVERAGE.expression,
            conditions.exact(quality.FULL_COVERAGE),
            conditions.successful_requests,
        ),
        _LOAD_INDEX,
    ),
    _share_below_baseline(
        "CacheHitRateBelowUsual",
        traffic.CACHE_HIT_RATE,
        "If the cache is down, start it again. If a release changed the cache keys, roll the release back.",
        by=IDENTITY,
        counts="cache lookups",
    ),
    _below_baseline(
        "ListLengthBelowUsual",
        traffic.LIST_LENGTH,
        conditions.below_baseline(
            "list_length",
            traffic.LIST_LENGTH.expression,
            conditions.mean_upper(traffic.LIST_LENGTH),
            traffic.LIST_LENGTH.trials,
        ),
        "Undo the last change of a filter, or load the last good index.",
    ),
)
MIXES: Final = (
    _vanished(
        "PositionVanished",
        quality.POSITION_MIX,
        _IMPRESSIONS,
        catalog.POSITION,
        "impressions",
        "Check whether all positions are shifted by one, or whether lists became shorter.",
    ),
    _taking_over(
        "PositionTakingOver",
        quality.POSITION_MIX,
        _IMPRESSIONS,
        catalog.POSITION,
        "impressions",
        "Check the positions that clients report, and the configured length of lists.",
    ),
    _vanished(
        "CategoryVanished",
        quality.CATEGORY_MIX,
        _ITEMS,
        catalog.CATEGORY,
        "items",
        "Check whether the catalog still contains items of this category.",
    ),
    _taking_over(
        "CategoryTakingOver",
        quality.CATEGORY_MIX,
        _ITEMS,
        catalog.CATEGORY,
        "items",
        "Compare the model versions. If only one changed, roll it back. If all of them changed, check the catalog.",
    ),
)


def _stale(name: str, action: str) -> Alert:
    summary = "the model was last updated {value} ago (limit {threshold})"
    value = conditions.with_traffic(quality.STALENESS, conditions.requests)
    return Alert(name, quality.STALENESS, Comparison.ABOVE, summary, action, value)


MODELS: Final = (
    _stale("ModelStale", "Run the training again, and load the new model."),
    _stale("ModelVeryStale", "Treat this as an outage of the training: somebody must begin to repair it today."),
    Alert(
        "ModelNotLoaded",
        quality.RELOAD_PENDING,
        Comparison.EQUAL,
        "a newer model is on disk, but the service still uses the old one",
        "Restart the replicas one after the other, or make each of them reload its model.",
        conditions.plain(quality.RELOAD_PENDING),
    ),
    Alert(
        "DiversityLow",
        quality.DIVERSITY,
        Comparison.BELOW,
        "the diversity of recommended categories is {value} (limit {threshold})",
        _FIND_CATEGORY,
        conditions.with_traffic(quality.DIVERSITY, conditions.successful_requests),
        traffic="successful requests",
    ),
    Alert(
        "CoverageLow",
        quality.FULL_COVERAGE,
        Comparison.BELOW,
        "a process recommends only {value} of the catalog (limit {threshold})",
        _LOAD_INDEX,
        conditions.plain(quality.FULL_COVERAGE),
    ),
    Alert(
        "ScoresDrifted",
        quality.SCORE_DRIFT,
        Comparison.ABOVE,
        "the distribution of scores differs by {value} from that of {offset} ago (limit {threshold})",
        "Check the click-through rate. If it fell too, roll back the model.",
        conditions.drifted,
        traffic="scores",
    ),
)


def alerts(config: Config) -> tuple[Alert, ...]:
    """Return all alerts, including alerts without a threshold."""
    burns = _burns(traffic.burn_rate(config.general.objective))
    return (*OBJECTIVES, *burns, *OUTCOMES, *DEVIATIONS, *MIXES, *MODELS, *experiments.ALERTS, *telemetry.ALERTS)


def rules(config: Config) -> tuple[AlertRule, ...]:
    """Return the rules of all alerts that have a threshold, including disabled alerts."""
    return tuple(
        AlertRule(alert, config.alerts[alert.name], config)
        for alert in alerts(config)
        if config.alerts[alert.name].threshold is not None
    )
