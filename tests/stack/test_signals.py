"""Where traces, log events and exemplars go."""

import json

from opentelemetry.sdk.trace import TracerProvider

from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually
from tests.stack.backend import backend
from tests.stack.observed import Prometheus, service

RECORD = {"body": {"stringValue": "recommendation.served"}}
EVENT = {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": [RECORD]}]}]}
SPAN = {"name": "GET /recommendations", "traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1"}
TRACE = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}


def post(stack: Stack, signal: str, data: object) -> None:
    """Send OTLP to the Collector."""
    web.post(f"{stack.otlp_http_url}/v1/{signal}", json=data).raise_for_status()


def log_of_the_collector(stack: Stack) -> str:
    """What the Collector has written so far."""
    return (stack.logs / "collector.log").read_text(encoding="utf-8")


class TestByDefault:
    def test_a_log_event_is_a_line_of_json(self) -> None:
        with Stack() as stack:
            post(stack, "logs", EVENT)
            line = eventually(lambda: stack.events.exists() and stack.events.read_text(encoding="utf-8"))

        assert json.loads(line or "") == EVENT

    def test_traces_are_counted_in_the_log_and_go_nowhere_else(self) -> None:
        with Stack() as stack:
            post(stack, "traces", TRACE)
            eventually(lambda: '"spans": 1' in log_of_the_collector(stack))
            sent = web.get(stack.telemetry_url).text
            log = log_of_the_collector(stack)

        labels = 'otel_signal="traces",processor="filter/traces_elsewhere"'
        assert f"otelcol_processor_outgoing_items_total{{{labels}}} 0" in sent
        assert "error" not in log

    def test_the_log_of_events_is_rotated(self) -> None:
        record = {"body": {"stringValue": "x" * 600_000}}
        large = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
        with Stack(environment={"COLLECTOR_EVENTS_MAX_MB": "1"}) as stack:
            for _ in range(3):
                post(stack, "logs", large)

            assert eventually(lambda: len(list(stack.events.parent.iterdir())) == 3)


class TestElsewhere:
    def test_one_variable_sends_traces_elsewhere(self) -> None:
        with backend() as tempo, Stack(environment={"COLLECTOR_TRACES_ENDPOINT": tempo.url}) as stack:
            post(stack, "traces", TRACE)
            post(stack, "logs", EVENT)

            assert eventually(lambda: tempo.paths) == ["/v1/traces"]

    def test_one_variable_sends_log_events_elsewhere_and_the_file_stays(self) -> None:
        with backend() as loki, Stack(environment={"COLLECTOR_LOGS_ENDPOINT": loki.url}) as stack:
            post(stack, "traces", TRACE)
            post(stack, "logs", EVENT)

            assert eventually(lambda: loki.paths) == ["/v1/logs"]
            eventually(lambda: stack.events.read_text(encoding="utf-8"))


class TestExemplars:
    def test_a_latency_leads_to_its_trace_whichever_way_it_came(self) -> None:
        tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
        with Stack(scraped=True, scrape_interval="1s") as stack, service(stack) as exporting:
            latency = exporting.meter.create_histogram("recommendation.latency", "s")
            with tracer.start_as_current_span("request") as span:
                latency.record(0.3)
            exporting.export()

            trace = f"{span.get_span_context().trace_id:032x}"
            assert eventually(Prometheus(stack.prometheus_url).traces) == {trace}
            assert eventually(Prometheus(stack.scraped_prometheus_url).traces) == {trace}
            text = {"Accept": "application/openmetrics-text; version=1.0.0"}
            assert f'trace_id="{trace}"' in web.get(stack.scrape_url, headers=text).text
