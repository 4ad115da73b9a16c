"""The same traffic into VictoriaMetrics, with the file in deploy/, and into one Prometheus."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from otel_recmon import __version__
from otel_recmon.recording.instruments import SCOPE
from otel_recmon.stack.ports import LOOPBACK, free_port
from tests.scale.both import Both, Samples, gateway
from tests.scale.programs import DEPLOY, programs
from tests.scale.traffic import Traffic, ago
from tests.speed import eventually
from tests.stack.observed import Labels, Prometheus

DESTINATION = DEPLOY / "victoriametrics.yaml"
FLAGS = re.findall(r" (-[\w.]+(?:=\w+)?)", "".join(re.findall("^#.*", DESTINATION.read_text(), re.MULTILINE)))
"""What the file says that VictoriaMetrics is to be started with."""
SCOPE_LABELS = frozenset({("scope_name", SCOPE), ("scope_version", __version__)})


@pytest.fixture
def victoriametrics() -> Iterator[str]:
    """The address of a VictoriaMetrics."""
    with programs() as place:
        port = free_port()
        own = [f"-storageDataPath={place.folder / 'data'}", f"-httpListenAddr={LOOPBACK}:{port}"]
        place.start("victoriametrics", ["victoria-metrics", *FLAGS, *own], port, "/health")
        yield f"http://{LOOPBACK}:{port}"


@pytest.fixture
def both(victoriametrics: str) -> Iterator[Both]:
    """A gateway that sends to VictoriaMetrics and to a Prometheus."""
    endpoint = f"{victoriametrics}/opentelemetry"
    with ExitStack() as undo:
        running = undo.enter_context(gateway(DESTINATION, COLLECTOR_VICTORIAMETRICS_ENDPOINT=endpoint))
        traffic = Traffic([running.otlp_http_url], ago(20 * 60))
        undo.callback(traffic.end)
        traffic.run(10 * 60)
        yield Both(traffic, Prometheus(running.prometheus_url), Prometheus(victoriametrics))


def test_the_series_and_samples_are_the_same_but_for_labels_of_the_scope(both: Both) -> None:
    eventually(both.settled)

    sent = flat(both.samples(both.one), SCOPE_LABELS)

    assert len(sent) == both.traffic.sent
    assert flat(both.samples(both.bigger)) == pytest.approx(sent, rel=1e-11)  # it keeps twelve digits


def flat(samples: Samples, more: Labels = frozenset()) -> dict[tuple[Labels, float], float]:
    """Each sample by its series, with more labels, and its time."""
    return {(series | more, at): value for series, values in samples.items() for at, value in values}
