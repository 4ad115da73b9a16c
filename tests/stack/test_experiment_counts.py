"""An experiment in a service of four workers: what arrives by arm and bucket is what the users did."""

import random
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from otel_recmon.catalog import BUCKETS
from otel_recmon.eventlog import counted, events
from otel_recmon.recording.experiments import bucket
from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually
from tests.stack.observed import Prometheus
from tests.stack.serving import OTLP, UVICORN, serving

USERS = 80
EXPERIMENT = "ranker"
PREFIX = "recommendation_experiment_"
ARMS = ("control", "bts")
APP = """
    import os
    from fastapi import FastAPI, Response
    from opentelemetry.trace import get_current_span

    app = FastAPI()

    def assigned(user_id):
        variant = "bts" if int(user_id.removeprefix("canary")) % 3 == 0 else "control"
        evaluation = {"feature_flag.key": "ranker", "feature_flag.result.variant": variant}
        get_current_span().add_event("feature_flag.evaluation", evaluation)

    @app.get("/recommendations")
    async def recommendations(user_id: str, response: Response, broken: bool = False):
        response.headers["x-pid"] = str(os.getpid())
        assigned(user_id)
        if broken:
            raise RuntimeError
        return [{"id": 1}, {"id": 2}]

    @app.post("/click")
    async def click(event: dict):
        assigned(event["user_id"])

    @app.post("/conversion")
    async def conversion(event: dict):
        assigned(event["user_id"])
"""
Key = tuple[str, str, str]
"""A series' name, its variant and its bucket."""
Counts = dict[Key, float]


class Acts:
    """What one user does, and the processes that answer."""

    def __init__(self, user: int) -> None:
        self.user = user
        self.counts: defaultdict[Key, float] = defaultdict(int)
        self.pids: set[str] = set()

    def did(self, name: str, number: float = 1) -> None:
        """Note what the user did."""
        arm = "bts" if self.user % 3 == 0 else "control"
        self.counts[f"{PREFIX}{name}_total", arm, BUCKETS[bucket(EXPERIMENT, f"canary{self.user}")]] += number

    def act(self, url: str) -> "Acts":
        """Do it: the more of it, the higher the last digit of the user."""
        draw, who = random.Random(self.user), f"canary{self.user}"
        with web.client(base_url=url, headers={"connection": "close"}) as client:
            for _ in range(1 + self.user % 5):
                answer = client.get("/recommendations", params={"user_id": who}).raise_for_status()
                self.pids.add(answer.headers["x-pid"])
                self.did("exposures")
                if draw.random() < 0.5:
                    client.post("/click", json={"user_id": who, "position": 1}).raise_for_status()
                    self.did("clicks")
                if draw.random() < 0.3:
                    revenue = draw.randrange(0, 40) / 4
                    client.post("/conversion", json={"user_id": who, "revenue": revenue}).raise_for_status()
                    self.did("conversions")
                    self.did("revenue_dollars", revenue)
            client.get("/recommendations", params={"user_id": who, "broken": "1"})
        return self


@dataclass(frozen=True)
class Ran:
    """What was done, what arrived, and what was logged."""

    truth: Counts
    pids: set[str]
    prometheus: Prometheus
    log: Counts


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """The experiment, once it is over and everything has arrived."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "service.py").write_text(textwrap.dedent(APP))
    with Stack() as stack:
        prometheus = Prometheus(stack.prometheus_url)
        env = OTLP | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_http_url,
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_RECMON_EXPERIMENT": EXPERIMENT,
            "OTEL_RECMON_EXPERIMENT_SPLIT": "control=2,bts=1",
            "OTEL_RECMON_LOG_EVENTS": "true",
        }
        with serving("service:app", env, folder=folder, server=(*UVICORN, "--workers", "4")) as service:
            eventually(lambda: web.answers(service.url))
            with ThreadPoolExecutor(8) as pool:
                acts = list(pool.map(lambda user: Acts(user).act(service.url), range(USERS)))
            truth = summed(item for each in acts for item in each.counts.items())
            eventually(lambda: total(arrived(prometheus)) == total(truth))
            eventually(lambda: total(logged(stack)) == total(truth))
            yield Ran(truth, {pid for each in acts for pid in each.pids}, prometheus, logged(stack))


def arrived(prometheus: Prometheus) -> Counts:
    """What Prometheus has of each arm and bucket, summed over workers."""
    said = ((dict(labels), value) for labels, value in prometheus.values(f'{{__name__=~"{PREFIX}.+_total"}}').items())
    return summed(((own["__name__"], own["variant"], own["bucket"]), value) for own, value in said)


def logged(stack: Stack) -> Counts:
    """What follows from the event log."""
    text = "".join(path.read_text() for path in sorted(stack.events.parent.iterdir()))
    found = counted(events(text[: text.rfind("\n") + 1].splitlines()))  # a line may be being written
    said = ((name, dict(labels), value) for (name, labels), value in found.items() if name.startswith(PREFIX))
    return summed(((name, own["variant"], own["bucket"]), value) for name, own, value in said)


def summed(counts: Iterable[tuple[Key, float]]) -> Counts:
    """What is not 0, all of the same series together."""
    found: defaultdict[Key, float] = defaultdict(int)
    for key, value in counts:
        found[key] += value
    return {key: value for key, value in found.items() if value}


def total(counts: Counts) -> float:
    """All counts together."""
    return sum(counts.values())


def test_what_arrives_of_each_arm_and_bucket_is_what_its_users_did(ran: Ran) -> None:
    assert arrived(ran.prometheus) == ran.truth
    assert len(ran.pids) > 1


def test_the_event_log_says_the_same(ran: Ran) -> None:
    assert ran.log == ran.truth


def test_each_arm_has_all_buckets_those_without_events_as_well(ran: Ran) -> None:
    query = "count by (variant) (sum by (variant, bucket) (recommendation_experiment_conversions_total))"

    found = {dict(labels)["variant"]: value for labels, value in ran.prometheus.values(query).items()}

    assert found == dict.fromkeys(ARMS, 32)


def test_the_expected_shares_of_all_workers_merge_to_one_of_each_arm(ran: Ran) -> None:
    query = "max by (experiment, variant, role) (recommendation_experiment_expected_share)"

    found = ran.prometheus.values(query)

    assert found == {
        frozenset({("experiment", EXPERIMENT), ("variant", "control"), ("role", "control")}): 2 / 3,
        frozenset({("experiment", EXPERIMENT), ("variant", "bts"), ("role", "treatment")}): 1 / 3,
    }


def test_no_user_leaves_the_process(ran: Ran) -> None:
    series = ran.prometheus.ask("series", **{"match[]": '{__name__=~"recommendation.+"}'})

    assert "canary" not in str(series)
