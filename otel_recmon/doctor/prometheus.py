"""Checks of a service's series in Prometheus (names, labels, age, buckets, duplicates) and of Prometheus's settings."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import yaml

from otel_recmon import catalog
from otel_recmon.catalog import Kind, Metric
from otel_recmon.doctor.network import fits_header
from otel_recmon.doctor.target import ENVIRONMENT, SERVICE_NAME, Target, without_secrets
from otel_recmon.findings import Finding, found
from otel_recmon.formatting import long_ago
from otel_recmon.query.client import Prometheus, PrometheusError

TOKEN: Final = "PROMETHEUS_TOKEN"  # noqa: S105 - a variable's name
LABEL: Final = ENVIRONMENT.replace(".", "_")
INFO: Final = catalog.BUILD_INFO.prometheus
"""A series that every running process exports, with or without traffic."""
_TIMEOUT_S: Final = 10.0
_HISTOGRAMS: Final = [metric for metric in catalog.METRICS if metric.kind is Kind.HISTOGRAM]
_FEATURES: Final = {
    "exemplar-storage": "exemplars-not-stored",
    "created-timestamp-zero-ingestion": "first-events-lost",
}
"""Feature flag of Prometheus -> finding if it is off."""
_NO_ENVIRONMENT_LABEL: Final = (
    f"Add {ENVIRONMENT} to `otlp: promote_resource_attributes` in prometheus.yml, or to `transform/promoted` in the "
    f"Collector's configuration; if Prometheus scrapes the service itself, add {LABEL} as a label of that target."
)
_WRONG_ENVIRONMENT: Final = (
    f"Correct {ENVIRONMENT} in OTEL_RESOURCE_ATTRIBUTES, or set --prometheus to the Prometheus of that environment."
)


def reason_to_skip(target: Target) -> str:
    """Return the reason to skip this topic. An empty text means that the topic is examined."""
    if not target.prometheus:
        return "set --prometheus URL"
    return "" if target.resource.get(SERVICE_NAME) else "the service has no name, see environment"


def examine(target: Target) -> Iterator[Finding]:
    """Yield the findings about the service's series and the Prometheus server."""
    token = target.value(TOKEN)
    if not fits_header(token):
        yield found("prometheus-unreachable", problem=f"{TOKEN} has characters that a header cannot carry.")
        return
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    prometheus = Prometheus(target.prometheus, _TIMEOUT_S, headers)
    try:
        yield from _check_service(prometheus, target)
        yield from _check_server(prometheus, target)
    except PrometheusError as error:
        problem = str(error).replace(target.prometheus, without_secrets(target.prometheus))
        yield found("prometheus-unreachable", problem=problem if problem.endswith("?") else f"{problem}.")


def _check_service(prometheus: Prometheus, target: Target) -> Iterator[Finding]:
    job = _job(prometheus, target)
    seen = _label_values(prometheus, LABEL, f"{INFO}{{job={_quote(job)}}}")
    if not seen:
        yield _unseen_service(prometheus, job)
        return
    wanted = target.resource.get(ENVIRONMENT, "")
    if wanted and wanted not in seen:
        remedy = _NO_ENVIRONMENT_LABEL if seen == {""} else _WRONG_ENVIRONMENT
        shown = ", ".join(_quote(value) for value in sorted(seen))
        yield found("environment-unseen", job=job, seen=shown, wanted=wanted, remedy=remedy)
    if not wanted or wanted in seen or seen == {""}:
        narrowed = f", {LABEL}={_quote(wanted)}" if wanted in seen - {""} else ""
        yield from _check_series(prometheus, target, job, f"{{job={_quote(job)}{narrowed}}}")


def _job(prometheus: Prometheus, target: Target) -> str:
    """Return the label ``job`` of the service's series: the scrape job's name if Prometheus scrapes the service."""
    selector = f"target_info{{service_name={_quote(target.resource[SERVICE_NAME])}}}"
    scraped = set() if target.exports_otlp else _label_values(prometheus, "job", selector)
    return scraped.pop() if len(scraped) == 1 else target.job


def _unseen_service(prometheus: Prometheus, job: str) -> Finding:
    selector = f"{{job={_quote(job)}}}"
    wrong_names = _wrong_names(prometheus, selector)
    if wrong_names:
        return wrong_names
    overwritten = _label_values(prometheus, "job", f"{INFO}{{exported_job={_quote(job)}}}")
    if overwritten:
        return found("labels-overwritten", job=job, seen=", ".join(sorted(overwritten)))
    # Look back one day. A service without any sample in this day is reported as unseen.
    last = prometheus.instant(f"max(max_over_time(timestamp({INFO}{selector})[1d:1m]))")
    if last:
        return found("series-stale", job=job, ago=long_ago(time.time() - last[0].value))
    others = sorted(_label_values(prometheus, "job", INFO))
    jobs = f"it has series of the jobs {', '.join(others)}" if others else "it has no series of any other service"
    return found("service-unseen", job=job, others=jobs)


def _wrong_names(prometheus: Prometheus, selector: str) -> Finding | None:
    """Return the finding about series names that are untranslated or lack suffixes; None if the names are right.

    One gauge, one counter and one histogram stand for all metrics, because the suffixes depend on the kind.
    """
    inner = selector[1:-1]
    dotted = [catalog.BUILD_INFO.name, *(f"{metric.name}{end}" for metric, end in _SUFFIXED)]
    for name in dotted:
        if prometheus.instant(f"group({{__name__={_quote(name)}, {inner}}})"):
            return found("names-untranslated", example=name)
    for metric, end in _SUFFIXED:
        name = metric.name.replace(".", "_") + end
        if name != metric.prometheus + end and prometheus.instant(f"group({name}{selector})"):
            return found("names-without-suffixes", example=name)
    return None


_SUFFIXED: Final = ((catalog.REQUESTS, ""), (catalog.LATENCY, "_bucket"))


def _check_series(prometheus: Prometheus, target: Target, job: str, selector: str) -> Iterator[Finding]:
    wrong_names = _wrong_names(prometheus, selector)
    # INFO was found, but proves nothing about suffixes: a gauge without a unit gets no suffix.
    if wrong_names:
        yield wrong_names
        return
    yield from _check_buckets(prometheus, target, job, selector)
    versions = _label_values(prometheus, catalog.MODEL_VERSION.name, f"{catalog.REQUESTS.prometheus}{selector}")
    if versions == {catalog.UNKNOWN}:
        yield found("model-version-unknown", job=job)


def _check_buckets(prometheus: Prometheus, target: Target, job: str, selector: str) -> Iterator[Finding]:
    for metric in _HISTOGRAMS:
        texts = _label_values(prometheus, "le", f"{metric.prometheus}_bucket{selector}")
        bounds = {float(text) for text in texts if text}
        if len(bounds) < len(texts):
            # OTLP and the scraped page write the same bound differently: le="1" and le="1.0".
            double = sorted(text for text in texts if text != f"{float(text):g}")
            yield found("series-double", job=job, difference=f'le="{float(double[0]):g}" and le="{double[0]}"')
            return
        expected = {*_expected_buckets(metric, target), float("inf")}
        if bounds and bounds != expected:
            yield found(
                "histogram-bounds",
                series=metric.prometheus,
                found=_format_bounds(bounds),
                expected=_format_bounds(expected),
            )
        if not bounds and prometheus.instant(f"group({metric.prometheus}{selector})"):
            yield found("histograms-native", series=metric.prometheus)


def _expected_buckets(metric: Metric, target: Target) -> tuple[float, ...]:
    return target.settings.score_buckets if metric is catalog.SCORE else metric.buckets


def _check_server(prometheus: Prometheus, target: Target) -> Iterator[Finding]:
    """Yield the findings about the flags and the configuration of Prometheus.

    There are no findings for a server that implements only the query API, and so does not show its configuration.
    """
    with suppress(PrometheusError, KeyError, AttributeError, TypeError, yaml.YAMLError):
        flags: dict[str, str] = prometheus.get("status/flags")
        features = set(flags["enable-feature"].replace(" ", ",").split(","))
        config: Any = yaml.safe_load(prometheus.get("status/config")["yaml"])
        window = ((config.get("storage") or {}).get("tsdb") or {}).get("out_of_order_time_window", "0s")
        if target.exports_otlp and str(window) in ("0s", "0"):
            yield found("out-of-order-off", value=window)
        yield from (found(name) for feature, name in _FEATURES.items() if feature not in features)


def _label_values(prometheus: Prometheus, label: str, selector: str) -> set[str]:
    return {series.labels.get(label, "") for series in prometheus.instant(f"group by ({label}) ({selector})")}


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _format_bounds(bounds: set[float]) -> str:
    return ", ".join(f"{bound:g}" for bound in sorted(bounds) if bound != float("inf"))
