"""A service under traffic while the Collector, Prometheus or the queue's disk fail: nothing is lost in the end."""

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
"""Between the time that an export bears and the reading of its counters, on a machine that is busy."""


class Traffic(threading.Thread):
    """Requests one after the other, when each of them began and ended, and those that failed."""

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
        """Let it come to its end."""
        self._enough.set()
        self.join()

    def count_at(self, moment: float) -> tuple[int, int]:
        """How many requests were answered before a moment, and how many had begun, give or take the slack."""
        answered = sum(ended < moment - SLACK_S for _, ended in self.spans)
        return answered, sum(began < moment + SLACK_S for began, _ in self.spans)


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
        """What the Collector says of itself, on the way to Prometheus."""
        text = web.get(self.stack.telemetry_url).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        ways = ({"exporter": "otlp_http/prometheus"}, {"receiver": "otlp"})
        return sum(s.value for s in samples if s.name == name and any(way.items() <= s.labels.items() for way in ways))

    def exports(self) -> None:
        """Wait for the Collector to have taken one more export."""
        name = "otelcol_receiver_accepted_metric_points_total"
        taken = self.telemetry(name)
        eventually(lambda: self.telemetry(name) > taken)

    def exports_until(self, moment: float) -> None:
        """See to it that exports are taken until then."""
        while time.time() < moment:
            self.exports()

    def fails_to_export(self) -> None:
        """Wait for the service to notice that nobody takes its metrics."""
        noted = self._failures()
        eventually(lambda: self._failures() > noted)

    def _failures(self) -> int:
        return self.service.log.read_text().count("encountered while exporting metrics batch")

    def arrived(self) -> float:
        """How many requests Prometheus knows of."""
        return max((sample.value for sample in self.prometheus.samples(REQUESTS)), default=0)


@contextmanager
def running(folder: Path, *, interval_ms: int, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A service under traffic, of which Prometheus has heard."""
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
                all_of_it = Running(stack, service, traffic)
                eventually(all_of_it.arrived)
                yield all_of_it
            finally:
                traffic.stop()


@dataclass(frozen=True)
class Outage:
    """When Prometheus was away, when the Collector was in the meantime, and what Prometheus has of all that."""

    down: float
    killed: float
    restarted: float
    up: float
    running: Running
    samples: list[Sample]

    @property
    def parts(self) -> list[tuple[float, float]]:
        """Its beginning, the time without a Collector, and its end."""
        return [(self.down, self.killed), (self.killed, self.restarted), (self.restarted, self.up)]


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """A Prometheus that is away for a minute, and a Collector that is killed and comes back in between."""
    with running(tmp_path_factory.mktemp("service"), interval_ms=500) as service:
        collector, prometheus = (service.stack.components[name] for name in ("collector", "prometheus"))
        prometheus.kill()
        down = time.time()
        service.exports_until(down + OUTAGE_S / 2)
        collector.kill()
        killed = time.time()
        service.fails_to_export()
        collector.start()
        restarted = time.time()
        service.exports_until(down + OUTAGE_S)
        up = time.time()
        prometheus.start()
        service.traffic.stop()
        with suppress(AssertionError):
            eventually(lambda: service.arrived() == len(service.traffic.spans))
        yield Outage(down, killed, restarted, up, service, service.prometheus.samples(REQUESTS))


class TestOutage:
    def test_requests_are_answered_all_the_time(self, outage: Outage) -> None:
        assert outage.running.traffic.failures == []
        for begin, end in outage.parts:
            assert any(begin < began and ended < end for began, ended in outage.running.traffic.spans)

    def test_the_totals_are_exact_in_the_end(self, outage: Outage) -> None:
        sent = len(outage.running.traffic.spans)

        assert outage.samples[-1].value == sent
        assert outage.running.prometheus.values("recommendation_latency_seconds_count").popitem()[1] == sent
        assert outage.running.prometheus.values("sum(recommendation_impressions_total)") == {frozenset(): 2 * sent}

    def test_what_prometheus_missed_is_there_from_before_and_after_the_collector_was_restarted(
        self, outage: Outage
    ) -> None:
        before, _, after = ([s for s in outage.samples if begin < s.at < end] for begin, end in outage.parts)

        assert len(before) > 1
        assert len(after) > 1

    def test_each_sample_bears_the_time_that_its_value_was_true_at(self, outage: Outage) -> None:
        _, *samples = (sample for sample in outage.samples if sample.value)

        for sample in samples:
            answered, begun = outage.running.traffic.count_at(sample.at)
            assert answered <= sample.value <= begun

    def test_the_counter_never_falls(self, outage: Outage) -> None:
        values = [sample.value for sample in outage.samples]

        assert values == sorted(values)


@pytest.fixture(params=["its limit is reached", "its disk is full"])
def narrow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a Collector whose queue has little room, for one reason or the other."""
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


def test_a_queue_that_is_full_refuses_and_what_it_refused_arrives_later(narrow: dict[str, str], tmp_path: Path) -> None:
    with running(tmp_path, interval_ms=100, environment=narrow) as service:
        service.stack.components["prometheus"].kill()

        eventually(lambda: service.telemetry("otelcol_exporter_enqueue_failed_metric_points_total"))
        service.fails_to_export()
        size, capacity = (service.telemetry(f"otelcol_exporter_queue_{name}") for name in ("size", "capacity"))
        service.stack.components["prometheus"].start()
        service.traffic.stop()

        eventually(lambda: service.arrived() == len(service.traffic.spans))
        assert size <= capacity
        assert service.traffic.failures == []
        assert service.stack.components["collector"].running
