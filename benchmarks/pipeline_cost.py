"""The cost of the pipeline: points per second of a Collector core, samples per second of a Prometheus core, disk space.

Processes with the series of the example in docs/scaling.md export five hours of data, as fast as possible, through one
gateway Collector into one Prometheus. The rates are per second of processor time instead of elapsed time, so that other
load on the machine matters little. The size is measured on a block that Prometheus writes. Needs `make tools`.
"""

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from benchmarks.cpu_time import cpu_seconds
from otel_recmon import MetricsCollector
from otel_recmon.artifacts.docs.capacity import EXAMPLE, Measured, fleet_table
from otel_recmon.stack import Stack

PROCESSES = 3
STEP_S = 15
HOURS = 5
"""Enough for a complete block: Prometheus writes a block of two hours when its head spans three hours."""
ROUNDS = 5
DEADLINE_S = 180.0
GATEWAY = Path(__file__).parents[1] / "deploy" / "gateway.yaml"
BLOCK_S = 7200
"""The length of a block of Prometheus, in seconds."""


class Process:
    """A simulated process of a service, which serves a few slates between two exports."""

    def __init__(self, number: int) -> None:
        self._random = random.Random(number)
        self._reader = InMemoryMetricReader()
        resource = Resource({"service.name": "shop", "service.instance.id": f"process-{number}"})
        provider = MeterProvider([self._reader], resource)
        labels = [[f"{label}-{n}" for n in range(EXAMPLE[label])] for label in ("model_version", "variant", "surface")]
        self._metrics = [
            MetricsCollector(version, variant=variant, surface=surface, catalog_size=1_000, meter_provider=provider)
            for version, variant, surface in product(*labels)
        ]
        for metrics in self._metrics:  # so that every series exists from the first export on
            self._record(metrics)

    def export(self, at: float) -> Any:
        """Serve five slates, and return the export request with the time ``at``, in seconds since 1970."""
        for metrics in self._random.choices(self._metrics, k=5):
            self._record(metrics)
        collected = self._reader.get_metrics_data()
        assert collected  # noqa: S101 - there is data after the slates
        request = encode_metrics(collected)
        for point in _points(request):
            point.time_unix_nano = int(at * 1e9)
            if point.start_time_unix_nano:
                point.start_time_unix_nano = int((at // 86_400 - 1) * 86_400e9)
        return request

    def _record(self, metrics: MetricsCollector) -> None:
        draw = self._random
        categories = [f"category-{draw.randrange(EXAMPLE['category'])}" for _ in range(10)]
        items, scores = draw.choices(range(1_000), k=10), [draw.random() for _ in range(10)]
        metrics.track_recommendations("user", items, categories, scores, seconds=draw.expovariate(10), cache_hit=True)
        metrics.track_click(draw.randint(1, 10))
        metrics.track_conversion(draw.uniform(1, 200))
        for number in range(EXAMPLE["stage"]):
            with metrics.stage(f"stage-{number}", candidates=100):
                pass


def _points(request: Any) -> Iterator[Any]:
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield from getattr(metric, metric.WhichOneof("data")).data_points


@dataclass
class Load:
    """The exports so far, and by round the Collector's points and Prometheus's samples per second of processor time."""

    stack: Stack
    processes: list[Process]
    now: float
    points: int = 0
    collector: list[float] = field(default_factory=list)
    prometheus: list[float] = field(default_factory=list)

    def round(self) -> None:
        """Send one round, wait until Prometheus has it, and append the rates."""
        points, taken = self.points, self._samples()
        before = [cpu_seconds(self._pid(name)) for name in ("collector", "prometheus")]
        for _ in range(HOURS * 3600 // STEP_S // ROUNDS):
            for process in self.processes:
                self._send(process.export(self.now))
            self.now += STEP_S
        _until(lambda: self._received() >= self.points)
        after = [cpu_seconds(self._pid(name)) for name in ("collector", "prometheus")]
        self.collector.append((self.points - points) / (after[0] - before[0]))
        self.prometheus.append((self._samples() - taken) / (after[1] - before[1]))

    def _send(self, request: Any) -> None:
        headers = {"content-type": "application/x-protobuf"}
        url = f"{self.stack.otlp_http_url}/v1/metrics"
        requests.post(url, request.SerializeToString(), headers=headers, timeout=30).raise_for_status()
        self.points += sum(1 for _ in _points(request))

    def _pid(self, name: str) -> int:
        return self.stack.components[name].pid or 0

    def _received(self) -> float:
        """Return the number of points that the Collector has delivered."""
        return _value(
            self.stack.telemetry_url, 'otelcol_exporter_sent_metric_points_total{exporter="otlp_http/prometheus"'
        )

    def _samples(self) -> float:
        return _value(
            f"{self.stack.prometheus_url}/metrics", 'prometheus_tsdb_head_samples_appended_total{type="float"'
        )


def _value(page: str, start: str) -> float:
    lines = requests.get(page, timeout=10).text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(start)), 0.0)


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"still waiting after {DEADLINE_S:g} s")
        time.sleep(0.2)


def bytes_per_sample(data: Path) -> float:
    """Wait until Prometheus writes a block, and return its bytes per sample, including the index."""
    _until(lambda: list(data.glob("*/meta.json")))
    (meta, *_) = data.glob("*/meta.json")
    size = sum(file.stat().st_size for file in meta.parent.rglob("*") if file.is_file())
    return float(size / json.loads(meta.read_text(encoding="utf-8"))["stats"]["numSamples"])


def main() -> None:
    """Measure the pipeline. Print the measured values, and the resources that a large fleet would need."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(directory=Path(folder), overlays=[GATEWAY], environment={"COLLECTOR_QUEUE_CONSUMERS": "1"}) as stack,
    ):
        load = Load(stack, [Process(number) for number in range(PROCESSES)], block_start())
        for number in range(ROUNDS):
            print(f"\rround {number + 1} of {ROUNDS}", end="", file=sys.stderr, flush=True)
            load.round()
        print("\rwaiting for a block", file=sys.stderr, flush=True)
        size = bytes_per_sample(Path(folder) / "prometheus" / "data")
    show(load, size)


def block_start() -> float:
    """Return the start of a block of Prometheus about ``HOURS`` hours ago, in seconds since 1970.

    The exports begin at this time, so that the first block is complete.
    """
    return (time.time() - HOURS * 3600) // BLOCK_S * BLOCK_S


def show(load: Load, size: float) -> None:
    """Print the figures, and the resources for a large fleet."""
    print(f"Collector:  {_spread(load.collector)} points per second of one core")
    print(
        f"Prometheus: {_spread(load.prometheus)} samples per second of one core, {size:.2f} bytes per sample on disk\n"
    )
    print(fleet_table(Measured(statistics.median(load.collector), statistics.median(load.prometheus), size)))


def _spread(rounds: list[float]) -> str:
    return f"{statistics.median(rounds):,.0f} ({min(rounds):,.0f} to {max(rounds):,.0f})"


if __name__ == "__main__":
    main()
