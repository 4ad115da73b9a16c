from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from otel_recmon.doctor.exporter import examine, skipped
from otel_recmon.doctor.rpc import METHOD
from otel_recmon.doctor.target import Patient
from otel_recmon.stack.ports import LOOPBACK
from tests.unit.doctor.patients import HEALTHY, patient

RPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}


@contextmanager
def receiving(status: grpc.StatusCode) -> Iterator[tuple[str, list[Any]]]:
    """A server that answers an export with a status, and what was sent to it beside the body."""
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
def test_each_status_of_grpc_is_understood(status: grpc.StatusCode, names: list[str]) -> None:
    with receiving(status) as (url, sent):
        changes = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20abc"}

        assert [finding.name for finding in examine(patient(**RPC, **changes))] == names
        assert sent == [(b"", "Bearer abc")]


def test_a_certificate_that_is_not_there_is_found(tmp_path: Path) -> None:
    changes = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(tmp_path / "ca.pem"),
    }

    (over_grpc,) = examine(patient(**RPC, **changes))
    (over_http,) = examine(patient(**changes))

    assert over_grpc.what == f"https://127.0.0.1:1: {tmp_path}/ca.pem: No such file or directory."
    assert "ca.pem" in over_http.what


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        (RPC, ""),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, ""),
        ({"OTEL_METRICS_EXPORTER": "none"}, "metrics are not sent over OTLP"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "nothing here speaks http/json, see sdk"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector"}, "the address is wrong, see environment"),
    ],
)
def test_what_cannot_be_tried_is_said(changes: dict[str, str], reason: str) -> None:
    assert skipped(Patient({**HEALTHY, **changes})) == reason
