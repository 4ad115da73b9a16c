"""A fleet whose processes record what users do, and export it at the times of a clock that is the test's."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from otel_recmon import MetricsCollector
from tests import web
from tests.stack.observed import IDENTITY

STEP_S: Final = 15
PROCESSES: Final = 3
CATEGORIES: Final = ("drama", "comedy", "documentary", "crime")
OUTCOMES: Final = ("served", "served", "served", "fallback", "error")


class Process:
    """One process of the service."""

    def __init__(self, number: int, began: float) -> None:
        """Begin at a time in seconds since 1970."""
        self._random = random.Random(number)
        self._began_ns = int(began * 1e9)
        self._reader = InMemoryMetricReader()
        self._provider = MeterProvider(
            [self._reader], Resource({**IDENTITY, "service.instance.id": f"worker-{number}"})
        )
        self._versions = [
            MetricsCollector(version, catalog_size=1_000, meter_provider=self._provider) for version in ("v1", "v2")
        ]
        self._reader.get_metrics_data()  # a new series is 0 the first time it is read

    def act(self) -> None:
        """Serve a few slates, some of which are clicked and bought from."""
        draw = self._random
        for _ in range(draw.randint(1, 5)):
            metrics = draw.choice(self._versions)
            with trace.use_span(_span(draw)):
                self._serve(metrics)
            if draw.random() < 0.5:
                metrics.track_click(draw.randint(1, 10))
            if draw.random() < 0.2:
                metrics.track_conversion(draw.uniform(1, 200))
                metrics.track_event(draw.choice(("add_to_cart", "like")))

    def _serve(self, metrics: MetricsCollector) -> None:
        draw = self._random
        metrics.track_recommendations(
            "user",
            draw.choices(range(1_000), k=10),
            draw.choices(CATEGORIES, k=10),
            [draw.random() for _ in range(10)],
            draw.choice(OUTCOMES),
            seconds=draw.expovariate(10),
            cache_hit=draw.random() < 0.7,
        )

    def export(self, at: float) -> Any:
        """What the process would export at that time, as an OTLP request."""
        collected = self._reader.get_metrics_data()
        assert collected
        request = encode_metrics(collected)
        now = int(at * 1e9)
        for point in points(request):
            point.time_unix_nano = now
            if point.start_time_unix_nano:
                point.start_time_unix_nano = self._began_ns
            for exemplar in point.exemplars:
                exemplar.time_unix_nano += now - time.time_ns()
        return request

    def end(self) -> None:
        """Stop recording."""
        self._provider.shutdown()


def _span(draw: random.Random) -> trace.Span:
    identity = trace.SpanContext(
        draw.getrandbits(128), draw.getrandbits(64), is_remote=False, trace_flags=trace.TraceFlags(1)
    )
    return trace.NonRecordingSpan(identity)


def points(request: Any) -> Iterator[Any]:
    """Every data point of an OTLP request."""
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield from getattr(metric, metric.WhichOneof("data")).data_points


def samples(request: Any) -> int:
    """How many samples an OTLP request is to a Prometheus: a histogram has its buckets, its sum and its count."""
    return sum(len(point.bucket_counts) + 2 if hasattr(point, "bucket_counts") else 1 for point in points(request))


@dataclass
class Traffic:
    """All processes of the service, each of which exports to any of the gateways.

    Attributes:
        gateways: where to send, over OTLP and HTTP.
        now: the time of the next export, in seconds since 1970.
        began: when the processes were started.
        exports: how many were made.
        sent: how many samples were in them.
    """

    gateways: Sequence[str]
    now: float
    exports: int = 0
    sent: int = 0
    began: float = field(init=False)
    _processes: list[Process] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Start the processes."""
        self._gateway = cycle(self.gateways)
        self.began = self.now - STEP_S
        self._processes = [Process(number, self.began) for number in range(PROCESSES)]

    def run(self, seconds: float) -> None:
        """Let that time pass, of the test's clock, with an export of each process every 15 seconds."""
        for _ in range(int(seconds / STEP_S)):
            for process in self._processes:
                process.act()
                self._send(process.export(self.now))
            self.now += STEP_S

    def end(self) -> None:
        """Stop all processes."""
        for process in self._processes:
            process.end()

    def _send(self, request: Any) -> None:
        url = f"{next(self._gateway)}/v1/metrics"
        headers = {"content-type": "application/x-protobuf"}
        web.post(url, content=request.SerializeToString(), headers=headers).raise_for_status()
        self.exports += 1
        self.sent += samples(request)


def ago(seconds: float) -> float:
    """That long ago, on a whole step, in seconds since 1970."""
    return (time.time() - seconds) // STEP_S * STEP_S
