"""What Prometheus has of the service: its series, under the right names and labels, fresh, and once."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import yaml

from otel_recmon import catalog
from otel_recmon.catalog import Kind, Metric
from otel_recmon.doctor.network import sendable
from otel_recmon.doctor.target import ENVIRONMENT, SERVICE_NAME, Patient, bare
from otel_recmon.findings import Finding, found
from otel_recmon.formatting import long_ago
from otel_recmon.query.client import Prometheus, PrometheusError

TOKEN: Final = "PROMETHEUS_TOKEN"  # noqa: S105 - the name of the variable that has it
LABEL: Final = ENVIRONMENT.replace(".", "_")
INFO: Final = catalog.BUILD_INFO.prometheus
"""The series that every process of a service has, as long as it runs."""
_TIMEOUT_S: Final = 10.0
_HISTOGRAMS: Final = [metric for metric in catalog.METRICS if metric.kind is Kind.HISTOGRAM]
_FEATURES: Final = {
    "exemplar-storage": "exemplars-not-stored",
    "created-timestamp-zero-ingestion": "first-events-lost",
}
_NOT_PROMOTED: Final = (
    f"Add {ENVIRONMENT} to `otlp: promote_resource_attributes` in prometheus.yml, or to the resource attributes that "
    f"the Collector keeps on its page; where the service itself is scraped, add {LABEL} as a label of its target."
)
_ELSEWHERE: Final = f"Correct {ENVIRONMENT} in OTEL_RESOURCE_ATTRIBUTES, or ask the Prometheus of that environment."


def skipped(patient: Patient) -> str:
    """Return why there is nothing to examine; empty where there is something."""
    if not patient.prometheus:
        return "name it with --prometheus URL"
    return "" if patient.resource.get(SERVICE_NAME) else "the environment does not name the service"


def examine(patient: Patient) -> Iterator[Finding]:
    """Find what is wrong with what Prometheus has."""
    token = patient.value(TOKEN)
    if not sendable(token):
        yield found("prometheus-unreachable", problem=f"{TOKEN} has characters that no header can have.")
        return
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    prometheus = Prometheus(patient.prometheus, _TIMEOUT_S, headers)
    try:
        yield from _service(prometheus, patient)
        yield from _server(prometheus, patient)
    except PrometheusError as error:
        said = str(error).replace(patient.prometheus, bare(patient.prometheus))
        yield found("prometheus-unreachable", problem=said if said.endswith("?") else f"{said}.")


def _service(prometheus: Prometheus, patient: Patient) -> Iterator[Finding]:
    job = _job(prometheus, patient)
    seen = _values(prometheus, LABEL, f"{INFO}{{job={_quoted(job)}}}")
    if not seen:
        yield _unseen(prometheus, job)
        return
    wanted = patient.resource.get(ENVIRONMENT, "")
    if wanted and wanted not in seen:
        remedy = _NOT_PROMOTED if seen == {""} else _ELSEWHERE
        shown = ", ".join(_quoted(value) for value in sorted(seen))
        yield found("environment-unseen", job=job, seen=shown, wanted=wanted, remedy=remedy)
    if not wanted or wanted in seen or seen == {""}:
        narrowed = f", {LABEL}={_quoted(wanted)}" if wanted in seen - {""} else ""
        yield from _series(prometheus, patient, job, f"{{job={_quoted(job)}{narrowed}}}")


def _job(prometheus: Prometheus, patient: Patient) -> str:
    """Return the label ``job``: where Prometheus scrapes the service itself, its scrape job has named it."""
    named = f"target_info{{service_name={_quoted(patient.resource[SERVICE_NAME])}}}"
    scraped = set() if patient.pushes else _values(prometheus, "job", named)
    return scraped.pop() if len(scraped) == 1 else patient.job


def _unseen(prometheus: Prometheus, job: str) -> Finding:
    selector = f"{{job={_quoted(job)}}}"
    misnamed = _misnamed(prometheus, selector)
    if misnamed:
        return misnamed
    overwritten = _values(prometheus, "job", f"{INFO}{{exported_job={_quoted(job)}}}")
    if overwritten:
        return found("labels-overwritten", job=job, seen=", ".join(sorted(overwritten)))
    last = prometheus.instant(f"max(max_over_time(timestamp({INFO}{selector})[1d:1m]))")
    if last:
        return found("series-stale", job=job, ago=long_ago(time.time() - last[0].value))
    others = sorted(_values(prometheus, "job", INFO))
    return found("service-unseen", job=job, others=f"; there is {', '.join(others)}" if others else ", nor any other")


def _misnamed(prometheus: Prometheus, selector: str) -> Finding | None:
    """Return which of the other translations the names went through, by a gauge, a counter and a histogram."""
    inner = selector[1:-1]
    dotted = [catalog.BUILD_INFO.name, *(f"{metric.name}{end}" for metric, end in _ENDINGS)]
    for name in dotted:
        if prometheus.instant(f"group({{__name__={_quoted(name)}, {inner}}})"):
            return found("names-untranslated", example=name)
    for metric, end in _ENDINGS:
        name = metric.name.replace(".", "_") + end
        if name != metric.prometheus + end and prometheus.instant(f"group({name}{selector})"):
            return found("names-without-suffixes", example=name)
    return None


_ENDINGS: Final = ((catalog.REQUESTS, ""), (catalog.LATENCY, "_bucket"))


def _series(prometheus: Prometheus, patient: Patient, job: str, selector: str) -> Iterator[Finding]:
    misnamed = _misnamed(prometheus, selector)
    if misnamed:  # the gauge has neither unit nor _total, so it alone looks right
        yield misnamed
        return
    yield from _buckets(prometheus, patient, job, selector)
    versions = _values(prometheus, catalog.MODEL_VERSION.name, f"{catalog.REQUESTS.prometheus}{selector}")
    if versions == {catalog.UNKNOWN}:
        yield found("model-version-unknown", job=job)


def _buckets(prometheus: Prometheus, patient: Patient, job: str, selector: str) -> Iterator[Finding]:
    for metric in _HISTOGRAMS:
        texts = _values(prometheus, "le", f"{metric.prometheus}_bucket{selector}")
        bounds = {float(text) for text in texts if text}
        if len(bounds) < len(texts):
            twice = sorted(text for text in texts if text != f"{float(text):g}")
            yield found("series-double", job=job, difference=f'le="{float(twice[0]):g}" and le="{twice[0]}"')
            return
        expected = {*_expected(metric, patient), float("inf")}
        if bounds and bounds != expected:
            yield found("histogram-bounds", series=metric.prometheus, found=_list(bounds), expected=_list(expected))
        if not bounds and prometheus.instant(f"group({metric.prometheus}{selector})"):
            yield found("histograms-native", series=metric.prometheus)


def _expected(metric: Metric, patient: Patient) -> tuple[float, ...]:
    return patient.settings.score_buckets if metric is catalog.SCORE else metric.buckets


def _server(prometheus: Prometheus, patient: Patient) -> Iterator[Finding]:
    """Find what Prometheus itself was not told; what only speaks its language says nothing of that."""
    with suppress(PrometheusError, KeyError, AttributeError, TypeError, yaml.YAMLError):
        flags: dict[str, str] = prometheus.get("status/flags")
        features = set(flags["enable-feature"].replace(" ", ",").split(","))
        config: Any = yaml.safe_load(prometheus.get("status/config")["yaml"])
        window = ((config.get("storage") or {}).get("tsdb") or {}).get("out_of_order_time_window", "0s")
        if patient.pushes and str(window) in ("0s", "0"):
            yield found("out-of-order-off", value=window)
        yield from (found(name) for feature, name in _FEATURES.items() if feature not in features)


def _values(prometheus: Prometheus, label: str, selector: str) -> set[str]:
    return {series.labels.get(label, "") for series in prometheus.instant(f"group by ({label}) ({selector})")}


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _list(bounds: set[float]) -> str:
    return ", ".join(f"{bound:g}" for bound in sorted(bounds) if bound != float("inf"))
