"""Checks of the environment variables. Most checks look for values with an unexpected effect."""

import csv
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.interpolation import EXPORT_S
from otel_recmon.config import Problem, variable
from otel_recmon.doctor.application import ApplicationRoute, list_routes
from otel_recmon.doctor.target import ENVIRONMENT, GRPC, HTTP, SERVICE_NAME, DoctorError, Target, without_secrets
from otel_recmon.findings import Finding, found
from otel_recmon.reading.event_words import suggests_events
from otel_recmon.reading.routes import TAKE_CLICKS, RouteKind
from otel_recmon.recording.item_catalog import load
from otel_recmon.recording.model_age import newest
from otel_recmon.values import number

_TRUE: Final = "true"
_PORTS: Final = {GRPC: 4317, HTTP: 4318}
"""OTLP protocol -> the port that the OTLP specification assigns to it."""
_PLUGIN_ENTRY_POINT: Final = "recmon"
_HTTP_ATTRIBUTES: Final = 20
"""The number of attributes that a server span needs for the web framework and for the service, not for the plugin.

FastAPI's instrumentation sets 13 attributes with old names, or 12 with stable names (measured with 0.66b2).
"""
_HTTP_ATTRIBUTES_DUP: Final = 32
"""The same number with OTEL_SEMCONV_STABILITY_OPT_IN=http/dup. FastAPI's instrumentation then sets 24 attributes."""
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TIMEOUTS: Final = ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
_SHORTEST_MS, _LONGEST_S = 100, 1000
"""The limits of plausible times. Values beyond these limits are probably in the wrong unit.

An interval below 100 ms, such as 15, is probably in seconds. A timeout of 1000 s or more, such as 10000, is probably
in milliseconds.
"""
_HEADERS: Final = ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")


def examine(target: Target) -> Iterator[Finding]:
    """Yield the findings about the environment variables."""
    yield from _check_plugin(target)
    yield from _check_routes(target)
    yield from _check_resource(target)
    yield from _check_export(target)
    yield from check_endpoint(target)
    yield from _check_metric_shapes(target)
    yield from _check_framework(target)
    yield from _check_events(target)


def _check_plugin(target: Target) -> Iterator[Finding]:
    if not target.settings.enabled and not _is_wrong(target, "enabled"):
        yield found("recmon-off", value=target.display(variable("enabled")))
    yield from map(_setting_problem, target.problems)
    yield from _check_files(target)
    if target.value("OTEL_SDK_DISABLED").lower() == _TRUE:
        yield found("sdk-disabled")
    listed = target.value("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS")
    for entry in {name.strip() for name in listed.split(",")} & {_PLUGIN_ENTRY_POINT, "*"}:
        yield found("plugin-disabled", value=listed, entry=entry)


def _is_wrong(target: Target, setting: str) -> bool:
    return variable(setting) in {problem.variable for problem in target.problems if not problem.is_quoted}


def _setting_problem(problem: Problem) -> Finding:
    if problem.is_quoted:
        return found("setting-quoted", problem=problem)
    known = not problem.expected.startswith("a known variable")
    return found("setting-unusable" if known else "setting-unknown", problem=problem)


def _check_files(target: Target) -> Iterator[Finding]:
    settings = target.settings
    if settings.model_path and newest(target.folder / settings.model_path) is None:
        yield _unusable_file("model_path", settings.model_path, "The model's age is not measured", "there is no file")
    if settings.catalog_file:
        try:
            load(str(target.folder / settings.catalog_file))
        except (OSError, ValueError, RecursionError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            effect = "Coverage is not measured, and items get no categories from the catalog"
            yield _unusable_file("catalog_file", settings.catalog_file, effect, reason)


def _unusable_file(setting: str, path: str, effect: str, reason: str) -> Finding:
    return found("setting-file", variable=variable(setting), path=path, reason=reason, effect=effect)


def _check_routes(target: Target) -> Iterator[Finding]:
    listed = list_routes(target) if target.app else _routes_of_command(target)
    if listed and not any(route.kind is RouteKind.RECOMMENDATION for route in listed):
        yield found("no-route-watched", app=target.app or _app_of(target.command), count=len(listed))
    elif listed and not any(route.kind in TAKE_CLICKS for route in listed):
        # Without such a route, the clicks may arrive at another service.
        likeliest = [f"{method} {template}" for method, template, _ in listed if suggests_events(method, template)]
        if likeliest:
            yield found("no-click-route", app=target.app or _app_of(target.command), routes=", ".join(likeliest))


def _routes_of_command(target: Target) -> list[ApplicationRoute]:
    """Return the routes of the application that the start command names; [] if it cannot be imported here."""
    app = _app_of(target.command)
    if not app:
        return []
    try:
        return list_routes(replace(target, app=app))
    except DoctorError:
        return []


def _app_of(command: Sequence[str]) -> str:
    return next((word for word in command if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", word)), "")


def _check_resource(target: Target) -> Iterator[Finding]:
    if target.zero_code and not target.resource.get(SERVICE_NAME):
        yield found("service-name-missing")
    if target.zero_code and not target.resource.get(ENVIRONMENT):
        near = difflib.get_close_matches(ENVIRONMENT, target.resource, n=1)
        yield found("environment-name-missing", near=f"; {near[0]} is a different attribute" if near else "")
    wrong = [part.strip() for part in target.resource_parts if "=" not in part]
    if wrong:
        yield found("resource-attributes-unreadable", parts=", ".join(wrong))


def _check_export(target: Target) -> Iterator[Finding]:
    if target.zero_code and not target.exporters("metrics") and not target.settings.metrics_path:
        yield found("metrics-not-exported", value=target.display("OTEL_METRICS_EXPORTER"))
    if target.exports_otlp and _exports_too_rarely(target):
        yield found(
            "export-interval",
            seconds=f"{target.interval_ms / 1000:g}",
            value=target.display("OTEL_METRIC_EXPORT_INTERVAL"),
            expected=EXPORT_S,
            milliseconds=EXPORT_S * 1000,
        )
    yield from _check_units(target)
    for name in _HEADERS:
        if any("=" not in part for part in target.value(name).split(",") if part.strip()):
            yield found("headers-unreadable", variable=name)


def _check_units(target: Target) -> Iterator[Finding]:
    """Yield the findings about times in the wrong unit.

    The export interval is in milliseconds. The timeout is in seconds in Python's exporters, but in milliseconds in the
    OpenTelemetry specification and in other languages.
    """
    interval = "OTEL_METRIC_EXPORT_INTERVAL"
    if target.exports_otlp and 0 < _number(target.value(interval)) < _SHORTEST_MS:
        yield _wrong_unit(target, interval, "milliseconds", 1000)
    for name in _TIMEOUTS:
        if _number(target.value(name)) >= _LONGEST_S:
            yield _wrong_unit(target, name, "seconds", 0.001)


def _wrong_unit(target: Target, name: str, unit: str, factor: float) -> Finding:
    value = target.value(name)
    right = f"{_number(value) * factor:g}"
    return found("unit-mistaken", variable=name, value=value, unit=unit, right=right)


def check_endpoint(target: Target) -> Iterator[Finding]:
    """Yield the findings about the text of the OTLP endpoint; nothing is sent to it."""
    name = next((name for name in _ENDPOINTS if target.value(name)), None)
    if name is None or not target.exports_otlp:
        return
    value, ours = target.value(name), target.protocol()
    if not value.startswith(("http://", "https://")):
        insecure = (target.value(f"OTEL_EXPORTER_OTLP_{part}INSECURE").lower() for part in ("METRICS_", ""))
        if ours != GRPC or _TRUE not in insecure:
            yield found("endpoint-scheme", variable=name, value=without_secrets(value))
        return
    other = HTTP if ours == GRPC else GRPC
    if ours in _PORTS and _port(value) == _PORTS[other]:
        yield found(
            "endpoint-port",
            variable=name,
            value=without_secrets(value),
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


def _check_metric_shapes(target: Target) -> Iterator[Finding]:
    """Yield the findings about variables that change temporality, buckets or exemplars."""
    preference = target.value("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE")
    if preference.lower() in ("delta", "lowmemory"):
        yield found("temporality-delta", value=preference)
    aggregation = target.value("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION")
    if aggregation.lower() == "base2_exponential_bucket_histogram":
        yield found("histograms-exponential", value=aggregation)
    exemplars = target.value("OTEL_METRICS_EXEMPLAR_FILTER")
    if exemplars.lower() == "always_off":
        yield found("exemplars-off", value=exemplars)


def _check_framework(target: Target) -> Iterator[Finding]:
    """Yield the findings about variables that break requests, framework metrics or span attributes."""
    if target.value("OTEL_PROPAGATORS").lower() == "none":
        yield found("propagators-none")
    stable = {word.strip() for word in target.value("OTEL_SEMCONV_STABILITY_OPT_IN").split(",")}
    if not stable & {"http", "http/dup"}:
        yield found("semconv-old", value=target.display("OTEL_SEMCONV_STABILITY_OPT_IN"))
    of_http = _HTTP_ATTRIBUTES_DUP if "http/dup" in stable else _HTTP_ATTRIBUTES
    on_span, on_event = of_http + len(catalog.SPAN_ATTRIBUTES), len(catalog.EVENT_ATTRIBUTES)
    needs = {
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": (on_span, "spans"),
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": (on_event, "log events"),
        "OTEL_ATTRIBUTE_COUNT_LIMIT": (max(on_span, on_event), "spans and log events"),
    }
    for name, (needed, lost) in needs.items():
        text = target.value(name)
        if text.isdecimal() and int(text) < needed:
            yield found("attribute-limits", variable=name, value=text, needed=needed, lost=lost)


def _check_events(target: Target) -> Iterator[Finding]:
    if not target.settings.log_events:
        return
    if target.zero_code and not target.exporters("logs"):
        yield found("events-not-exported", value=target.display("OTEL_LOGS_EXPORTER"))
    if not target.settings.user_hash_key and not _is_wrong(target, "user_hash_key"):
        yield found("event-log-without-users")


def _exports_too_rarely(target: Target) -> bool:
    """Return True if exports are rarer than the dashboards expect, or the interval is not a number above 0.

    With --grafana, the topic grafana compares the interval with the data source's own `timeInterval` instead.
    """
    if _number(target.value("OTEL_METRIC_EXPORT_INTERVAL") or "1") <= 0:
        return True
    return not target.includes("grafana") and target.interval_ms > EXPORT_S * 1000


def _number(text: str) -> float:
    """Parse a number. Other text counts as 0, which is an invalid interval but no sign of a wrong unit."""
    return number(text) or 0.0
