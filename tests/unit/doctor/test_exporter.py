from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from otel_recmon.doctor.exporter import examine, reason_to_skip
from otel_recmon.doctor.rpc import METHOD
from otel_recmon.doctor.target import Target
from otel_recmon.stack.ports import LOOPBACK
from tests.unit.doctor.healthy_target import HEALTHY, healthy_target

RPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}


@contextmanager
def receiving(status: grpc.StatusCode) -> Iterator[tuple[str, list[Any]]]:
    """Run a server that answers exports with a status; yield its URL and the (body, authorization) of each export."""
    sent: list[Any] = []

    def answer(body: bytes, context: Any) -> bytes:
        sent.append((body, dict(context.invocation_metadata()).get("authorization")))
        if status is not grpc.StatusCode.OK:
            context.abort(status, "over quota")
        return b""

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # the library is untyped
        def service(self, call: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(answer) if call.method == METHOD else None

    server = grpc.server(ThreadPoolExecutor(1), [Handler()])
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    try:
        yield f"http://{LOOPBACK}:{port}", sent
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize(
    ("status", "names"),
    [
        (grpc.StatusCode.OK, []),
        (grpc.StatusCode.UNAUTHENTICATED, ["exporter-unauthorized"]),
        (grpc.StatusCode.PERMISSION_DENIED, ["exporter-unauthorized"]),
        (grpc.StatusCode.UNIMPLEMENTED, ["exporter-path"]),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ["exporter-timeout"]),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ["exporter-refused"]),
    ],
)
def test_each_grpc_status_yields_its_finding(status: grpc.StatusCode, names: list[str]) -> None:
    with receiving(status) as (url, sent):
        changes = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20abc"}

        assert [finding.name for finding in examine(healthy_target(**RPC, **changes))] == names
        assert sent == [(b"", "Bearer abc")]


def test_a_missing_certificate_file_is_reported(tmp_path: Path) -> None:
    changes = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(tmp_path / "ca.pem"),
    }

    (over_grpc,) = examine(healthy_target(**RPC, **changes))
    (over_http,) = examine(healthy_target(**changes))

    problem = f"{tmp_path}/ca.pem: No such file or directory"
    assert over_grpc.what == f"The TLS connection to https://127.0.0.1:1 fails: {problem}."
    assert "ca.pem" in over_http.what


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        (RPC, ""),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, ""),
        ({"OTEL_METRICS_EXPORTER": "none"}, "metrics are not exported over OTLP"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "no exporter for http/json is installed, see sdk"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector"}, "the endpoint is wrong, see environment"),
    ],
)
def test_the_topic_is_skipped_with_a_reason(changes: dict[str, str], reason: str) -> None:
    assert reason_to_skip(Target({**HEALTHY, **changes})) == reason
