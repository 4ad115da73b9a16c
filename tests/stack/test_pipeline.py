"""The way from a service to Prometheus, on the real Collector and Prometheus."""

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from otel_recmon.stack import Stack, binaries
from otel_recmon.stack.files import FILES
from tests import web
from tests.speed import eventually, scaled
from tests.stack.observed import LABELS, Labels, Prometheus, Sample, Service, service

REQUESTS = 'recommendation_requests_total{model_version="v1"}'


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of the pipeline to its end."""
    path = binaries.find(program)
    assert path, binaries.install_hint(program)
    return subprocess.run([path, *arguments], capture_output=True, text=True, timeout=scaled(60), check=False)


def series(name: str, **labels: str) -> Labels:
    """The labels of a series of the service, its name included."""
    return frozenset({"__name__": name, **LABELS, **labels}.items())


class TestConfiguration:
    def test_the_collector_accepts_it(self) -> None:
        validated = run("otelcol", "validate", f"--config={FILES / 'collector-config.yaml'}")

        assert (validated.returncode, validated.stderr) == (0, "")

    def test_prometheus_accepts_it(self) -> None:
        checked = run("promtool", "check", "config", FILES / "prometheus" / "prometheus.yml")

        assert checked.returncode == 0, checked.stderr
        assert "WARNING" not in checked.stdout + checked.stderr


@dataclass(frozen=True)
class BothWays:
    """What one export became in the Prometheus that was sent it and in the one that scraped it."""

    stack: Stack
    sent: Prometheus
    scraped: Prometheus


@pytest.fixture(scope="module")
def both_ways() -> Iterator[BothWays]:
    """A stack after a service exported once: a counter, a histogram and two gauges."""
    with Stack(scraped=True, scrape_interval="1s") as stack, service(stack) as exporting:
        record(exporting)
        exporting.export()
        ways = BothWays(stack, Prometheus(stack.prometheus_url), Prometheus(stack.scraped_prometheus_url))
        eventually(lambda: ways.sent.values(REQUESTS) and ways.scraped.values(REQUESTS))
        yield ways


def record(exporting: Service) -> None:
    """Measure one of everything."""
    meter = exporting.meter
    meter.create_counter("recommendation.requests", "{request}").add(7, {"model_version": "v1"})
    meter.create_gauge("recommendation.model.staleness", "h").set(3.5)
    meter.create_gauge("recommendation.diversity.score").set(0.5)
    latency = meter.create_histogram("recommendation.latency", "s", explicit_bucket_boundaries_advisory=[0.5, 1.0])
    latency.record(0.75, {"model_version": "v1"})


def expected(le_of_one: str) -> dict[Labels, float]:
    """The series that `record` is to become; `le` of the bucket up to 1 is written in two ways."""
    version = {"model_version": "v1"}
    return {
        series("recommendation_requests_total", **version): 7,
        series("recommendation_model_staleness_hours"): 3.5,
        series("recommendation_diversity_score"): 0.5,
        series("recommendation_latency_seconds_bucket", le="0.5", **version): 0,
        series("recommendation_latency_seconds_bucket", le=le_of_one, **version): 1,
        series("recommendation_latency_seconds_bucket", le="+Inf", **version): 1,
        series("recommendation_latency_seconds_sum", **version): 0.75,
        series("recommendation_latency_seconds_count", **version): 1,
    }


class TestBothWays:
    def test_a_metric_sent_over_otlp_has_its_name_and_labels(self, both_ways: BothWays) -> None:
        assert both_ways.sent.values('{__name__=~"recommendation.*"}') == expected("1")

    def test_the_same_metric_scraped_differs_in_how_le_is_written_only(self, both_ways: BothWays) -> None:
        assert both_ways.scraped.values('{__name__=~"recommendation.*"}') == expected("1.0")

    def test_what_is_no_label_is_in_target_info_of_the_sent_one_only(self, both_ways: BothWays) -> None:
        query = 'count by (process_pid, service_version) (target_info{job="team/shop"})'

        assert list(both_ways.sent.values(query)) == [frozenset({"process_pid": "7", "service_version": "1.2"}.items())]
        assert list(both_ways.scraped.values(query)) == [frozenset({"service_version": "1.2"}.items())]

    def test_each_prometheus_takes_the_metrics_one_way(self, both_ways: BothWays) -> None:
        sent = 'sum(prometheus_http_requests_total{handler="/api/v1/otlp/v1/metrics"})'
        scraped = 'count(up{job="recommendations"}) or vector(0)'

        assert eventually(lambda: both_ways.sent.values(f"{sent} == 1"))
        assert both_ways.sent.values(scraped) == {frozenset(): 0}
        assert eventually(lambda: both_ways.scraped.values(f"{sent} == 0"))
        assert both_ways.scraped.values(scraped) == {frozenset(): 1}

    @pytest.mark.parametrize("name", ["recommendation_requests_total", "recommendation_latency_seconds_count"])
    def test_the_first_value_rises_from_zero(self, both_ways: BothWays, name: str) -> None:
        for way in (both_ways.sent, both_ways.scraped):
            assert way.samples(name)[0].value == 0
            assert way.samples(name)[1].value > 0

    def test_the_metrics_to_watch_the_collector_by_are_there(self, both_ways: BothWays) -> None:
        watched = [
            'otelcol_exporter_queue_size{exporter="otlp_http/prometheus"}',
            'otelcol_exporter_queue_capacity{exporter="otlp_http/prometheus"}',
            'otelcol_receiver_refused_metric_points_total{receiver="otlp"}',
            'otelcol_receiver_accepted_metric_points_total{receiver="otlp"}',
        ]

        assert eventually(lambda: all(both_ways.sent.values(selector) for selector in watched))


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A stack of a test's own, to do harm to."""
    with Stack(environment={"COLLECTOR_RETRY_MAX_INTERVAL": "1s"}) as running:
        yield running


class Counted:
    """A counter that is exported after each step, and when that was."""

    def __init__(self, exporting: Service) -> None:
        self._exporting = exporting
        self._counter = exporting.meter.create_counter("recommendation.requests", "{request}")
        self._spans: list[tuple[float, float]] = []

    def step(self) -> None:
        """Count one, and have the Collector take it."""
        started = time.time()
        self._counter.add(1, {"model_version": "v1"})
        self._exporting.export()
        self._spans.append((started, time.time()))

    def arrived(self, samples: list[Sample]) -> bool:
        """Whether there is a sample of each step, and of nothing else, from when the step was made."""
        first, *steps = samples or [Sample(0, -1)]  # the first is the zero that a counter begins with
        return [first.value, *(sample.value for sample in steps)] == list(range(len(self._spans) + 1)) and all(
            low - 0.01 <= sample.at <= high for sample, (low, high) in zip(steps, self._spans, strict=True)
        )


@pytest.fixture
def counted(stack: Stack) -> Iterator[Counted]:
    """A counter of a service that exports to the stack."""
    with service(stack) as exporting:
        yield Counted(exporting)


class TestOutages:
    def test_what_a_dead_prometheus_missed_is_there_afterwards_with_its_time(
        self, stack: Stack, counted: Counted
    ) -> None:
        prometheus = Prometheus(stack.prometheus_url)
        counted.step()
        eventually(lambda: counted.arrived(prometheus.samples(REQUESTS)))

        stack.components["prometheus"].kill()
        counted.step()
        counted.step()
        stack.components["prometheus"].start()
        counted.step()

        eventually(lambda: counted.arrived(prometheus.samples(REQUESTS)))

    def test_a_killed_collector_delivers_what_it_had_taken(self, stack: Stack, counted: Counted) -> None:
        stack.components["prometheus"].kill()
        for _ in range(3):
            counted.step()

        stack.components["collector"].kill()
        stack.components["prometheus"].start()
        prometheus = Prometheus(stack.prometheus_url)
        assert not prometheus.samples(REQUESTS)
        stack.components["collector"].start()

        eventually(lambda: counted.arrived(prometheus.samples(REQUESTS)))

    def test_what_waited_is_sent_in_few_requests(self, stack: Stack, counted: Counted) -> None:
        stack.components["prometheus"].kill()
        for _ in range(20):
            counted.step()

        stack.components["prometheus"].start()
        prometheus = Prometheus(stack.prometheus_url)
        eventually(lambda: counted.arrived(prometheus.samples(REQUESTS)))

        page = web.get(f"{stack.prometheus_url}/metrics").text
        taken = re.search(r'prometheus_http_requests_total\{code="200",handler="/api/v1/otlp/v1/metrics"\} (\d+)', page)
        assert taken
        assert int(taken[1]) <= 4

    def test_a_stopped_collector_keeps_what_it_could_not_deliver(self, stack: Stack, counted: Counted) -> None:
        stack.components["prometheus"].kill()
        counted.step()

        stack.components["collector"].stop()
        stack.components["prometheus"].start()
        stack.components["collector"].start()

        eventually(lambda: counted.arrived(Prometheus(stack.prometheus_url).samples(REQUESTS)))
