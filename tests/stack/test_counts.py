"""Several workers, the real Collector and Prometheus: what arrives is what was answered, worker by worker."""

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
"""What each call counts."""
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
    """What has arrived, and what was answered."""

    arrived: Counts
    answered: Counts


@dataclass
class Fleet:
    """A service of several workers, what each of them has answered, and what has arrived of it."""

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
        """End a worker right after it has answered, before much can be exported, and return its instance.

        Another has taken its place by then: one that gunicorn is only starting misses that it is to stop.
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
        """What Prometheus has heard last of each instance."""
        found: Counts = {}
        query = f'sum by (instance, __name__) ({{__name__=~"{COUNTED}", job="{self.job}"}}) > 0'
        for labels, value in self.prometheus.values(query).items():
            series = dict(labels)
            found.setdefault(series["instance"], {})[series["__name__"]] = value
        return found

    def instances(self) -> set[str]:
        """Every instance that reports, whether or not it has served."""
        found = self.prometheus.values(f'recmon_build_info{{job="{self.job}"}}')
        return {dict(labels)["instance"] for labels in found}

    def settled(self, *, without: str = "") -> Both:
        """Wait with patience for what was answered to have arrived, and return both, whether or not they agree."""

        def both() -> Both:
            counts = (self.arrived(), deepcopy(self.answered))
            return Both(*({who: count for who, count in one.items() if who != without} for one in counts))

        with suppress(AssertionError):
            eventually(lambda: both().arrived == both().answered)
        return both()

    def increase(self, instance: str, *, after_s: float = 0) -> dict[str, float]:
        """What each counter of an instance rose by, as Prometheus sees it some time after the last export."""
        who = f'job="{self.job}", instance="{instance}"'
        (last,) = self.prometheus.values(f"max(timestamp(recommendation_requests_total{{{who}}}))").values()
        return self._each(lambda name: f"sum(increase({name}{{{who}}}[1h])) > 0", time=str(last + after_s))

    def exports(self, instance: str) -> dict[str, float]:
        """How many exports there were of each counter of an instance; of its youngest series."""
        who = f'job="{self.job}", instance="{instance}"'
        return self._each(lambda name: f"min(count_over_time({name}{{{who}}}[1h]))")

    def _each(self, query: Callable[[str], str], **parameters: str) -> dict[str, float]:
        answers = {name: self.prometheus.ask("query", query=query(name), **parameters) for name in NAMES}
        return {name: float(data["result"][0]["value"][1]) for name, data in answers.items() if data["result"]}


@dataclass(frozen=True)
class Story:
    """What became of a fleet: at work, after one worker was stopped, one killed, and all the others stopped."""

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
def story(request: pytest.FixtureRequest, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A fleet's life."""
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
        yield lived(Fleet(service, Prometheus(stack.prometheus_url), request.param))


def lived(fleet: Fleet) -> Story:
    """Put a fleet to work, and end it, worker by worker."""
    eventually(lambda: web.answers(fleet.service.url))
    eventually(lambda: fleet.send() and len(fleet.answered) == WORKERS)
    working = fleet.settled()
    reporting = fleet.instances()
    fleet.end(signal.SIGTERM)
    stopped = fleet.settled()
    victim = fleet.end(signal.SIGKILL)
    fleet.service.stop()
    fleet.settled(without=victim)
    return Story(fleet, reporting, working, stopped, Both(fleet.arrived(), fleet.answered), victim)


def without(victim: str, counts: Counts) -> Counts:
    """The counts of all others."""
    return {instance: count for instance, count in counts.items() if instance != victim}


def test_what_arrives_of_each_worker_is_what_it_answered(story: Story) -> None:
    assert story.working.arrived == story.working.answered


def test_each_worker_is_an_instance_of_its_own_and_nobody_else_reports(story: Story) -> None:
    assert story.reporting == set(story.working.answered)
    assert len({story.fleet.pids[instance] for instance in story.reporting}) == WORKERS


def test_a_worker_that_is_stopped_loses_nothing(story: Story) -> None:
    assert story.stopped.arrived == story.stopped.answered


def test_a_worker_that_is_killed_loses_at_most_what_it_had_not_exported(story: Story) -> None:
    exported = story.stopped.answered.get(story.victim, {})
    arrived = story.ended.arrived.get(story.victim, {})

    for name, answered in story.ended.answered[story.victim].items():
        assert exported.get(name, 0) <= arrived.get(name, 0) <= answered


def test_the_workers_that_are_not_killed_lose_nothing(story: Story) -> None:
    assert without(story.victim, story.ended.arrived) == without(story.victim, story.ended.answered)


def test_the_rise_of_each_counter_is_exact_at_an_export_with_its_first_event(story: Story) -> None:
    for instance, arrived in story.ended.arrived.items():
        assert story.fleet.increase(instance) == pytest.approx(arrived)


def test_the_rise_of_each_counter_is_right_within_one_export_interval_at_any_other_time(story: Story) -> None:
    for instance, arrived in story.ended.arrived.items():
        exports = story.fleet.exports(instance)
        for name, increase in story.fleet.increase(instance, after_s=5).items():
            one_interval = arrived[name] / (exports[name] - 1)

            assert arrived[name] - 1e-6 <= increase <= arrived[name] + one_interval
