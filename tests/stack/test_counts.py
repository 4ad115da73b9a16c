"""The counts of several workers in Prometheus, compared with the requests that each worker answered."""

import os
import signal
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually
from tests.stack.observed import Prometheus
from tests.stack.serving import GUNICORN, GUNICORN_PRELOAD, OTLP, UVICORN, Service, serving

WORKERS = 4
BATCH = 30
APP = """
    import os
    from fastapi import Depends, FastAPI, Response
    from opentelemetry.metrics import get_meter_provider

    def who(response: Response):
        response.headers["x-pid"] = str(os.getpid())
        response.headers["x-instance"] = get_meter_provider()._sdk_config.resource.attributes["service.instance.id"]

    app = FastAPI(dependencies=[Depends(who)])

    @app.get("/recommendations")
    async def recommendations():
        return [{"id": 1, "score": 0.5}, {"id": 2, "score": 0.25}]

    @app.post("/click")
    def click(position: int):
        return {}

    @app.post("/conversion")
    async def conversion(revenue: float):
        return {}
"""
CALLS: dict[tuple[str, str], dict[str, float]] = {
    ("GET", "/recommendations"): {
        "recommendation_requests_total": 1,
        "recommendation_outcomes_total": 1,
        "recommendation_slo_responses_total": 1,
        "recommendation_latency_seconds_count": 1,
        "recommendation_impressions_total": 2,
        "recommendation_score_count": 1,
        "recommendation_score_sum": 0.5,
    },
    ("POST", "/click?position=2"): {"recommendations_clicked_total": 1},
    ("POST", "/conversion?revenue=2.5"): {
        "recommendations_converted_total": 1,
        "recommendation_revenue_dollars_count": 1,
        "recommendation_revenue_dollars_sum": 2.5,
    },
}
"""The counts of each call."""
NAMES = [name for counts in CALLS.values() for name in counts]
COUNTED = "|".join(NAMES)
FOUR = ("--workers", str(WORKERS))
FIXED = {"OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=pod-1"}
FLEETS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "uvicorn with a fixed instance": ((*UVICORN, *FOUR), FIXED),
    "gunicorn": ((*GUNICORN, *FOUR), {}),
    "gunicorn with preload and a fixed instance": ((*GUNICORN_PRELOAD, *FOUR), FIXED),
}
Counts = dict[str, dict[str, float]]
"""By instance, and by name."""


@dataclass(frozen=True)
class Both:
    """The counts in Prometheus, and the counts of the answered requests."""

    arrived: Counts
    answered: Counts


@dataclass
class Fleet:
    """A service of several workers, and the counts of the requests that each of them answered."""

    service: Service
    prometheus: Prometheus
    job: str
    answered: Counts = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)

    def send(self) -> set[str]:
        """Call the service many times, several calls at once, and return the instances that answered."""
        calls = [*CALLS] * BATCH
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(self._call, calls))
        for call, answer in zip(calls, answers, strict=True):
            instance = answer.headers["x-instance"]
            self.pids[instance] = int(answer.headers["x-pid"])
            counts = self.answered.setdefault(instance, {})
            for name, count in CALLS[call].items():
                counts[name] = counts.get(name, 0) + count
        return {answer.headers["x-instance"] for answer in answers}

    def _call(self, call: tuple[str, str]) -> httpx.Response:
        method, path = call
        return web.request(method, f"{self.service.url}{path}").raise_for_status()

    def end(self, how: signal.Signals) -> str:
        """End a worker right after an answer, before it can export much, and return its instance.

        Wait until another worker has started: gunicorn does not stop a worker that is still starting.
        """
        started = self._started()
        victim = self.send().pop()
        os.kill(self.pids[victim], how)
        eventually(lambda: not Path(f"/proc/{self.pids[victim]}").exists())
        eventually(lambda: self._started() > started)
        return victim

    def _started(self) -> int:
        return self.service.log.read_text().count("Application startup complete")

    def arrived(self) -> Counts:
        """Return the last counts of each instance in Prometheus."""
        found: Counts = {}
        query = f'sum by (instance, __name__) ({{__name__=~"{COUNTED}", job="{self.job}"}}) > 0'
        for labels, value in self.prometheus.values(query).items():
            series = dict(labels)
            found.setdefault(series["instance"], {})[series["__name__"]] = value
        return found

    def instances(self) -> set[str]:
        """Return every instance that reports, with or without requests."""
        found = self.prometheus.values(f'recmon_build_info{{job="{self.job}"}}')
        return {dict(labels)["instance"] for labels in found}

    def settled(self, *, without: str = "") -> Both:
        """Wait for all counts to arrive, up to the time limit, and return both sides even if they differ."""

        def both() -> Both:
            counts = (self.arrived(), deepcopy(self.answered))
            return Both(*({who: count for who, count in one.items() if who != without} for one in counts))

        with suppress(AssertionError):
            eventually(lambda: both().arrived == both().answered)
        return both()

    def increase(self, instance: str, *, after_s: float = 0) -> dict[str, float]:
        """Return the increase of each counter of an instance, some seconds after its last export."""
        who = f'job="{self.job}", instance="{instance}"'
        (last,) = self.prometheus.values(f"max(timestamp(recommendation_requests_total{{{who}}}))").values()
        return self._each(lambda name: f"sum(increase({name}{{{who}}}[1h])) > 0", time=str(last + after_s))

    def exports(self, instance: str) -> dict[str, float]:
        """Return the number of exports of each counter of an instance, for its youngest series."""
        who = f'job="{self.job}", instance="{instance}"'
        return self._each(lambda name: f"min(count_over_time({name}{{{who}}}[1h]))")

    def _each(self, query: Callable[[str], str], **parameters: str) -> dict[str, float]:
        answers = {name: self.prometheus.ask("query", query=query(name), **parameters) for name in NAMES}
        return {name: float(data["result"][0]["value"][1]) for name, data in answers.items() if data["result"]}


@dataclass(frozen=True)
class History:
    """The counts of a fleet: at work, after one worker was stopped, one killed, and all others stopped."""

    fleet: Fleet
    reporting: set[str]
    working: Both
    stopped: Both
    ended: Both
    victim: str


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """One pipeline for all fleets."""
    with Stack() as running:
        yield running


@pytest.fixture(scope="module", params=FLEETS.keys())
def history(
    request: pytest.FixtureRequest, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[History]:
    """The history of one fleet."""
    server, attributes = FLEETS[request.param]
    folder = tmp_path_factory.mktemp("service")
    (folder / "service.py").write_text(textwrap.dedent(APP))
    env = {
        **OTLP,
        **attributes,
        "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_http_url,
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_SERVICE_NAME": request.param,
    }
    with serving("service:app", env, folder=folder, server=server) as service:
        yield run_fleet(Fleet(service, Prometheus(stack.prometheus_url), request.param))


def run_fleet(fleet: Fleet) -> History:
    """Send requests to a fleet, and end it worker by worker."""
    eventually(lambda: web.answers(fleet.service.url))
    eventually(lambda: fleet.send() and len(fleet.answered) == WORKERS)
    working = fleet.settled()
    reporting = fleet.instances()
    fleet.end(signal.SIGTERM)
    stopped = fleet.settled()
    victim = fleet.end(signal.SIGKILL)
    fleet.service.stop()
    fleet.settled(without=victim)
    return History(fleet, reporting, working, stopped, Both(fleet.arrived(), fleet.answered), victim)


def without(victim: str, counts: Counts) -> Counts:
    """Return the counts of all other instances."""
    return {instance: count for instance, count in counts.items() if instance != victim}


def test_the_counts_of_each_worker_arrive_exactly(history: History) -> None:
    assert history.working.arrived == history.working.answered


def test_each_worker_is_an_instance_and_no_other_process_reports(history: History) -> None:
    assert history.reporting == set(history.working.answered)
    assert len({history.fleet.pids[instance] for instance in history.reporting}) == WORKERS


def test_a_stopped_worker_loses_no_counts(history: History) -> None:
    assert history.stopped.arrived == history.stopped.answered


def test_a_killed_worker_loses_at_most_its_unexported_counts(history: History) -> None:
    exported = history.stopped.answered.get(history.victim, {})
    arrived = history.ended.arrived.get(history.victim, {})

    for name, answered in history.ended.answered[history.victim].items():
        assert exported.get(name, 0) <= arrived.get(name, 0) <= answered


def test_the_other_workers_lose_no_counts(history: History) -> None:
    assert without(history.victim, history.ended.arrived) == without(history.victim, history.ended.answered)


def test_the_increase_of_each_counter_is_exact_at_an_export(history: History) -> None:
    for instance, arrived in history.ended.arrived.items():
        assert history.fleet.increase(instance) == pytest.approx(arrived)


def test_the_increase_is_right_within_one_export_interval_between_exports(history: History) -> None:
    for instance, arrived in history.ended.arrived.items():
        exports = history.fleet.exports(instance)
        for name, increase in history.fleet.increase(instance, after_s=5).items():
            one_interval = arrived[name] / (exports[name] - 1)

            assert arrived[name] - 1e-6 <= increase <= arrived[name] + one_interval
