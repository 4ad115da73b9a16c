"""What dashboards, rules and alerts ask, as they ask it."""

from typing import Final

import yaml

from otel_recmon import catalog
from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.promql import IDENTITY, QueryScope
from otel_recmon.artifacts.render.prometheus_rules import recording_file
from otel_recmon.artifacts.settings.thresholds import load
from tests.unit.artifacts.known import SIGNALS

UNRECORDED: Final = {
    catalog.ATTRIBUTIONS,
    catalog.CATALOG_SKETCH,
    catalog.CLICK_DELAY,
    catalog.CONVERSION_DELAY,
    catalog.EXPECTED_SHARE,
    catalog.EXPERIMENT_CLICKS,
    catalog.EXPERIMENT_CONVERSIONS,
    catalog.EXPERIMENT_EXPOSURES,
    catalog.EXPERIMENT_REVENUE,
    catalog.USER_SKETCH,
}
"""What is switched on by a setting, which the processes of this traffic do not have."""
UNANSWERED: Final = {
    "rule recmon:ctr:usual",
    *(f"rule recmon:experiment_{counted}:7d" for counted in ("clicks", "conversions", "exposures")),
    *(f"signal {signal.name}" for signal in SIGNALS if UNRECORDED.intersection(signal.metrics)),
    *(
        f"signal {name}"
        for name in """accepted_points alerting candidates dropped dropped_share full_coverage lost_points
        messages_lost overflow plugin_errors queue_fill reload_pending route_errors route_p95 route_requests
        score_drift sent_points silent stage_mean stage_p95 staleness targets_up""".split()
    ),
}
"""What this traffic has nothing of: weeks of history, stages, a model file, settings, and anything that goes wrong."""
_VERSIONS: Final = QueryScope(window="5m", by=(*IDENTITY, catalog.MODEL_VERSION.name))


def queries() -> dict[str, str]:
    """Each query by what it tells; this traffic has an answer to all of them."""
    return {
        **_traffic(),
        **_business(),
        **_latency(),
        **_quality(),
    }


def products() -> dict[str, str]:
    """What the product's panels, alerts and recording rules ask: its signals by model version, and the rules."""
    groups = yaml.safe_load(recording_file(rules(load())))["groups"]
    asked = {
        **{f"signal {signal.name}": str(signal.expression(_VERSIONS)) for signal in SIGNALS},
        **{f"rule {rule['record']}": rule["expr"] for group in groups for rule in group["rules"]},
    }
    return {name: query for name, query in asked.items() if name not in UNANSWERED}


def _rate(metric: catalog.Metric, selector: str = "", suffix: str = "", offset: str = "") -> str:
    return f"rate({metric.prometheus}{suffix}{{{selector}}}[5m]{offset})"


def _by(labels: str, expression: str) -> str:
    return f"sum by (job, deployment_environment_name, {labels}) ({expression})"


def _ratio(labels: str, top: str, bottom: str) -> str:
    return f"{_by(labels, top)} / on (job, deployment_environment_name, {labels}) ({_by(labels, bottom)} > 0)"


def _traffic() -> dict[str, str]:
    succeeded_or_failed = 'status=~"success|error"'
    return {
        "requests a second": _by("model_version, status", _rate(catalog.REQUESTS)),
        "requests in ten minutes": _by("model_version", f"increase({catalog.REQUESTS.prometheus}[10m])"),
        "error rate": _ratio(
            "model_version", _rate(catalog.REQUESTS, 'status="error"'), _rate(catalog.REQUESTS, succeeded_or_failed)
        ),
        "outcomes": _by("model_version, outcome", _rate(catalog.OUTCOMES)),
        "good responses": _ratio(
            "model_version", _rate(catalog.SLO_RESPONSES, 'good="true"'), _rate(catalog.SLO_RESPONSES)
        ),
        "cache hits": f"sum({_rate(catalog.CACHE_HITS)}) / (sum({_rate(catalog.CACHE_HITS)}) "
        f"+ sum({_rate(catalog.CACHE_MISSES)}))",
        "processes": f"count by (job) (count by (job, instance) ({catalog.BUILD_INFO.prometheus}))",
        "against ten minutes before": f"{_by('model_version', _rate(catalog.REQUESTS))} / "
        f"{_by('model_version', _rate(catalog.REQUESTS, offset=' offset 10m'))}",
    }


def _business() -> dict[str, str]:
    return {
        "click-through rate": _ratio(
            "model_version", _rate(catalog.CLICKED), _rate(catalog.REQUESTS, 'status="success"')
        ),
        "item click-through rate by position": _ratio(
            "model_version, position", _rate(catalog.CLICKED), _rate(catalog.IMPRESSIONS)
        ),
        "clicks by position": _by("model_version, position", _rate(catalog.CLICKED)),
        "conversion rate": _ratio("model_version", _rate(catalog.CONVERTED), _rate(catalog.CLICKED)),
        "revenue": _by("model_version", _rate(catalog.REVENUE, suffix="_sum")),
        "mean revenue": _ratio(
            "model_version", _rate(catalog.REVENUE, suffix="_sum"), _rate(catalog.REVENUE, suffix="_count")
        ),
        "items by category": _by("category", _rate(catalog.ITEMS)),
    }


def _latency() -> dict[str, str]:
    buckets = _by("model_version, le", _rate(catalog.LATENCY, suffix="_bucket"))
    return {
        **{f"latency, quantile {q}": f"histogram_quantile({q}, {buckets})" for q in (0.5, 0.95, 0.99)},
        "latency, mean": _ratio(
            "model_version", _rate(catalog.LATENCY, suffix="_sum"), _rate(catalog.LATENCY, suffix="_count")
        ),
        "top score, median": f"histogram_quantile(0.5, {_by('le', _rate(catalog.SCORE, suffix='_bucket'))})",
    }


def _quality() -> dict[str, str]:
    return {
        f"{metric.prometheus}, {word}": f"{word} by (model_version) ({metric.prometheus})"
        for metric in (catalog.DIVERSITY, catalog.COVERAGE)
        for word in ("max", "min", "avg")
    }
