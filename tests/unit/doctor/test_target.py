import pytest

from otel_recmon.doctor.target import Patient, bare, instrumented, split


@pytest.mark.parametrize(
    ("command", "environ", "zero_code"),
    [
        ("", {}, True),
        ("/venv/bin/opentelemetry-instrument uvicorn app:app", {}, True),
        ("uvicorn app:app", {}, False),
        ("uvicorn app:app", {"PYTHONPATH": "/x/opentelemetry/instrumentation/auto_instrumentation:/app"}, True),
    ],
)
def test_it_is_seen_who_sets_opentelemetry_up(command: str, environ: dict[str, str], zero_code: bool) -> None:
    assert Patient(environ, split(command)).zero_code is zero_code


def test_options_of_the_instrumenting_command_are_variables() -> None:
    found = instrumented(split("opentelemetry-instrument --metrics_exporter none --service_name=shop uvicorn --reload"))

    assert (found["OTEL_METRICS_EXPORTER"], found["OTEL_SERVICE_NAME"]) == ("none", "shop")
    assert not [name for name in found if "RELOAD" in name]
    assert instrumented(split("uvicorn --reload")) == {}


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({"OTEL_METRICS_EXPORTER": "otlp_proto_http"}, "http/protobuf"),
        ({"OTEL_METRICS_EXPORTER": "otlp_proto_grpc", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "grpc"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "x", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf"}, "http/protobuf"),
        ({}, "grpc"),
    ],
)
def test_the_protocol_is_what_the_sdk_takes(environ: dict[str, str], protocol: str) -> None:
    assert Patient(environ).protocol() == protocol


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:hush@collector:4318/v1/metrics?key=hush", "http://collector:4318/v1/metrics"),
        ("http://me:hush@[bad?key=hush", "http://[bad"),
        ("collector:4318", "collector:4318"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert bare(url) == shown
