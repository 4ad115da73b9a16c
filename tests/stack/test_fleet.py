"""What the fleet showed, and to how many people, and clicks over expected clicks: PromQL against Python."""

import math
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.promql import IDENTITY, Expr, QueryScope, equal
from otel_recmon.artifacts.signals import fleet, quality, traffic
from otel_recmon.artifacts.signals.kinds import Signal
from otel_recmon.catalog import REGISTERS, Metric
from otel_recmon.demo.service import workspace
from otel_recmon.stack import Stack, binaries
from otel_recmon.stats.sketch import TURN_SECONDS, Sketch, estimate
from tests import web
from tests.speed import eventually
from tests.stack.observed import Prometheus
from tests.stack.serving import OTLP, UVICORN, Service, serving

SIZE: Final = 256
SIZES: Final = (16, SIZE, 512)
WORKERS: Final = 4
CATALOG_SIZE: Final = 10_000
SLATE: Final = 10
APP: Final = f"""
from fastapi import FastAPI

app = FastAPI()

@app.get("/recommendations")
async def recommendations(start: int) -> list[int]:
    return [number % {CATALOG_SIZE} for number in range(start, start + {SLATE})]

@app.post("/purchase")
async def purchase() -> dict[str, str]:
    return {{}}
"""
REPLICAS, TURNS = 4, 3
_VERSION, _SURFACE, _POSITION = catalog.MODEL_VERSION.name, catalog.SURFACE.name, catalog.POSITION.name
Key = tuple[str, ...]
Ids = dict[str, set[object]]
Samples = dict[str, list[tuple[float, float]]]


def estimated(ids: Iterable[object], size: int = SIZE) -> float:
    """How many there are, by the sketch of all of them."""
    sketch = Sketch(size)
    sketch.add(ids, 0.0)
    return estimate(sketch.registers(0.0) or b"")


def two_errors(count: float, size: int = SIZE) -> Any:
    """Within two standard errors of the truth."""
    return pytest.approx(count, rel=2 * 1.04 / math.sqrt(size))


@dataclass(frozen=True)
class Past:
    """What was written to Prometheus as of a while ago: the sketches of replicas, and of two shops the counters."""

    end: float
    seen: set[object]

    def scope(self, job: str, *apart: str) -> QueryScope:
        """The 15 minutes that it took."""
        return QueryScope("15m", (*IDENTITY, *apart), (equal("job", job),))


@dataclass(frozen=True)
class Fleet:
    """A Prometheus with a past, and a service of four processes that sends to it."""

    prometheus: Prometheus
    past: Past
    items: Ids
    users: Ids

    def ask(self, expression: Expr, at: float, *labels: str) -> dict[Key, float]:
        """The values of an expression at a time, by some of their labels."""
        result = self.prometheus.ask("query", query=str(expression), time=f"{at:.3f}")["result"]
        found = {tuple(one["metric"].get(label, "") for label in labels): float(one["value"][1]) for one in result}
        assert len(found) == len(result)
        return found


@pytest.fixture(scope="module")
def running() -> Iterator[Fleet]:
    with workspace() as place:
        past = written(place.folder)
        app = place.folder / "fleet.py"
        app.write_text(APP)
        with Stack(directory=place.folder, group=place.group) as stack:
            env = OTLP | {
                "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_http_url,
                "OTEL_METRIC_EXPORT_INTERVAL": "500",
                "OTEL_SERVICE_NAME": "fleet",
                "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
                "OTEL_RECMON_CATALOG_SIZE": str(CATALOG_SIZE),
                "OTEL_RECMON_SKETCH_REGISTERS": str(SIZE),
                "OTEL_RECMON_MODEL_VERSION_FROM": "query:version",
                "OTEL_RECMON_USER": "header:x-user",
            }
            server = (*UVICORN, "--workers", str(WORKERS))
            with serving("fleet:app", env, folder=place.folder, server=server) as service:
                prometheus = Prometheus(stack.prometheus_url)
                items, users = visited(service, prometheus)
                yield Fleet(prometheus, past, items, users)


def visited(service: Service, prometheus: Prometheus) -> tuple[Ids, Ids]:
    """Have people ask two model versions, until every process has answered, and what they were shown."""
    random = Random(3)
    items: Ids = {"a": set(), "b": set()}
    users: Ids = {"a": set(), "b": set()}
    eventually(lambda: web.answers(service.url))
    processes = f"count(group by (instance) ({catalog.USER_SKETCH.prometheus})) == {WORKERS}"
    with ThreadPoolExecutor(8) as people:
        for _ in range(10):
            asked = [("ab"[n % 2], random.randrange(400), random.randrange(CATALOG_SIZE)) for n in range(150)]
            list(people.map(lambda one: _ask(service, *one), asked))
            for version, user, start in asked:
                users[version].add(str(user))
                items[version].update(number % CATALOG_SIZE for number in range(start, start + SLATE))
            if prometheus.values(processes):
                break
    assert eventually(lambda: prometheus.values(processes))
    return items, users


def _ask(service: Service, version: str, user: int, start: int) -> None:
    """Ask over a connection of its own, so that any process may answer."""
    with web.client(base_url=service.url, headers={"x-user": str(user)}) as client:
        client.get("/recommendations", params={"version": version, "start": start}).raise_for_status()
        client.post("/purchase", params={"version": version, "revenue": user}).raise_for_status()


SHOWN: Final = {
    ("long", "home"): [900, 800, 700, 600, 500, 400, 300, 200, 150, 120, 500],
    ("long", "page"): [300] * 11,
    ("short", "home"): [400, 400, 390],
    ("short", "page"): [2_000, 1_990, 1_500],
    ("quiet", "home"): [50, 40],
}
"""Impressions by position, 11+ last, by model version and surface."""
CLICKED: Final = {
    ("long", "home"): [90, 60, 40, 30, 22, 15, 9, 5, 4, 2, 11],
    ("long", "page"): [12, 9, 7, 6, 5, 5, 4, 4, 4, 3, 2],
    ("short", "home"): [55, 38, 24],
    ("short", "page"): [90, 70, 33],
}


def written(folder: Path) -> Past:
    """Write a block before Prometheus starts: what four replicas sketched in three turns, and two shops of counters."""
    start = time.time() // TURN_SECONDS * TURN_SECONDS - 7_200
    random = Random(11)
    shown = [[[random.randrange(CATALOG_SIZE) for _ in range(1_500)] for _ in range(TURNS)] for _ in range(REPLICAS)]
    samples: Samples = {}
    for size in SIZES:
        for replica, turns in enumerate(shown):
            _sketch(samples, Sketch(size), {"job": f"replicas-{size}", "instance": str(replica)}, turns, start)
    for job in ("shop", "shop-without-surfaces"):
        for metric, counts in ((catalog.IMPRESSIONS, SHOWN), (catalog.CLICKED, CLICKED)):
            _count(samples, job, metric, counts, start)
    _to_block(samples, folder)
    return Past(start + TURNS * TURN_SECONDS, {item for turns in shown for items in turns for item in items})


def _sketch(
    samples: Samples, sketch: Sketch, labels: Mapping[str, str], turns: Sequence[Iterable[int]], start: float
) -> None:
    """Export what a replica showed in its turns, every 15 seconds."""
    for turn, items in enumerate(turns):
        began = start + turn * TURN_SECONDS
        sketch.add(items, began)
        for at in range(15, int(TURN_SECONDS), 15):
            for register, rank in zip(REGISTERS, sketch.registers(began + at) or (), strict=False):
                name = _series(catalog.CATALOG_SKETCH, {**labels, "register": register})
                samples.setdefault(name, []).append((began + at, rank))


def _series(metric: Metric, labels: Mapping[str, str]) -> str:
    own = {"deployment_environment_name": "test", "model_version": "v1", **labels}
    return metric.prometheus + "{" + ",".join(f'{name}="{value}"' for name, value in own.items()) + "}"


def _count(
    samples: Samples, job: str, metric: Metric, counts: Mapping[tuple[str, str], Sequence[int]], start: float
) -> None:
    """Let counters rise over the whole time; in one shop, clicks do not know their surface."""
    blind = metric is catalog.CLICKED and job == "shop-without-surfaces"
    totals: Counter[tuple[str, str, str]] = Counter()
    for (version, surface), numbers in counts.items():
        for position, number in zip(catalog.POSITIONS, numbers, strict=False):
            totals[version, "" if blind else surface, position] += number
        totals[version, "" if blind else surface, catalog.UNKNOWN] += 17
    for (version, surface, position), number in totals.items():
        labels = {"job": job, _VERSION: version, _POSITION: position} | ({_SURFACE: surface} if surface else {})
        times = range(0, int(TURNS * TURN_SECONDS) + 1, 15)
        risen = [(start + at, number * at // times[-1]) for at in times]
        samples[_series(metric, labels)] = [(at, float(value)) for at, value in risen]


def _to_block(samples: Samples, folder: Path) -> None:
    lines = [f"{name} {value} {at:.3f}" for name, values in sorted(samples.items()) for at, value in values]
    text, data = folder / "past.txt", folder / "prometheus" / "data"
    text.write_text("\n".join([*lines, "# EOF\n"]))
    data.mkdir(parents=True)
    command = ["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=720h", str(text), str(data)]
    subprocess.run([binaries.find("promtool") or "promtool", *command], check=True, capture_output=True)


class TestFourWorkers:
    @pytest.mark.parametrize("signal", [fleet.DISTINCT_ITEMS, fleet.DISTINCT_USERS], ids=lambda signal: signal.name)
    def test_what_is_counted_is_the_union(self, running: Fleet, signal: Signal) -> None:
        ids = running.items if signal is fleet.DISTINCT_ITEMS else running.users
        everything = ids["a"] | ids["b"]

        settled(running, signal, {(): estimated(everything)})
        settled(running, signal, {("a",): estimated(ids["a"]), ("b",): estimated(ids["b"])}, _VERSION)
        assert estimated(everything) == two_errors(len(everything))

    def test_coverage_is_of_the_whole_catalog(self, running: Fleet) -> None:
        expected = 100 * estimated(running.items["a"] | running.items["b"]) / CATALOG_SIZE

        settled(running, fleet.FLEET_COVERAGE, {(): expected})

    def test_revenue_per_user_is_revenue_over_different_users(self, running: Fleet) -> None:
        users = estimated(running.users["a"] | running.users["b"])
        settled(running, fleet.DISTINCT_USERS, {(): users})

        # In one query: between two, another export arrives, and an increase is another one.
        whole = promql.divided(traffic.REVENUE.count(now()), fleet.REVENUE_PER_USER.expression(now()))

        assert running.ask(whole, time.time()) == {(): pytest.approx(users)}


def now(*apart: str) -> QueryScope:
    return QueryScope("30m", (*IDENTITY, *apart), (equal("job", "fleet"),))


def settled(running: Fleet, signal: Signal, expected: Mapping[Key, float], *apart: str) -> None:
    """Wait until everything has been exported, and it is what was expected."""
    wanted = {key: pytest.approx(value) for key, value in expected.items()}
    eventually(lambda: running.ask(signal.expression(now(*apart)), time.time(), *apart) == wanted)


class TestReplicasAndWindows:
    @pytest.mark.parametrize("size", SIZES)
    def test_the_union_of_four_replicas_over_three_windows_is_that_of_all(self, running: Fleet, size: int) -> None:
        scope, seen = running.past.scope(f"replicas-{size}"), running.past.seen
        found = running.ask(fleet.DISTINCT_ITEMS.expression(scope), running.past.end)

        assert found == {(): pytest.approx(estimated(seen, size), rel=1e-12)}
        assert found[()] == two_errors(len(seen), size)


class TestClicksOverExpectedClicks:
    @pytest.mark.parametrize(
        ("job", "places"), [("shop", (_SURFACE, _POSITION)), ("shop-without-surfaces", (_POSITION,))]
    )
    def test_they_are_those_of_a_plain_recomputation(self, running: Fleet, job: str, places: Key) -> None:
        found = running.ask(quality.COEC.expression(running.past.scope(job, _VERSION)), running.past.end, _VERSION)

        assert found == {
            (version,): pytest.approx(value, rel=1e-9) for version, value in recomputed(running, job, places).items()
        }
        assert found["quiet",] == 0

    def test_a_version_alone_is_what_is_expected(self, running: Fleet) -> None:
        found = running.ask(quality.COEC.expression(running.past.scope("shop")), running.past.end)

        assert found == {(): pytest.approx(1)}


def recomputed(running: Fleet, job: str, places: Key) -> dict[str, float]:
    """Clicks over expected clicks by model version, by the definition, from the increase of each counter."""
    labels = (_VERSION, *places)
    shown, clicked = (_increases(running, job, metric, labels) for metric in (catalog.IMPRESSIONS, catalog.CLICKED))
    found = {}
    for version in {version for version, *_ in shown}:
        expected = 0.0
        for (own, *place), number in shown.items():
            if own == version:
                clicks, impressions = (_at(place, counts) for counts in (clicked, shown))
                expected += number * clicks / impressions
        found[version] = sum(number for (own, *_), number in clicked.items() if own == version) / expected
    return found


def _at(place: list[str], counts: Mapping[Key, float]) -> float:
    return sum(number for (_, *there), number in counts.items() if there == place)


def _increases(running: Fleet, job: str, metric: Metric, labels: Key) -> dict[Key, float]:
    scope = running.past.scope(job, *labels)
    found = running.ask(promql.increase(metric.prometheus, scope), running.past.end, *labels)
    return {key: value for key, value in found.items() if catalog.UNKNOWN not in key}
