"""The same traffic into Thanos and into one Prometheus gives the same answers, also with a receiver killed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from otel_recmon import catalog
from tests.scale.both import Both, gateway
from tests.scale.programs import programs
from tests.scale.thanos import FILES, Thanos
from tests.scale.traffic import PROCESSES, STEP_S, Traffic, ago
from tests.speed import eventually
from tests.stack.observed import Prometheus

PHASE_S = 30 * 60


@pytest.fixture(scope="module")
def cluster() -> Iterator[Thanos]:
    """A Thanos cluster."""
    with programs() as place:
        yield Thanos(place)


@pytest.fixture(scope="module")
def both(cluster: Thanos) -> Iterator[Both]:
    """Two gateways, each with a router, which send to the cluster and to one Prometheus."""
    with ExitStack() as undo:
        destination = FILES / "collector.yaml"
        first = undo.enter_context(gateway(destination, COLLECTOR_THANOS_ENDPOINT=cluster.router("a")))
        second = undo.enter_context(
            gateway(
                destination,
                COLLECTOR_THANOS_ENDPOINT=cluster.router("b"),
                COLLECTOR_PROMETHEUS_ENDPOINT=f"{first.prometheus_url}/api/v1/otlp",
            )
        )
        traffic = Traffic([first.otlp_http_url, second.otlp_http_url], ago(5 * PHASE_S))
        undo.callback(traffic.end)
        traffic.run(PHASE_S)
        yield Both(traffic, Prometheus(first.prometheus_url), Prometheus(cluster.url))


def test_the_same_traffic_gives_the_same_answers(both: Both) -> None:
    both.have_the_same_samples()
    both.give_the_same_answers()


def test_only_one_prometheus_begins_a_series_with_a_zero(both: Both) -> None:
    selector = f'{catalog.LATENCY.prometheus}_count{{instance="worker-0", model_version="v1"}}'
    both.have_the_same_samples()

    one, bigger = (
        each.ask("query", query=f"{selector}[3h]", time=str(both.traffic.now))["result"][0]["values"]
        for each in (both.one, both.bigger)
    )

    assert one == [[both.traffic.began, "0"], *bigger]


def test_nothing_is_lost_or_counted_twice_with_a_receiver_killed_under_traffic(both: Both, cluster: Thanos) -> None:
    receiver = cluster.receivers[0]

    under_traffic(both.traffic, receiver.kill)

    both.have_the_same_samples()
    both.give_the_same_answers()
    receiver.start()
    both.have_the_same_samples()
    both.give_the_same_answers()


def test_receivers_that_were_stopped_in_turn_have_everything_between_them(both: Both, cluster: Thanos) -> None:
    for receiver in cluster.receivers[1:]:
        under_traffic(both.traffic, receiver.stop)
        receiver.start()

    both.have_the_same_samples()
    both.give_the_same_answers()


def under_traffic(traffic: Traffic, harm: Callable[[], None]) -> None:
    """Do harm when a third of the traffic has been sent, and return when all of it has."""
    first_third = traffic.exports + PHASE_S / STEP_S * PROCESSES / 3
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(traffic.run, PHASE_S)
        eventually(lambda: traffic.exports > first_third)
        harm()
        running.result()
