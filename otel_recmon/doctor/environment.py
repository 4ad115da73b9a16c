"""The values of the environment: each that has consequences nobody would guess."""

import csv
import difflib
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.interpolation import EXPORT_S
from otel_recmon.config import Problem, variable
from otel_recmon.doctor.application import routes
from otel_recmon.doctor.target import ENVIRONMENT, GRPC, HTTP, SERVICE_NAME, Patient, bare
from otel_recmon.findings import Finding, found
from otel_recmon.reading.routes import RouteKind
from otel_recmon.recording.item_catalog import load
from otel_recmon.recording.model_age import newest
from otel_recmon.values import number

_TRUE: Final = "true"
_PORTS: Final = {GRPC: 4317, HTTP: 4318}
_OWN: Final = "recmon"
_HTTP_ATTRIBUTES: Final = 20
"""What the web framework's instrumentation may put on a server span."""
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TIMEOUTS: Final = ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
_SHORTEST_MS, _LONGEST_S = 100, 1000
"""An interval below the one, or a timeout from the other on, is meant in another unit."""
_HEADERS: Final = ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")


def examine(patient: Patient) -> Iterator[Finding]:
    """Find what is wrong with the values of the environment."""
    yield from _plugin(patient)
    yield from _routes(patient)
    yield from _resource(patient)
    yield from _export(patient)
    yield from endpoint(patient)
    yield from _shapes(patient)
    yield from _beside(patient)
    yield from _events(patient)


def _plugin(patient: Patient) -> Iterator[Finding]:
    if not patient.settings.enabled and not _wrong(patient, "enabled"):
        yield found("recmon-off", value=patient.said(variable("enabled")))
    yield from map(_problem, patient.problems)
    yield from _files(patient)
    if patient.value("OTEL_SDK_DISABLED").lower() == _TRUE:
        yield found("sdk-disabled")
    listed = patient.value("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS")
    for entry in {name.strip() for name in listed.split(",")} & {_OWN, "*"}:
        yield found("plugin-disabled", value=listed, entry=entry)


def _wrong(patient: Patient, setting: str) -> bool:
    return variable(setting) in {problem.variable for problem in patient.problems}


def _problem(problem: Problem) -> Finding:
    known = not problem.expected.startswith("a known variable")
    return found("setting-unusable" if known else "setting-unknown", problem=problem)


def _files(patient: Patient) -> Iterator[Finding]:
    settings = patient.settings
    if settings.model_path and newest(patient.folder / settings.model_path) is None:
        lost, reason = "age of the model", "there is no file"
        yield _file("model_path", settings.model_path, lost, reason)
    if settings.catalog_file:
        try:
            load(str(patient.folder / settings.catalog_file))
        except (OSError, ValueError, RecursionError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            yield _file("catalog_file", settings.catalog_file, "coverage, nor categories from the catalog", reason)


def _file(setting: str, path: str, lost: str, reason: str) -> Finding:
    return found("setting-file", variable=variable(setting), path=path, reason=reason, lost=lost)


def _routes(patient: Patient) -> Iterator[Finding]:
    listed = routes(patient) if patient.app else []
    if listed and not any(route.kind is RouteKind.RECOMMENDATION for route in listed):
        yield found("no-route-watched", app=patient.app, count=len(listed))


def _resource(patient: Patient) -> Iterator[Finding]:
    if patient.zero_code and not patient.resource.get(SERVICE_NAME):
        yield found("service-name-missing")
    if patient.zero_code and not patient.resource.get(ENVIRONMENT):
        near = difflib.get_close_matches(ENVIRONMENT, patient.resource, n=1)
        yield found("environment-name-missing", near=f", but {near[0]}, which is another" if near else "")
    wrong = [part.strip() for part in patient.resource_parts if "=" not in part]
    if wrong:
        yield found("resource-attributes-unreadable", parts=", ".join(wrong))


def _export(patient: Patient) -> Iterator[Finding]:
    if patient.zero_code and not patient.exporters("metrics") and not patient.settings.metrics_path:
        yield found("metrics-not-exported", value=patient.said("OTEL_METRICS_EXPORTER"))
    if patient.pushes and _too_slow(patient):
        yield found(
            "export-interval",
            seconds=f"{patient.interval_ms / 1000:g}",
            value=patient.said("OTEL_METRIC_EXPORT_INTERVAL"),
            expected=EXPORT_S,
            milliseconds=EXPORT_S * 1000,
        )
    yield from _units(patient)
    for name in _HEADERS:
        if any("=" not in part for part in patient.value(name).split(",") if part.strip()):
            yield found("headers-unreadable", variable=name)


def _units(patient: Patient) -> Iterator[Finding]:
    """Find times in the unit of another variable, or of other languages: Python's exporters take seconds."""
    interval = "OTEL_METRIC_EXPORT_INTERVAL"
    if patient.pushes and 0 < _number(patient.value(interval)) < _SHORTEST_MS:
        yield _unit(patient, interval, "milliseconds", 1000)
    for name in _TIMEOUTS:
        if _number(patient.value(name)) >= _LONGEST_S:
            yield _unit(patient, name, "seconds", 0.001)


def _unit(patient: Patient, name: str, unit: str, factor: float) -> Finding:
    value = patient.value(name)
    right = f"{_number(value) * factor:g}"
    return found("unit-mistaken", variable=name, value=value, unit=unit, right=right)


def endpoint(patient: Patient) -> Iterator[Finding]:
    """Find what is wrong with the address that metrics are sent to, as far as that can be seen without asking it."""
    name = next((name for name in _ENDPOINTS if patient.value(name)), None)
    if name is None or not patient.pushes:
        return
    value, ours = patient.value(name), patient.protocol()
    if not value.startswith(("http://", "https://")):
        insecure = (patient.value(f"OTEL_EXPORTER_OTLP_{part}INSECURE").lower() for part in ("METRICS_", ""))
        if ours != GRPC or _TRUE not in insecure:
            yield found("endpoint-scheme", variable=name, value=bare(value))
        return
    other = HTTP if ours == GRPC else GRPC
    if ours in _PORTS and _port(value) == _PORTS[other]:
        yield found(
            "endpoint-port",
            variable=name,
            value=bare(value),
            port=_PORTS[other],
            theirs=other,
            ours=ours,
            right=_PORTS[ours],
            other=other,
        )


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def _shapes(patient: Patient) -> Iterator[Finding]:
    """Find what changes the shape of the metrics."""
    preference = patient.value("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE")
    if preference.lower() in ("delta", "lowmemory"):
        yield found("temporality-delta", value=preference)
    aggregation = patient.value("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION")
    if aggregation.lower() == "base2_exponential_bucket_histogram":
        yield found("histograms-exponential", value=aggregation)
    exemplars = patient.value("OTEL_METRICS_EXEMPLAR_FILTER")
    if exemplars.lower() == "always_off":
        yield found("exemplars-off", value=exemplars)


def _beside(patient: Patient) -> Iterator[Finding]:
    """Find what hurts the service, its spans or the metrics of the web framework."""
    if patient.value("OTEL_PROPAGATORS").lower() == "none":
        yield found("propagators-none")
    stable = {word.strip() for word in patient.value("OTEL_SEMCONV_STABILITY_OPT_IN").split(",")}
    if not stable & {"http", "http/dup"}:
        yield found("semconv-old", value=patient.said("OTEL_SEMCONV_STABILITY_OPT_IN"))
    on_span, on_event = _HTTP_ATTRIBUTES + len(catalog.SPAN_ATTRIBUTES), len(catalog.EVENT_ATTRIBUTES)
    needs = {
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": (on_span, "spans"),
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": (on_event, "log events"),
        "OTEL_ATTRIBUTE_COUNT_LIMIT": (max(on_span, on_event), "spans and log events"),
    }
    for name, (needed, lost) in needs.items():
        text = patient.value(name)
        if text.isdecimal() and int(text) < needed:
            yield found("attribute-limits", variable=name, value=text, needed=needed, lost=lost)


def _events(patient: Patient) -> Iterator[Finding]:
    if not patient.settings.log_events:
        return
    if patient.zero_code and not patient.exporters("logs"):
        yield found("events-not-exported", value=patient.said("OTEL_LOGS_EXPORTER"))
    if not patient.settings.user_hash_key and not _wrong(patient, "user_hash_key"):
        yield found("user-hash-per-process")


def _too_slow(patient: Patient) -> bool:
    """Say whether exports are rarer than dashboards expect; where Grafana is asked, it says what it expects."""
    if _number(patient.value("OTEL_METRIC_EXPORT_INTERVAL") or "1") <= 0:
        return True
    return not patient.asks("grafana") and patient.interval_ms > EXPORT_S * 1000


def _number(text: str) -> float:
    """Return the number of a variable, 0 where it is none: what examines it asks only for more than 0."""
    return number(text) or 0.0
