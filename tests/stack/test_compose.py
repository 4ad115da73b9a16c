"""docker-compose.yml on the real programs: its environments, its arguments and its health checks."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from otel_recmon.demo.launch import environment, page_exporter
from otel_recmon.stack import Stack, binaries
from otel_recmon.stack.slack import slack_standin
from tests.composed import ROOT, SERVICES, compose
from tests.speed import eventually
from tests.stack.observed import Prometheus
from tests.stack.serving import serving

PROGRAMS = {"/otelcol-contrib": "otelcol", "promtool": "promtool"}


def ran(command: Sequence[str | Path], **variables: str) -> tuple[int, str]:
    """The exit code of a program, and what it wrote."""
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def program(name: str) -> Path:
    """A program of the pinned version."""
    found = binaries.find(name)
    assert found, binaries.install_hint(name)
    return found


def check(service: str, inside: str, here: str) -> int:
    """The exit code of a service's health check, on this machine: with another address than in the container."""
    _, name, *arguments = SERVICES[service]["healthcheck"]["test"]
    assert any(inside in argument for argument in arguments)
    path = sys.executable if name == "python" else program(PROGRAMS[name])
    return ran([path, *(argument.replace(inside, here) for argument in arguments)])[0]


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({}, 0),
        ({"COLLECTOR_TRACES_ENDPOINT": "http://jaeger:4318", "COLLECTOR_LOGS_ENDPOINT": "http://loki:3100/otlp"}, 0),
        ({"COLLECTOR_TRACES_ENDPOINT": ""}, 1),
    ],
)
def test_the_collector_takes_its_environment(tmp_path: Path, variables: dict[str, str], code: int) -> None:
    """Also with what .env can add; an endpoint that is set and empty is what the file keeps from it."""
    given = compose(**variables)["services"]["collector"]["environment"] | variables
    given |= {"COLLECTOR_QUEUE_DIRECTORY": str(tmp_path), "COLLECTOR_EVENTS_FILE": str(tmp_path / "events.jsonl")}

    told = ran([program("otelcol"), "validate", f"--config={ROOT / 'collector-config.yaml'}"], **given)

    assert told == (code, "Error: exporters::otlp_http/traces: at least one endpoint must be specified\n" * code)


def test_prometheus_takes_the_files_that_are_mounted() -> None:
    code, told = ran([program("promtool"), "check", "config", ROOT / "prometheus" / "prometheus.yml"])

    assert code == 0, told


def test_the_health_checks_tell_who_is_well() -> None:
    with Stack() as stack:
        asked = {
            "collector": ("127.0.0.1:13133", f"127.0.0.1:{stack.components['collector'].port}"),
            "prometheus": ("http://127.0.0.1:9090", stack.prometheus_url),
        }
        up = {name: check(name, *addresses) for name, addresses in asked.items()}
    down = {name: check(name, *addresses) for name, addresses in asked.items()}

    assert (up, down) == ({"collector": 0, "prometheus": 0}, {"collector": 1, "prometheus": 1})


def test_the_health_check_of_the_slack_stand_in_tells_whether_it_is_well() -> None:
    with slack_standin() as slack:
        url = slack.url
        assert check("slack", "http://127.0.0.1:8080", url) == 0

    assert check("slack", "http://127.0.0.1:8080", url) == 1


@pytest.mark.parametrize(("name", "inside"), [("demo", "http://127.0.0.1:8000"), ("traffic", "http://demo:8000")])
def test_the_health_checks_of_the_demo_tell_whether_it_answers(name: str, inside: str) -> None:
    folder = ROOT / "otel_recmon" / "demo"
    with serving("recommender:app", environment({}, page_exporter(0), 160), folder=folder) as service:
        url = service.url
        assert check(name, inside, url) == 0

    assert check(name, inside, url) == 1


def test_the_demo_and_its_traffic_are_seen_in_prometheus() -> None:
    folder = ROOT / "otel_recmon" / "demo"
    variables = SERVICES["demo"]["environment"] | {
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_RECMON_MODEL_PATH": str(folder / "data"),
    }
    with Stack() as stack:
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = stack.otlp_http_url
        prometheus = Prometheus(stack.prometheus_url)
        with serving("recommender:app", variables, folder=folder) as service:
            command = [part.replace("http://demo:8000", service.url) for part in SERVICES["traffic"]["command"]]
            with subprocess.Popen([Path(sys.executable).with_name(command[0]), *command[1:]]) as traffic:
                eventually(lambda: prometheus.values('recommendation_requests_total{status="success"} > 3'))
                eventually(lambda: prometheus.values('recommendation_model_staleness_hours{job="recmon-demo"}'))
                traffic.terminate()

    assert traffic.returncode == 128 + signal.SIGTERM


def test_the_file_is_read_as_it_is_written() -> None:
    """Two dollar signs are one for Compose, and the Collector's own variables in the check are not Compose's."""
    raw = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    written, read = (file["services"]["collector"]["healthcheck"]["test"][-1] for file in (raw, compose()))

    assert written.replace("$$", "$") == read
    assert "'it says ${http://127.0.0.1:13133/}'" in read
