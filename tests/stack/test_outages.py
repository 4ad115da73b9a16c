"""Outages of the Collector, of Prometheus and of the queue's disk, without a loss of counts."""

import subprocess
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually, scaled
from tests.stack.observed import Prometheus, Sample
from tests.stack.serving import OTLP, Service, serving

APP = """
    from fastapi import FastAPI
    app = FastAPI()

    @app.get("/recommendations")
    async def recommendations():
        return [{"id": 1, "score": 0.5}, {"id": 2, "score": 0.25}]
"""
REQUESTS = 'recommendation_requests_total{status="success"}'
MOST_REQUESTS = 20_000
PAUSE_S = 0.03
OUTAGE_S = 60
SLACK_S = scaled(1.0)
"""The time between the timestamp of an export and the reading of its counters on a busy machine."""


class Traffic(threading.Thread):
    """Sends one request after the other, and keeps their start and end times and the failures."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = f"{url}/recommendations"
        self._enough = threading.Event()
        self.spans: list[tuple[float, float]] = []
        self.failures: list[str] = []

    def run(self) -> None:
        with web.client() as client:
            while len(self.spans) < MOST_REQUESTS and not self._enough.wait(PAUSE_S):
                began = time.time()
                try:
                    client.get(self._url).raise_for_status()
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                self.spans.append((began, time.time()))

    def stop(self) -> None:
        """Stop the traffic and wait for its last request."""
        self._enough.set()
        self.join()

    def count_at(self, time_s: float) -> tuple[int, int]:
        """Return the numbers of requests answered and started before a time, give or take the slack."""
        answered = sum(ended < time_s - SLACK_S for _, ended in self.spans)
        return answered, sum(began < time_s + SLACK_S for began, _ in self.spans)


@dataclass(frozen=True)
class Running:
    """A service under traffic, and the pipeline that it exports to."""

    stack: Stack
    service: Service
    traffic: Traffic

    @property
    def prometheus(self) -> Prometheus:
        """The Prometheus at the end of the pipeline."""
        return Prometheus(self.stack.prometheus_url)

    def telemetry(self, name: str) -> float:
        """Return a counter of the Collector, summed over the path to Prometheus."""
        text = web.get(self.stack.telemetry_url).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        paths = ({"exporter": "otlp_http/prometheus"}, {"receiver": "otlp"})
        return sum(
            s.value for s in samples if s.name == name and any(path.items() <= s.labels.items() for path in paths)
        )

    def await_export(self) -> None:
        """Wait until the Collector has accepted one more export."""
        name = "otelcol_receiver_accepted_metric_points_total"
        accepted = self.telemetry(name)
        eventually(lambda: self.telemetry(name) > accepted)

    def await_exports_until(self, time_s: float) -> None:
        """Wait for one accepted export after the other until a time."""
        while time.time() < time_s:
            self.await_export()

    def await_failed_export(self) -> None:
        """Wait until the service reports a failed export."""
        before = self._failures()
        eventually(lambda: self._failures() > before)

    def _failures(self) -> int:
        return self.service.log.read_text().count("encountered while exporting metrics batch")

    def arrived(self) -> float:
        """Return the number of requests in Prometheus."""
        return max((sample.value for sample in self.prometheus.samples(REQUESTS)), default=0)


@contextmanager
def running(folder: Path, *, interval_ms: int, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Run a service under traffic whose first counts have arrived in Prometheus."""
    (folder / "service.py").write_text(textwrap.dedent(APP))
    with Stack(environment={"COLLECTOR_RETRY_MAX_INTERVAL": "1s", **(environment or {})}) as stack:
        env = OTLP | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_http_url,
            "OTEL_EXPORTER_OTLP_TIMEOUT": str(scaled(3)),
            "OTEL_METRIC_EXPORT_INTERVAL": str(interval_ms),
        }
        with serving("service:app", env, folder=folder) as service:
            traffic = Traffic(service.url)
            traffic.start()
            try:
                started = Running(stack, service, traffic)
                eventually(started.arrived)
                yield started
            finally:
                traffic.stop()


@dataclass(frozen=True)
class Outage:
    """The times of an outage of Prometheus and of the Collector, and the samples in Prometheus after it."""

    down: float
    killed: float
    restarted: float
    up: float
    running: Running
    samples: list[Sample]

    @property
    def parts(self) -> list[tuple[float, float]]:
        """The time before the Collector was killed, the time without it, and the time after its restart."""
        return [(self.down, self.killed), (self.killed, self.restarted), (self.restarted, self.up)]


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """An outage of Prometheus for a minute, during which the Collector is killed and restarted."""
    with running(tmp_path_factory.mktemp("service"), interval_ms=500) as service:
        collector, prometheus = (service.stack.components[name] for name in ("collector", "prometheus"))
        prometheus.kill()
        down = time.time()
        service.await_exports_until(down + OUTAGE_S / 2)
        collector.kill()
        killed = time.time()
        service.await_failed_export()
        collector.start()
        restarted = time.time()
        service.await_exports_until(down + OUTAGE_S)
        up = time.time()
        prometheus.start()
        service.traffic.stop()
        with suppress(AssertionError):
            eventually(lambda: service.arrived() == len(service.traffic.spans))
        yield Outage(down, killed, restarted, up, service, service.prometheus.samples(REQUESTS))


class TestOutage:
    def test_requests_are_answered_during_the_outage(self, outage: Outage) -> None:
        assert outage.running.traffic.failures == []
        for begin, end in outage.parts:
            assert any(begin < began and ended < end for began, ended in outage.running.traffic.spans)

    def test_the_totals_are_exact_in_the_end(self, outage: Outage) -> None:
        sent = len(outage.running.traffic.spans)

        assert outage.samples[-1].value == sent
        assert outage.running.prometheus.values("recommendation_latency_seconds_count").popitem()[1] == sent
        assert outage.running.prometheus.values("sum(recommendation_impressions_total)") == {frozenset(): 2 * sent}

    def test_samples_from_before_and_after_the_restart_of_the_collector_arrive(self, outage: Outage) -> None:
        before, _, after = ([s for s in outage.samples if begin < s.at < end] for begin, end in outage.parts)

        assert len(before) > 1
        assert len(after) > 1

    def test_each_sample_has_the_time_of_its_value(self, outage: Outage) -> None:
        _, *samples = (sample for sample in outage.samples if sample.value)

        for sample in samples:
            answered, begun = outage.running.traffic.count_at(sample.at)
            assert answered <= sample.value <= begun

    def test_the_counter_never_falls(self, outage: Outage) -> None:
        values = [sample.value for sample in outage.samples]

        assert values == sorted(values)


@pytest.fixture(params=["its limit is reached", "its disk is full"])
def narrow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a Collector with a small queue, limited by its setting or by its disk."""
    if request.param == "its limit is reached":
        yield {"COLLECTOR_QUEUE_BYTES": "30000"}
        return
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=224k", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("a disk to be filled can only be mounted by root")
    yield {"COLLECTOR_QUEUE_DIRECTORY": str(disk)}
    subprocess.run(["umount", disk], check=True)


def test_exports_refused_by_a_full_queue_arrive_later(narrow: dict[str, str], tmp_path: Path) -> None:
    with running(tmp_path, interval_ms=100, environment=narrow) as service:
        service.stack.components["prometheus"].kill()

        eventually(lambda: service.telemetry("otelcol_exporter_enqueue_failed_metric_points_total"))
        service.await_failed_export()
        size, capacity = (service.telemetry(f"otelcol_exporter_queue_{name}") for name in ("size", "capacity"))
        service.stack.components["prometheus"].start()
        service.traffic.stop()

        eventually(lambda: service.arrived() == len(service.traffic.spans))
        assert size <= capacity
        assert service.traffic.failures == []
        assert service.stack.components["collector"].running
