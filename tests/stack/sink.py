"""A server that takes OTLP metrics over HTTP, and remembers the last value of each series of each process."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

Key = tuple[str, str, tuple[tuple[str, str], ...]]


class Sink:
    """What has arrived; while ``hanging`` is set, nothing is answered."""

    def __init__(self) -> None:
        self.url = ""
        self.last: dict[Key, float] = {}
        self.first: dict[Key, float] = {}
        self.hanging = threading.Event()
        self.released = threading.Event()

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
        request = ExportMetricsServiceRequest.FromString(body)
        for resource in request.resource_metrics:
            instance = _pairs(resource.resource.attributes).get("service.instance.id", "")
            for scope in resource.scope_metrics:
                if scope.scope.name == "otel_recmon":
                    for metric in scope.metrics:
                        self._points(instance, metric)

    def _points(self, instance: str, metric: Any) -> None:
        kind = metric.WhichOneof("data")
        for point in getattr(metric, kind).data_points:
            key = (instance, metric.name, tuple(sorted(_pairs(point.attributes).items())))
            value = point.count if kind == "histogram" else (point.as_int or point.as_double)
            self.last[key] = value
            self.first.setdefault(key, value)


def _pairs(attributes: Any) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in attributes}


@contextmanager
def listening() -> Iterator[Sink]:
    """Run a sink on a port the system hands out."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if sink.hanging.is_set():
                sink.released.wait()
            sink.take(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sink.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        sink.released.set()
        server.shutdown()
        server.server_close()
