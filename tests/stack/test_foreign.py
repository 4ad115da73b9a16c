"""The series of the Collector that panels and alerts ask for are those that it has."""

from otel_recmon.artifacts.signals import external as foreign
from otel_recmon.stack import Stack
from otel_recmon.stack.ports import free_port
from tests import web
from tests.speed import eventually
from tests.stack.observed import service

FROM_THE_START = {
    foreign.QUEUE_SIZE,
    foreign.QUEUE_CAPACITY,
    foreign.SENT,
    foreign.REFUSED,
    foreign.RECEIVE_FAILED,
    foreign.ACCEPTED,
    foreign.FILTERED,
}


def above_zero(stack: Stack) -> dict[str, float]:
    """The Collector's own metrics, added up by name, that are not 0."""
    found: dict[str, float] = {}
    for line in web.get(stack.telemetry_url).text.splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            name = series.partition("{")[0]
            found[name] = found.get(name, 0.0) + float(value)
    return {name: value for name, value in found.items() if value}


def export(stack: Stack) -> None:
    """Send one value."""
    with service(stack) as exporting:
        exporting.meter.create_counter("recommendation.requests").add(1)
        exporting.provider.force_flush()


def test_a_collector_that_works_has_them() -> None:
    with Stack() as stack:
        export(stack)
        page = eventually(lambda: found if foreign.SENT in (found := web.get(stack.telemetry_url).text) else "")

    assert {name for name in FROM_THE_START if name not in page} == set()


def test_what_the_other_side_refuses_is_counted_as_failed_to_send() -> None:
    port = free_port()
    nowhere = {"COLLECTOR_PROMETHEUS_ENDPOINT": f"http://127.0.0.1:{port}/nowhere"}
    with Stack(ports={"prometheus": port}, environment=nowhere) as stack:
        export(stack)

        eventually(lambda: foreign.SEND_FAILED in above_zero(stack))


def test_what_does_not_fit_into_the_queue_is_counted_as_failed_to_enqueue() -> None:
    with Stack(environment={"COLLECTOR_QUEUE_BYTES": "1", "COLLECTOR_BATCH_MIN": "1"}) as stack:
        export(stack)

        eventually(lambda: foreign.ENQUEUE_FAILED in above_zero(stack))
