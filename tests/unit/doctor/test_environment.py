import sys
from pathlib import Path

import pytest

from otel_recmon.doctor.environment import examine
from otel_recmon.doctor.target import Target
from tests.unit.doctor.healthy_target import HEALTHY, healthy_target

EVENTS = {"OTEL_RECMON_LOG_EVENTS": "true", "OTEL_LOGS_EXPORTER": "otlp"}
KEY = {"OTEL_RECMON_USER_HASH_KEY": "0123456789abcdef"}
FOUND = {
    "recmon-off": {"OTEL_RECMON_ENABLED": "false"},
    "setting-unusable": {"OTEL_RECMON_CATALOG_SIZE": "many"},
    "setting-quoted": {"OTEL_RECMON_ENABLED": "'true'"},
    "setting-unknown": {"OTEL_RECMON_CATALOGUE_SIZE": "7"},
    "setting-file": {"OTEL_RECMON_MODEL_PATH": "/nowhere/model.bin"},
    "sdk-disabled": {"OTEL_SDK_DISABLED": "TRUE"},
    "plugin-disabled": {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"},
    "metrics-not-exported": {"OTEL_METRICS_EXPORTER": "none"},
    "export-interval": {"OTEL_METRIC_EXPORT_INTERVAL": "15s"},
    "unit-mistaken": {"OTEL_EXPORTER_OTLP_TIMEOUT": "10000"},
    "service-name-missing": {"OTEL_SERVICE_NAME": " "},
    "environment-name-missing": {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test"},
    "resource-attributes-unreadable": {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,team"},
    "endpoint-scheme": {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "collector:4318/v1/metrics"},
    "endpoint-port": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    "headers-unreadable": {"OTEL_EXPORTER_OTLP_HEADERS": "Bearer abc"},
    "temporality-delta": {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "lowmemory"},
    "histograms-exponential": {
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"
    },
    "exemplars-off": {"OTEL_METRICS_EXEMPLAR_FILTER": "always_off"},
    "propagators-none": {"OTEL_PROPAGATORS": "none"},
    "semconv-old": {"OTEL_SEMCONV_STABILITY_OPT_IN": "database"},
    "attribute-limits": {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "16"},
    "events-not-exported": EVENTS | KEY | {"OTEL_LOGS_EXPORTER": "none"},
    "event-log-without-users": EVENTS,
}
FINE = {
    "variables set to their defaults": {
        "OTEL_SDK_DISABLED": "false",
        "OTEL_PROPAGATORS": "tracecontext,baggage",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "cumulative",
        "OTEL_METRICS_EXEMPLAR_FILTER": "trace_based",
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "128",
    },
    "a page instead of an exporter": {"OTEL_METRICS_EXPORTER": "none", "OTEL_RECMON_METRICS_PATH": "/metrics"},
    "a scraped exporter, at any interval": {
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_METRIC_EXPORT_INTERVAL": "60000",
    },
    "gRPC without a scheme and without TLS": {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_INSECURE": "true",
    },
    "the port of the protocol": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
    "events with one key, exported": EVENTS | KEY,
    "other instrumentations left out": {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis,fastapi"},
    "a name among the resource attributes": {
        "OTEL_SERVICE_NAME": "",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,deployment.environment.name=test",
    },
    "headers with a name each": {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20abc,x-tenant=a=b"},
}


@pytest.mark.parametrize(("name", "changes"), FOUND.items(), ids=FOUND)
def test_each_problem_yields_exactly_its_finding(name: str, changes: dict[str, str]) -> None:
    assert [finding.name for finding in examine(healthy_target(**changes))] == [name]


@pytest.mark.parametrize("changes", [{}, *FINE.values()], ids=["nothing changed", *FINE])
def test_correct_settings_yield_no_finding(changes: dict[str, str]) -> None:
    assert list(examine(healthy_target(**changes))) == []


def test_variables_are_not_required_if_the_code_may_configure_opentelemetry() -> None:
    in_code = {name: HEALTHY[name] for name in ("OTEL_RECMON_ENABLED", "OTEL_SEMCONV_STABILITY_OPT_IN")}

    assert list(examine(Target(in_code | EVENTS | KEY | {"OTEL_LOGS_EXPORTER": ""}, ("python", "main.py")))) == []


def test_variables_are_not_required_if_the_imported_application_configures_opentelemetry() -> None:
    in_code = {name: HEALTHY[name] for name in ("OTEL_RECMON_ENABLED", "OTEL_SEMCONV_STABILITY_OPT_IN")}

    assert list(examine(Target(in_code, configured_in_code=True))) == []


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("uvicorn feeds_only:app", ["no-route-watched"]),
        ("opentelemetry-instrument gunicorn -w 1 feeds_only:app", ["no-route-watched"]),
        ("uvicorn half_watched:app", ["no-click-route"]),
        ("uvicorn nowhere_at_all:app", []),
        ("python feeds.py", []),
    ],
)
def test_an_application_that_the_command_names_is_watched(
    command: str, found: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "feeds_only.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    (tmp_path / "half_watched.py").write_text(
        "from fastapi import FastAPI\napp = FastAPI()\n"
        "app.get('/recommendations')(lambda: [])\napp.post('/clicks/of/user')(lambda: None)\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path])

    examined = Target(HEALTHY, command.split(), folder=tmp_path)

    assert [finding.name for finding in examine(examined)] == found


def test_twice_the_attributes_of_http_need_a_higher_limit() -> None:
    limit = {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "32"}
    both = limit | {"OTEL_SEMCONV_STABILITY_OPT_IN": "http/dup"}

    assert [[one.name for one in examine(healthy_target(**changes))] for changes in (limit, both)] == [
        [],
        ["attribute-limits"],
    ]


def test_an_unknown_setting_is_reported_with_the_closest_name() -> None:
    (finding,) = examine(healthy_target(OTEL_RECMON_CATALOGUE_SIZE="7"))

    assert "perhaps OTEL_RECMON_CATALOG_SIZE" in finding.what


@pytest.mark.parametrize(
    ("variable", "value", "fix"),
    [
        ("OTEL_METRIC_EXPORT_INTERVAL", "15", "15000 if you mean 15000 milliseconds."),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "10000", "10 if you mean 10 seconds."),
    ],
)
def test_a_time_in_the_wrong_unit_is_reported_with_the_right_value(variable: str, value: str, fix: str) -> None:
    (finding,) = examine(healthy_target(**{variable: value}))

    assert (finding.name, finding.fix) == ("unit-mistaken", f"Set {variable}={fix}")


def test_the_old_environment_attribute_is_mentioned() -> None:
    (finding,) = examine(healthy_target(OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test"))

    assert finding.what.endswith("no deployment.environment.name; deployment.environment is a different attribute.")


@pytest.mark.parametrize(("grafana", "found"), [("", ["export-interval"]), ("http://grafana", [])])
def test_the_interval_is_left_to_the_grafana_topic_if_there_is_a_grafana(grafana: str, found: list[str]) -> None:
    slow = Target({**HEALTHY, "OTEL_METRIC_EXPORT_INTERVAL": "60000"}, grafana=grafana)

    assert [finding.name for finding in examine(slow)] == found


def test_a_password_in_a_url_is_not_shown() -> None:
    (finding,) = examine(healthy_target(OTEL_EXPORTER_OTLP_ENDPOINT="http://me:hush@collector:4317/?key=hush"))

    assert finding.what.startswith("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317/ has port 4317,")
