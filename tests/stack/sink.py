"""A server that takes OTLP metrics over HTTP, or fails to, and remembers each series of each process."""

import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

Key = tuple[str, str, tuple[tuple[str, str], ...]]


HANGS, FAILS, RESETS = FAULTS = "hangs", "answers 500", "resets connections"


class Sink:
    """What has arrived, and how many points came last; while there is a fault, nothing is taken."""

    def __init__(self) -> None:
        self.url = ""
        self.last: dict[Key, float] = {}
        self.first: dict[Key, float] = {}
        self.points = 0
        self.fault = ""
        self.refused = 0
        self.released = threading.Event()

    @contextmanager
    def failing(self, fault: str) -> Iterator[None]:
        """Do as one of FAULTS says, until the end of the block."""
        self.refused = 0
        self.released.clear()
        self.fault = fault
        try:
            yield
        finally:
            self.fault = ""
            self.released.set()

    def totals(self) -> dict[str, float]:
        """Return the last values of each series, summed over processes and labels."""
        sums: defaultdict[str, float] = defaultdict(float)
        for (_, name, _), value in self.last.items():
            sums[name] += value
        return dict(sums)

    def instances(self) -> set[str]:
        """Return the processes that have sent anything of ours."""
        return {instance for instance, _, _ in self.last}

    def take(self, body: bytes) -> None:
        """Remember what one export holds."""
        points = 0
        request = ExportMetricsServiceRequest.FromString(body)
        for resource in request.resource_metrics:
            instance = _pairs(resource.resource.attributes).get("service.instance.id", "")
            for scope in resource.scope_metrics:
                if scope.scope.name == "otel_recmon":
                    for metric in scope.metrics:
                        points += self._points(instance, metric)
        self.points = points

    def _points(self, instance: str, metric: Any) -> int:
        kind = metric.WhichOneof("data")
        for point in getattr(metric, kind).data_points:
            key = (instance, metric.name, tuple(sorted(_pairs(point.attributes).items())))
            value = point.count if kind == "histogram" else (point.as_int or point.as_double)
            self.last[key] = value
            self.first.setdefault(key, value)
        return len(getattr(metric, kind).data_points)


def _pairs(attributes: Any) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in attributes}


@contextmanager
def listening() -> Iterator[Sink]:
    """Run a sink on a port the system hands out."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            fault = sink.fault
            if fault:
                sink.refused += 1
            elif self.path.endswith("/v1/metrics"):
                sink.take(body)
            if fault == HANGS:
                sink.released.wait()
            if fault == RESETS:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
            else:
                self.send_response(500 if fault else 200)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def shutdown_request(self, request: Any) -> None:
            """Close without a farewell, which would come before a reset."""
            self.close_request(request)

    server = Server(("127.0.0.1", 0), Handler)
    sink.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        sink.released.set()
        server.shutdown()
        server.server_close()
