"""What one service sends that Prometheus cannot take, and what becomes of the others' in the same request."""

import time
from typing import Any

import pytest

from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually
from tests.stack.observed import Prometheus, Sample

HOUR = 3600.0
CUMULATIVE, DELTA = 2, 1


def counter(name: str, at: float, temporality: int = CUMULATIVE) -> dict[str, Any]:
    """A counter that was 1 at a time, as OTLP has it."""
    moment = {"startTimeUnixNano": _nanoseconds(at - 5), "timeUnixNano": _nanoseconds(at)}
    points = [{"asInt": "1", **moment}]
    return {
        "name": name,
        "sum": {"aggregationTemporality": temporality, "isMonotonic": True, "dataPoints": points},
    }


def _nanoseconds(at: float) -> str:
    return str(int(at * 1e3) * 1_000_000)


def send(stack: Stack, *metrics: dict[str, Any]) -> None:
    """Send metrics in one request."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": list(metrics)}]}]}
    web.post(f"{stack.otlp_http_url}/v1/metrics", json=body).raise_for_status()


@pytest.mark.parametrize(
    ("ago", "temporality"),
    [
        pytest.param(0, DELTA, id="delta"),
        pytest.param(48 * HOUR, CUMULATIVE, id="two days ago"),
        pytest.param(-HOUR, CUMULATIVE, id="in an hour"),
    ],
)
def test_a_point_that_prometheus_refuses_takes_no_other_with_it(ago: float, temporality: int) -> None:
    now = time.time()
    with Stack() as stack:
        prometheus = Prometheus(stack.prometheus_url)
        send(stack, counter("first", now))
        eventually(lambda: prometheus.values("first_total"))

        send(stack, counter("good", now), counter("bad", now - ago, temporality))

        eventually(lambda: prometheus.values("good_total"))
        page = web.get(stack.telemetry_url).text
    assert 'otelcol_processor_filter_datapoints_filtered_total{filter="filter/acceptable"} 1' in page


def test_a_point_that_is_hours_late_is_taken() -> None:
    now = round(time.time(), 3)
    with Stack() as stack:
        prometheus = Prometheus(stack.prometheus_url)
        send(stack, counter("late", now))
        eventually(lambda: prometheus.values("late_total"))

        send(stack, counter("late", now - 20 * HOUR))

        samples = eventually(lambda: prometheus.samples("late_total", "21h")[:-2])
    assert samples == [Sample(round(now - 20 * HOUR, 3), 1)]
