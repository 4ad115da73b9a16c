"""What the tests of the real pipeline look at: Prometheus, and a service that exports what it is told to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually

Labels = frozenset[tuple[str, str]]

IDENTITY = {
    "service.name": "shop",
    "service.namespace": "team",
    "service.instance.id": "worker-1",
    "service.version": "1.2",
    "deployment.environment.name": "test",
}
LABELS = {
    "job": "team/shop",
    "instance": "worker-1",
    "service_name": "shop",
    "service_namespace": "team",
    "service_instance_id": "worker-1",
    "service_version": "1.2",
    "deployment_environment_name": "test",
}


@dataclass(frozen=True)
class Sample:
    """A value, and when it was taken."""

    at: float
    value: float


@dataclass(frozen=True)
class Prometheus:
    """The read side of a Prometheus."""

    url: str

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its API."""
        answer = web.get(f"{self.url}/api/v1/{path}", params=parameters)
        answer.raise_for_status()
        return answer.json()["data"]

    def values(self, query: str) -> dict[Labels, float]:
        """The value of each series, by its labels, the name included."""
        result = self.ask("query", query=query)["result"]
        return {frozenset(series["metric"].items()): float(series["value"][1]) for series in result}

    def samples(self, selector: str, back: str = "1h") -> list[Sample]:
        """Every sample that is stored of the one series that a selector names, from as far back as that."""
        result = self.ask("query", query=f"{selector}[{back}]")["result"]
        assert len(result) <= 1, f"{len(result)} series, not one"
        return [Sample(float(at), float(value)) for series in result for at, value in series["values"]]

    def traces(self) -> set[str]:
        """The ids of the traces that the latency leads to."""
        query = {"query": "recommendation_latency_seconds_bucket", "start": "0", "end": "9999999999"}
        found = self.ask("query_exemplars", **query)
        return {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]}


@dataclass(frozen=True)
class Service:
    """A service: its meter, and the moment that it exports."""

    meter: Meter
    provider: MeterProvider

    def export(self) -> None:
        """Send everything, and return when the Collector has taken it."""
        began = time.time()
        # A value that is taken in the millisecond in which its series began has no room for a zero before it.
        eventually(lambda: time.time() > began + 0.002)
        assert self.provider.force_flush()


@contextmanager
def service(stack: Stack) -> Iterator[Service]:
    """A service that sends to the Collector of a stack, only when told to."""
    exporter = OTLPMetricExporter(endpoint=f"{stack.otlp_http_url}/v1/metrics", timeout=web.TIMEOUT_S)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], Resource({**IDENTITY, "process.pid": 7}), shutdown_on_exit=False)
    try:
        yield Service(provider.get_meter("otel_recmon"), provider)
    finally:
        exporter.shutdown()  # or the provider's last export would wait for a Collector that may be gone
        provider.shutdown()
