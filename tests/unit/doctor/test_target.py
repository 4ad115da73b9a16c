import pytest

from otel_recmon.doctor.target import Target, split_command, variables_of_options, without_secrets


@pytest.mark.parametrize(
    ("command", "environ", "zero_code"),
    [
        ("", {}, True),
        ("/venv/bin/opentelemetry-instrument uvicorn app:app", {}, True),
        ("uvicorn app:app", {}, False),
        ("uvicorn app:app", {"PYTHONPATH": "/x/opentelemetry/instrumentation/auto_instrumentation:/app"}, True),
    ],
)
def test_zero_code_instrumentation_is_recognised(command: str, environ: dict[str, str], zero_code: bool) -> None:
    assert Target(environ, split_command(command)).zero_code is zero_code


def test_options_of_opentelemetry_instrument_become_variables() -> None:
    found = variables_of_options(
        split_command("opentelemetry-instrument --metrics_exporter none --service_name=shop uvicorn --reload")
    )

    assert (found["OTEL_METRICS_EXPORTER"], found["OTEL_SERVICE_NAME"]) == ("none", "shop")
    assert not [name for name in found if "RELOAD" in name]
    assert variables_of_options(split_command("uvicorn --reload")) == {}


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
def test_the_protocol_is_the_one_that_the_sdk_uses(environ: dict[str, str], protocol: str) -> None:
    assert Target(environ).protocol() == protocol


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:hush@collector:4318/v1/metrics?key=hush", "http://collector:4318/v1/metrics"),
        ("http://me:hush@[bad?key=hush", "http://[bad"),
        ("collector:4318", "collector:4318"),
    ],
)
def test_a_url_is_shown_without_its_secret_parts(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
