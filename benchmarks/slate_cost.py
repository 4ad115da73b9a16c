"""The cost of recording a slate of 10 items, compared with the same metrics written by hand.

Work per slate: one request, one latency, 10 impressions by position, 10 items by category, one cache hit, and the
diversity and coverage windows. Instead of the windows, the other libraries only append the slate to a list. otel-recmon
counts its windows and hashes the items for its sketches when an exporter reads; the cost of a read is printed on a
separate line. The most expensive case has a million equally popular items and no reader: more items wait than a sketch
keeps, so recording a slate hashes the waiting items.
"""

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as PrometheusCounter
from prometheus_client import Histogram as PrometheusHistogram

from otel_recmon import MetricsCollector, catalog
from otel_recmon.config import Settings
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.sketches import SKETCHED
from otel_recmon.stats.sketch import MOST_NOTED

SLATES = 3_000
ROUNDS = 15
BUCKETS = list(catalog.LATENCY.buckets)
POSITIONS = [str(position) for position in range(1, 11)]
CATALOG, LARGE_CATALOG = 5_000, 1_000_000
REGISTERS = 256
CATEGORIES = [f"category-{number}" for number in range(30)]
LIMITS = {"raw OpenTelemetry SDK": 10, "prometheus_client labels()": 3}

Slate = tuple[list[str], list[str]]
Record = Callable[[list[str], list[str]], None]


@dataclass
class Peer:
    """One way to record slates.

    Attributes:
        name: Its name in the output.
        record: A function that records a slate.
        after: A function to call after each round, such as a read of the metrics.
        catalog: The number of items in the catalog.
    """

    name: str
    record: Record
    after: Callable[[], object] = lambda: None
    catalog: int = CATALOG


def recmon(name: str = "otel-recmon", registers: int = 0) -> Peer:
    """Return the peer that records with otel-recmon's MetricsCollector."""
    provider = MeterProvider([InMemoryMetricReader()])
    shared = recorder(provider)
    shared.configure(Settings(model_version="v2", sketch_registers=registers))
    metrics = MetricsCollector("v2", catalog_size=CATALOG, meter_provider=provider)
    quality = shared.store.model("v2")

    def record(items: list[str], categories: list[str]) -> None:
        metrics.track_recommendations("user", items, categories, seconds=0.03, cache_hit=True)

    def read() -> None:
        quality.diversity_now()
        quality.coverage_now(None)
        for metric in SKETCHED:
            list(shared.gauges(metric))

    return Peer(name, record, read)


def prometheus_labels() -> Peer:
    """Return the peer that calls prometheus_client's `labels()` at each event, as its documentation does."""
    registry = CollectorRegistry()
    requests = PrometheusCounter("requests", "-", ["model_version", "status"], registry=registry)
    latency = PrometheusHistogram("latency", "-", ["model_version"], buckets=BUCKETS, registry=registry)
    impressions = PrometheusCounter("impressions", "-", ["model_version", "position"], registry=registry)
    items_of = PrometheusCounter("items", "-", ["model_version", "category"], registry=registry)
    hits = PrometheusCounter("hits", "-", registry=registry)
    history: list[Slate] = []

    def record(items: list[str], categories: list[str]) -> None:
        requests.labels("v2", "success").inc()
        latency.labels("v2").observe(0.03)
        hits.inc()
        for position in POSITIONS:
            impressions.labels("v2", position).inc()
        for category in categories:
            items_of.labels("v2", category).inc()
        history.append((items, categories))

    return Peer("prometheus_client labels()", record, history.clear)


def prometheus_bound() -> Peer:
    """Return the peer that looks up all children of prometheus_client in advance."""
    registry = CollectorRegistry()
    requests = PrometheusCounter("requests", "-", ["m", "s"], registry=registry).labels("v2", "success")
    latency = PrometheusHistogram("latency", "-", ["m"], buckets=BUCKETS, registry=registry).labels("v2")
    shown = PrometheusCounter("impressions", "-", ["m", "p"], registry=registry)
    impressions = [shown.labels("v2", position) for position in POSITIONS]
    of = PrometheusCounter("items", "-", ["m", "c"], registry=registry)
    items_of = {category: of.labels("v2", category) for category in CATEGORIES}
    hits = PrometheusCounter("hits", "-", registry=registry)
    history: list[Slate] = []

    def record(items: list[str], categories: list[str]) -> None:
        requests.inc()
        latency.observe(0.03)
        hits.inc()
        for impression in impressions:
            impression.inc()
        for category in categories:
            items_of[category].inc()
        history.append((items, categories))

    return Peer("prometheus_client bound children", record, history.clear)


def opentelemetry() -> Peer:
    """Return the peer that calls the instruments of the OpenTelemetry SDK directly."""
    meter = MeterProvider([InMemoryMetricReader()]).get_meter("peer")
    requests, impressions, items_of, hits = (
        meter.create_counter(name) for name in ("requests", "impressions", "items", "hits")
    )
    latency = meter.create_histogram("latency", explicit_bucket_boundaries_advisory=BUCKETS)
    history: list[Slate] = []

    def record(items: list[str], categories: list[str]) -> None:
        requests.add(1, {"model_version": "v2", "status": "success"})
        latency.record(0.03, {"model_version": "v2"})
        hits.add(1)
        for position in POSITIONS:
            impressions.add(1, {"model_version": "v2", "position": position})
        for category in categories:
            items_of.add(1, {"model_version": "v2", "category": category})
        history.append((items, categories))

    return Peer("raw OpenTelemetry SDK", record, history.clear)


def main() -> None:
    """Measure all peers alternately, and print the microseconds per slate and the ratios to the other libraries."""
    rng = random.Random(1)
    ids = {size: [f"item-{number}" for number in range(size)] for size in (CATALOG, LARGE_CATALOG)}
    sketching = recmon("otel-recmon with sketches", REGISTERS)
    large = replace(recmon("the same, a million items", REGISTERS), catalog=LARGE_CATALOG)
    unread = replace(recmon("the same, without a reader", REGISTERS), catalog=LARGE_CATALOG, after=lambda: None)
    for _ in range(MOST_NOTED // SLATES // 10 + 1):  # fill the sketch's list of waiting items
        _microseconds(unread, _slates(rng, ids[LARGE_CATALOG]))
    peers = [recmon(), sketching, large, unread, prometheus_bound(), prometheus_labels(), opentelemetry()]
    costs: dict[str, list[float]] = {peer.name: [] for peer in peers}
    readings: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for _ in range(ROUNDS):
        slates = {size: _slates(rng, known) for size, known in ids.items()}
        for peer in peers:
            recording, reading = _microseconds(peer, slates[peer.catalog])
            costs[peer.name].append(recording)
            readings[peer.name].append(reading)
    print(f"one slate of 10 items, median of {ROUNDS} rounds of {SLATES} slates")
    for name, rounds in costs.items():
        print(f"{name:34} {statistics.median(rounds):7.1f} us  ({min(rounds):.1f}-{max(rounds):.1f})")
    for peer in peers[:4]:
        print(f"{peer.name}: " + ", ".join(_against(costs[peer.name], costs[name], name) for name in LIMITS))
    for peer in peers[:3]:
        took = statistics.median(readings[peer.name])
        print(f"{peer.name}: reading once after {SLATES} slates takes {took:.1f} us per slate")


def _slates(rng: random.Random, ids: list[str]) -> list[Slate]:
    return [(rng.choices(ids, k=10), rng.choices(CATEGORIES, k=10)) for _ in range(SLATES)]


def _against(ours: list[float], theirs: list[float], name: str) -> str:
    ratio = statistics.median(their / our for their, our in zip(theirs, ours, strict=True))
    return f"{ratio:.1f} x cheaper than {name} (target {LIMITS[name]})"


def _microseconds(peer: Peer, slates: list[Slate]) -> tuple[float, float]:
    record = peer.record
    start = time.perf_counter()
    for items, categories in slates:
        record(items, categories)
    recorded = time.perf_counter()
    peer.after()
    read = time.perf_counter()
    return (recorded - start) / len(slates) * 1e6, (read - recorded) / len(slates) * 1e6


if __name__ == "__main__":
    main()
