"""The same traffic in one Prometheus and in something bigger, and what each says of it."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from otel_recmon.stack import Stack
from tests.scale.programs import DEPLOY
from tests.scale.queries import products, queries
from tests.scale.traffic import Traffic
from tests.speed import eventually
from tests.stack.observed import Labels, Prometheus

BEGUN_S: Final = 16 * 60
"""From when after the beginning answers are compared: until then a query may look back to before it."""
SETTLED_S: Final = 180.0
"""A Collector whose destination was gone tries again after up to half a minute, and may meet the next that is gone."""
OURS: Final = '{__name__=~"(recommendations?|recmon)_.+"}'
TO_COMPARE: Final = Path(__file__).parent / "and_prometheus.yaml"

Samples = dict[Labels, list[tuple[float, float]]]
Answers = dict[tuple[str, Labels, float], float]


def gateway(destination: Path, **environment: str) -> Stack:
    """A gateway that sends to a destination and, to compare, to a Prometheus: its own, unless told otherwise."""
    return Stack(overlays=[DEPLOY / "gateway.yaml", destination, TO_COMPARE], environment=environment)


@dataclass(frozen=True)
class Both:
    """One Prometheus and what stands in its place, fed by the same gateways."""

    traffic: Traffic
    one: Prometheus
    bigger: Prometheus

    def samples(self, prometheus: Prometheus) -> Samples:
        """Every sample of the fleet, by series, without the zeros that one Prometheus begins a series with."""
        result = prometheus.ask("query", query=f"{OURS}[3h]", time=str(self.traffic.now))["result"]
        return {
            frozenset(series["metric"].items()): [
                (float(at), float(value)) for at, value in series["values"] if float(at) != self.traffic.began
            ]
            for series in result
        }

    def answers(self, prometheus: Prometheus) -> Answers:
        """What the queries of dashboards and rules give, from when they look at traffic only."""
        span = {"start": str(self.traffic.began + BEGUN_S), "end": str(self.traffic.now), "step": "30"}
        return {
            (name, frozenset(series["metric"].items()), float(at)): float(value)
            for name, query in (queries() | products()).items()
            for series in prometheus.ask("query_range", query=query, **span)["result"]
            for at, value in series["values"]
        }

    def have_the_same_samples(self) -> None:
        """Both come to have every sample that was sent, once."""
        with suppress(AssertionError):
            eventually(self.settled, SETTLED_S)
        assert self.settled(), f"of {self.traffic.sent} samples, the one and the bigger have {self.stored()}"
        assert self.samples(self.bigger) == self.samples(self.one)

    def give_the_same_answers(self) -> None:
        """Both answer alike, to every query."""
        expected = self.answers(self.one)
        assert {name for name, _, _ in expected} == (queries() | products()).keys()
        assert unlike(self.answers(self.bigger), expected) == {}

    def settled(self) -> bool:
        """Whether both have as many samples as were sent."""
        return self.stored() == [self.traffic.sent] * 2

    def stored(self) -> list[int]:
        """How many samples the one has, and the bigger."""
        return [sum(map(len, self.samples(each).values())) for each in (self.one, self.bigger)]


def unlike(found: Answers, expected: Answers) -> dict[Any, Any]:
    """The answers that differ, in more than the order in which numbers were added."""
    pairs = {key: (found.get(key), expected.get(key)) for key in found.keys() | expected.keys()}
    return {key: pair for key, pair in pairs.items() if None in pair or pair[0] != pytest.approx(pair[1], rel=1e-9)}
