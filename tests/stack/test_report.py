"""The report on the real pipeline says what the event log of the same run says, whatever was restarted."""

import json
import textwrap
import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi import FastAPI

from otel_recmon import catalog, definitions
from otel_recmon.cli.group import group
from otel_recmon.eventlog import RECOUNTED, Event, counted, events
from otel_recmon.query.client import Prometheus
from otel_recmon.query.service import Service
from otel_recmon.report.figures import merged
from otel_recmon.report.period import Period
from otel_recmon.report.reading import Report, read
from otel_recmon.report.router import dashboard_router
from otel_recmon.stack import Stack
from otel_recmon.stats.quality import diversity
from tests import web
from tests.speed import eventually
from tests.stack.serving import OTLP, UVICORN, UVICORN_WORKERS, serving
from tests.stack.serving import Service as Serving
from tests.unit.conftest import Client

APP = """
    import asyncio
    from fastapi import FastAPI, HTTPException
    from otel_recmon import MetricsCollector

    app = FastAPI()
    metrics = MetricsCollector()
    GENRES = ["drama", "comedy", "war", "sport"]

    @app.get("/recommendations")
    async def recommendations(n: int, wait_s: float = 0):
        await asyncio.sleep(wait_s)
        if n < 0:
            raise HTTPException(404)
        if n > 9:
            raise RuntimeError(n)
        metrics.track_cache_hit(n % 2 == 0)
        return [{"id": k, "genre": GENRES[k % 4], "score": 0.5} for k in range(n)]

    @app.post("/click")
    async def click(position: int):
        return {}

    @app.post("/conversion")
    async def conversion(revenue: float):
        return {}
"""
SHOP = Service("shop", "test")
OWN = {metric.prometheus: metric.own.name if metric.own else "" for metric in RECOUNTED}
EXPORT_S = 0.5
CATALOG_SIZE = 20
USERS = 5
ROUNDS = (16, 7, 24, 12, 3)
"""Of traffic: before the period, in it up to the restart, after that, of the fleet, and after the period."""
LATENCIES_S = (0, 0.02, 0.06, 0.12)
"""What requests take on top; they fall into different buckets."""
Sums = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Run:
    """What went on, by the event log; the period is a part of it, and the metrics are in Prometheus."""

    prometheus: Prometheus
    period: Period
    log: list[Event]

    def report(self, model_version: str = "", period: Period | None = None) -> Report:
        """Read what a user would."""
        return read(self.prometheus, SHOP, period or self.period, model_version)

    def events(self, model_version: str = "") -> list[Event]:
        """The events of the period."""
        start, end = (moment.timestamp() * 1e9 for moment in (self.period.start, self.period.end))
        of = ("", model_version)
        return [
            e for e in self.log if start < e.at <= end and (not model_version or e.attributes["model_version"] in of)
        ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A process with traffic before the period and in it, started again under its name, and a fleet that joins it."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "service.py").write_text(textwrap.dedent(APP))
    with Stack() as stack:
        prometheus = Prometheus(stack.prometheus_url)
        with _service(stack, folder, "v1") as first:
            _traffic(first, ROUNDS[0])
            _settled(prometheus)
            start = datetime.now(UTC)
            _traffic(first, ROUNDS[1])
            first.stop()
        with (
            _service(stack, folder, "v1") as again,
            _service(stack, folder, "v2", server=UVICORN_WORKERS) as fleet,
        ):
            _traffic(again, ROUNDS[2])
            _traffic(fleet, ROUNDS[3])
            _settled(prometheus)
            end = datetime.now(UTC)
            _traffic(fleet, ROUNDS[4])
            _settled(prometheus)
        requests = sum(ROUNDS)
        eventually(lambda: sum(event.name in catalog.REQUEST_EVENTS for event in _log(stack)) >= requests)
        yield Run(prometheus, Period(start, end), _log(stack))


def _service(
    stack: Stack, folder: Path, version: str, server: tuple[str, ...] = UVICORN
) -> AbstractContextManager[Serving]:
    env = OTLP | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_http_url,
        "OTEL_METRIC_EXPORT_INTERVAL": f"{1000 * EXPORT_S:.0f}",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_BLRP_SCHEDULE_DELAY": "500",
        "OTEL_RECMON_LOG_EVENTS": "true",
        "OTEL_RECMON_SKETCH_REGISTERS": "256",
        "OTEL_RECMON_USER": "query:user",
        "OTEL_RECMON_MODEL_VERSION": version,
        "OTEL_RECMON_CATALOG_SIZE": f"{CATALOG_SIZE}",
        "OTEL_SERVICE_NAME": SHOP.job,
        "OTEL_RESOURCE_ATTRIBUTES": f"service.instance.id={version},deployment.environment.name=test",
    }
    return serving("service:app", env, folder=folder, server=server)


def _traffic(service: Serving, rounds: int) -> None:
    eventually(lambda: web.answers(service.url))
    for number in range(rounds):
        wait = LATENCIES_S[number % len(LATENCIES_S)]
        web.get(f"{service.url}/recommendations?n={number % 12 - 1}&wait_s={wait}&user=u{number % USERS}")
        web.post(f"{service.url}/click?position={number % 4}")
        if number % 3 == 0:
            web.post(f"{service.url}/conversion?revenue={number / 4}")


def _settled(prometheus: Prometheus) -> None:
    """Wait until every process that exports has done so twice: a new series is exported as 0 once."""
    moment = time.time()
    beat = SHOP.selector(catalog.BUILD_INFO.prometheus)

    def exports() -> int:
        alive = [one for one in prometheus.instant(f"{beat}[1m]") if one.samples[-1][0] > moment]
        return min((sum(at > moment for at, _ in one.samples) for one in alive), default=0)

    eventually(lambda: exports() >= 3)


def _log(stack: Stack) -> list[Event]:
    text = "".join(path.read_text() for path in sorted(stack.events.parent.iterdir()))
    return list(events(text[: text.rfind("\n") + 1].splitlines()))


def _sums(log: list[Event]) -> Sums:
    sums: defaultdict[tuple[str, str], float] = defaultdict(float)
    for (name, labels), count in counted(log).items():
        sums[name, dict(labels).get(OWN[name], "")] += count
    return dict(sums)


def _counts(report: Report) -> Sums:
    return {cell: count for cell, count in report.figures.counts.items() if cell[0] in OWN and count}


def test_the_process_was_started_again_within_the_period(run: Run) -> None:
    resets = run.prometheus.instant(f"resets({SHOP.selector(catalog.REQUESTS.prometheus)}[1h])")

    assert {one.labels["model_version"] for one in resets if one.value} == {"v1"}
    assert min(event.at for event in run.log) < run.period.start.timestamp() * 1e9
    assert max(event.at for event in run.log) > run.period.end.timestamp() * 1e9


@pytest.mark.parametrize("model_version", ["", "v1", "v2"])
def test_every_count_is_that_of_the_event_log(run: Run, model_version: str) -> None:
    expected = _sums(run.events(model_version))
    if model_version:
        expected = {cell: count for cell, count in expected.items() if "cache" not in cell[0]}

    assert _counts(run.report(model_version)) == expected


def test_what_was_earned_is_that_of_the_event_log(run: Run) -> None:
    earned = [event.attributes["revenue"] for event in run.events() if event.attributes.get("revenue", 0) > 0]
    figures = run.report().figures

    assert figures.count(definitions.SALES) == len(earned)
    assert figures.value(definitions.REVENUE) == pytest.approx(sum(earned))


def test_latencies_are_those_of_the_event_log_and_percentiles_in_their_bucket(run: Run) -> None:
    requests = [event.attributes for event in run.events() if event.name in catalog.REQUEST_EVENTS]
    taken = sorted(said["latency_seconds"] for said in requests if said["status"] != catalog.REJECTED)
    latency = run.report().figures.latency

    assert latency.count == len(taken)
    assert latency.mean == pytest.approx(sum(taken) / len(taken))
    for level in (0.5, 0.95, 0.99):
        lower, upper = latency.bucket(level)
        assert lower < taken[ceil(level * len(taken)) - 1] <= upper
        assert lower <= latency.quantile(level) <= upper


def test_the_hours_of_a_longer_time_add_up_to_its_summary(run: Run) -> None:
    longer = Period(run.period.start - timedelta(hours=2, minutes=7), run.period.end)

    report = run.report(period=longer)

    heard = [figures for _, figures in report.hours if figures.known]
    assert report.hours[0][1].count(definitions.REQUESTS) is None
    requests = [figures.count(definitions.REQUESTS) or 0 for figures in heard]
    assert sum(requests) == report.figures.count(definitions.REQUESTS)
    assert merged(heard).counts == pytest.approx(report.figures.counts)
    everything = [event for event in run.log if event.at <= run.period.end.timestamp() * 1e9]
    assert _counts(report) == _sums(everything)


def test_the_quality_is_that_of_the_processes(run: Run) -> None:
    figures = run.report("v1").figures
    categories: Counter[Hashable] = Counter(
        {value: count for (name, value), count in _sums(run.events("v1")).items() if "items" in name}
    )

    assert figures.value(definitions.DIVERSITY) == pytest.approx(diversity(categories))
    assert 0 < (figures.value(definitions.COVERAGE) or 0) <= 100 * 9 / CATALOG_SIZE
    assert figures.value(definitions.STALENESS) is None


def test_users_and_items_are_about_as_many_as_there_were(run: Run) -> None:
    figures = run.report().figures

    assert figures.value(definitions.DISTINCT_USERS) == pytest.approx(USERS, rel=0.1)
    revenue = figures.value(definitions.REVENUE) or 0
    assert figures.value(definitions.REVENUE_PER_USER) == pytest.approx(revenue / USERS, rel=0.1)
    assert figures.value(definitions.FLEET_COVERAGE) == pytest.approx(100 * 9 / CATALOG_SIZE, rel=0.1)


def test_the_command_and_the_routes_say_the_same(run: Run) -> None:
    start, end = (moment.isoformat() for moment in (run.period.start, run.period.end))
    app = FastAPI()
    app.include_router(dashboard_router(prometheus=run.prometheus.url, job=SHOP.job))

    printed = CliRunner().invoke(
        group, ["report", "--prometheus", run.prometheus.url, "--start", start, "--end", end, "--json"]
    )
    answered = Client(app).get("/dashboard/summary", params={"start_date": start, "end_date": end})

    assert json.loads(printed.output) == answered.json()
    assert answered.json()["requests"]["total"] == sum(
        count for (name, _), count in _sums(run.events()).items() if name == catalog.REQUESTS.prometheus
    )
