"""The report on nine days of a real Prometheus: restarts, a gap, a new version, and the week before."""

import math
import random
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from otel_recmon import catalog, definitions
from otel_recmon.query.client import Prometheus
from otel_recmon.query.service import Service
from otel_recmon.report.period import HOUR, Period
from otel_recmon.report.reading import Report, read
from otel_recmon.stack import Stack, binaries

SHOP = Service("shop", "test")
DAYS, STEP_S = 9, 300
REQUESTS, CLICKS = catalog.REQUESTS.prometheus, catalog.CLICKED.prometheus
BUCKET, SUM = f"{catalog.LATENCY.prometheus}_bucket", f"{catalog.LATENCY.prometheus}_sum"
BOUNDS = (*catalog.LATENCY.buckets, math.inf)
PROCESSES = {"a": ("v1", 31 * HOUR), "b": ("v1", 100 * HOUR), "c": ("v2", 400 * HOUR)}
"""Each process: its model version, and after how long it is started again."""
GAP = (4 * 86_400, 4 * 86_400 + 3 * 3600)
"""Between these seconds nothing is stored."""
NEW = 5 * 86_400
"""From then on there is the second version."""
Name = tuple[str, tuple[tuple[str, str], ...]]
Stored = Mapping[Name, Sequence[tuple[float, float]]]
"""The samples of each series."""


def simulated(start: int, end: int) -> Stored:
    """Return what three processes say every few minutes."""
    draw = random.Random(7)
    stored: defaultdict[Name, list[tuple[float, float]]] = defaultdict(list)
    for process, (version, life) in PROCESSES.items():
        totals: dict[Name, float] = {}
        for number, at in enumerate(range(start + (NEW if version == "v2" else 0), end, STEP_S)):
            if number % int(life.total_seconds() / STEP_S) == 0:
                totals = dict.fromkeys(totals, 0.0)  # started again
            for name, count in _counted(draw, process, version):
                totals[name] = totals.get(name, 0.0) + count
            if not GAP[0] <= at - start < GAP[1]:
                for name, total in totals.items():
                    stored[name].append((at, total))
    return stored


def _counted(draw: random.Random, process: str, version: str) -> Iterator[tuple[Name, float]]:
    identity = {"job": SHOP.job, "deployment_environment_name": "test", "instance": process, "model_version": version}

    def name(series: str, **labels: str) -> Name:
        return series, tuple(sorted((identity | labels).items()))

    requests = draw.randrange(6)
    latencies = [draw.lognormvariate(-2.5, 1) for _ in range(requests)]
    yield name(REQUESTS, status="success"), requests
    yield name(CLICKS, position="1"), sum(draw.random() < 0.3 for _ in range(requests))
    yield name(SUM), sum(latencies)
    for bound in BOUNDS:
        le = "+Inf" if math.isinf(bound) else str(bound)
        yield name(BUCKET, le=le), sum(value <= bound for value in latencies)


def written(stored: Stored, folder: Path) -> None:
    """Write it as Prometheus's blocks."""
    text = folder / "past.txt"
    with text.open("w", encoding="utf-8") as file:
        for (name, labels), samples in sorted(stored.items()):
            inner = ",".join(f'{label}="{value}"' for label, value in labels)
            file.writelines(f"{name}{{{inner}}} {value!r} {at}\n" for at, value in samples)
        file.write("# EOF\n")
    command = [binaries.find("promtool") or "promtool", "tsdb", "create-blocks-from", "openmetrics"]
    blocks = folder / "blocks"
    subprocess.run([*command, "--max-block-duration=720h", text, blocks], check=True, capture_output=True)
    shutil.move(blocks, folder / "prometheus" / "data")


@dataclass(frozen=True)
class History:
    """What is stored, and where it is read."""

    stored: Stored
    start: int
    prometheus: Prometheus

    def period(self, start_hours: float, hours: float) -> Period:
        """Return a period that begins some hours after the start."""
        start = datetime.fromtimestamp(self.start, UTC) + timedelta(hours=start_hours)
        return Period(start, start + timedelta(hours=hours))

    def report(self, period: Period, model_version: str = "") -> Report:
        """Read what a user would."""
        return read(self.prometheus, SHOP, period, model_version)

    def rise(self, series: str, period: Period, model_version: str = "") -> float:
        """Return by how much the stored samples rise, one after the other."""
        return math.fsum(
            _rise(samples, period.start.timestamp(), period.end.timestamp())
            for (name, labels), samples in self.stored.items()
            if name == series and model_version in ("", dict(labels)["model_version"])
        )


def _rise(samples: Sequence[tuple[float, float]], start: float, end: float) -> float:
    last, rise = 0.0, 0.0
    for at, value in samples:
        if start < at <= end:
            rise += value - last if value >= last else value
        last = value
    return rise


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """A Prometheus with days of data."""
    folder = tmp_path_factory.mktemp("stack")
    (folder / "prometheus").mkdir()
    end = int(time.time()) // 3600 * 3600
    start = end - DAYS * 86_400
    stored = simulated(start, end)
    written(stored, folder)
    with Stack(directory=folder) as stack:
        yield History(stored, start, Prometheus(stack.prometheus_url))


@pytest.mark.parametrize(
    ("start", "hours"),
    [(0, 24), (31, 0.25), (30.5, 1), (30.4, 100.3), (95.6, 4.2), (100, 2), (24, 8 * 24)],
    ids=[
        "a day from the first sample",
        "around a restart",
        "a restart on the hour in the middle",
        "four days from within an hour, with a gap and restarts",
        "a gap at the start",
        "just after a gap",
        "eight days",
    ],
)
@pytest.mark.parametrize("model_version", ["", "v1"])
def test_a_period_has_what_the_samples_of_it_say(
    history: History, start: float, hours: float, model_version: str
) -> None:
    period = history.period(start, hours)

    report = history.report(period, model_version)

    assert report.figures.count(definitions.REQUESTS) == history.rise(REQUESTS, period, model_version) > 0
    assert report.figures.count(definitions.CLICKS) == history.rise(CLICKS, period, model_version)
    assert report.figures.latency.count == report.figures.count(definitions.REQUESTS)
    assert report.figures.latency.sum == pytest.approx(history.rise(SUM, period, model_version))


def test_each_hour_has_what_its_samples_say_and_they_add_up(history: History) -> None:
    report = history.report(history.period(60.3, 100))

    rows = [figures.count(definitions.REQUESTS) for _, figures in report.hours]
    assert rows == [history.rise(REQUESTS, hour) if figures.known else None for hour, figures in report.hours]
    assert [number for number, requests in enumerate(rows) if requests is None] == [36, 37]
    assert sum(filter(None, rows)) == report.figures.count(definitions.REQUESTS)


def test_the_same_days_of_the_week_before_have_their_own_figures(history: History) -> None:
    now = history.period(7 * 24 + 1.5, 24)
    then = now.weeks_ago(1)

    assert history.report(then).figures.count(definitions.REQUESTS) == history.rise(REQUESTS, then)
    assert set(history.report(now).versions) == {"v1", "v2"}
    assert set(history.report(then).versions) == {"v1"}


def test_percentiles_are_those_of_prometheus(history: History) -> None:
    period = history.period(NEW / 3600 - 1, 60)
    latency = history.report(period, "v2").figures.latency

    for level in (0.5, 0.95, 0.99):
        query = f'histogram_quantile({level}, {BUCKET}{{model_version="v2"}})'
        (same,) = history.prometheus.instant(query, period.end.timestamp())
        assert latency.quantile(level) == pytest.approx(same.value)
