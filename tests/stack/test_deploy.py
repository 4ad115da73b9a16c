"""The files in deploy/, given to the real Collector as they and docs/scaling.md say."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually
from tests.stack.observed import LABELS, Prometheus, Service, service
from tests.stack.test_pipeline import run

ROOT = Path(__file__).parents[2]
FRAGMENTS = [path for path in sorted((ROOT / "deploy").rglob("*.yaml")) if "\nexporters:" in path.read_text()]
COMMAND = re.compile(r"otelcol((?: --config \S+)+)")
COMMANDS = sorted(
    {command for path in (*FRAGMENTS, ROOT / "docs" / "scaling.md") for command in COMMAND.findall(path.read_text())}
)
REQUESTS = 'recommendation_requests_total{model_version="v1"}'


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.stem)
def test_each_fragment_says_how_it_is_used(path: Path) -> None:
    assert any(f"--config {path.relative_to(ROOT)}" in command for command in COMMAND.findall(path.read_text()))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_collector_accepts_what_they_say(command: str) -> None:
    files = [ROOT / name for name in command.replace("--config", "").split()]

    validated = run("otelcol", "validate", *(f"--config={file}" for file in files))

    assert (validated.returncode, validated.stderr) == (0, "")


@pytest.fixture
def gateway() -> Iterator[Stack]:
    """A gateway, and the Prometheus that it sends to."""
    with Stack(overlays=[ROOT / "deploy" / "gateway.yaml"]) as running:
        yield running


@pytest.fixture
def agent(gateway: Stack) -> Iterator[Stack]:
    """An agent that sends to the gateway."""
    environment = {"COLLECTOR_GATEWAY_ENDPOINT": gateway.otlp_http_url, "COLLECTOR_RETRY_MAX_INTERVAL": "1s"}
    with Stack(overlays=[ROOT / "deploy" / "agent.yaml"], environment=environment) as running:
        yield running


def count(exporting: Service) -> None:
    """Count a request, and have the agent take it."""
    exporting.meter.create_counter("recommendation.requests", "{request}").add(1, {"model_version": "v1"})
    exporting.export()


def test_an_agent_keeps_what_no_gateway_takes(gateway: Stack, agent: Stack) -> None:
    prometheus = Prometheus(gateway.prometheus_url)
    with service(agent) as exporting:
        count(exporting)
        eventually(lambda: prometheus.values(f"{REQUESTS} == 1"))
        gateway.components["collector"].kill()
        count(exporting)
        gateway.components["collector"].start()

        (series,) = eventually(lambda: prometheus.values(f"{REQUESTS} == 2"))

    assert dict(series) == {**LABELS, "__name__": "recommendation_requests_total", "model_version": "v1"}
    assert [sample.value for sample in prometheus.samples(REQUESTS)] == [0, 1, 2]


def test_neither_has_a_page_to_scrape_the_services_from(gateway: Stack, agent: Stack) -> None:
    with service(agent) as exporting:
        count(exporting)
        eventually(lambda: Prometheus(gateway.prometheus_url).values(REQUESTS))

    assert ["recommendation" in web.get(each.scrape_url).text for each in (gateway, agent)] == [False] * 2


def test_an_agent_passes_on_log_events_and_traces(gateway: Stack, agent: Stack) -> None:
    event = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "clicked"}}]}]}]}
    span = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "recommend"}
    trace = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}

    web.post(f"{agent.otlp_http_url}/v1/logs", json=event).raise_for_status()
    web.post(f"{agent.otlp_http_url}/v1/traces", json=trace).raise_for_status()

    eventually(lambda: gateway.events.exists() and '"clicked"' in gateway.events.read_text(encoding="utf-8"))
    eventually(lambda: '"spans": 1' in (gateway.logs / "collector.log").read_text(encoding="utf-8"))
    assert not agent.events.exists()
