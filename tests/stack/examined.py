"""A healthy service with everything around it, and the doctor as a process that examines it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from otel_recmon.stack import Component, Stack, binaries, plan
from otel_recmon.stack.files import FILES
from otel_recmon.stack.plan import StackLayout
from otel_recmon.stack.ports import LOOPBACK, free_port
from otel_recmon.stack.slack import Slack, slack_standin
from tests import web
from tests.speed import eventually
from tests.stack.grafana import TOKEN, Grafana, grafana_standin
from tests.stack.observed import Prometheus
from tests.stack.serving import serving

APP = """
from fastapi import FastAPI
app = FastAPI()

@app.get("/recommendations/{user_id}")
def recommendations(user_id: str):
    return [{"id": "a", "score": 0.75}, {"id": "b", "score": 0.5}]
"""
PROGRAM = str(Path(sys.executable).with_name("otel-recmon"))
IDENTITY = "service.namespace=team,deployment.environment.name=test"
NOBODY = f"http://{LOOPBACK}:1"
COMMAND = "opentelemetry-instrument uvicorn app:app"


@dataclass(frozen=True)
class Told:
    """What the doctor said: its exit code, the names of the findings, and everything it wrote."""

    code: int
    names: list[str]
    output: str


@dataclass(frozen=True)
class Healthy:
    """A service that counts and exports, what its metrics go through, and the environment it runs in."""

    stack: Stack
    grafana: Grafana
    slack: Slack
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def examined(self, changes: Mapping[str, str | None] | None = None, *arguments: str) -> Told:
        """Run the doctor in the environment of the service with some changes; None takes a variable away."""
        environ = {**self.environ, **(changes or {})}
        chosen = {"--command": COMMAND, "--prometheus": self.stack.prometheus_url}
        given = [word for name, value in chosen.items() if name not in arguments for word in (name, value)]
        return told([*given, "--send-test", *arguments], {k: v for k, v in environ.items() if v}, self.folder)


def lacking(well: Healthy, before: str, changes: Mapping[str, str] | None = None) -> Told:
    """Run the command in an interpreter that has executed some lines before."""
    program = [sys.executable, "-c", f"{before}\nfrom otel_recmon.cli import main\nmain()"]
    return told(["--command", COMMAND], {**well.environ, **(changes or {})}, well.folder, program)


def only(finding: str, said: Told) -> None:
    """Assert that the doctor found this, and nothing else."""
    assert (said.code, said.names) == (1, [finding]), said.output


def told(
    arguments: Sequence[str], environ: Mapping[str, str], folder: Path, program: Sequence[str] = (PROGRAM,)
) -> Told:
    """Run the installed command in an environment of its own."""
    command = [*program, "doctor", "--json", *arguments]
    clean = {"PATH": os.environ["PATH"], **environ}
    done = subprocess.run(command, env=clean, cwd=folder, capture_output=True, text=True, check=False)
    findings = json.loads(done.stdout).get("findings", []) if done.stdout else []
    return Told(done.returncode, [finding["name"] for finding in findings], done.stdout + done.stderr)


@contextmanager
def healthy(folder: Path) -> Iterator[Healthy]:
    """Run all of it, until the service's first requests are in Prometheus."""
    (folder / "app.py").write_text(APP)
    with Stack(scraped=True, scrape_interval="1s") as stack, grafana_standin() as grafana, slack_standin() as slack:
        environ = {
            "OTEL_RECMON_ENABLED": "true",
            "OTEL_RECMON_MODEL_VERSION": "v1",
            "OTEL_SERVICE_NAME": "shop",
            "OTEL_RESOURCE_ATTRIBUTES": IDENTITY,
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_http_url,
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
            "SLACK_WEBHOOK_URL": f"{slack.url}/services/T1/B1/secret",
            "GRAFANA_TOKEN": TOKEN,
        }
        with serving("app:app", environ, folder=folder) as service:
            web.get(f"{service.url}/recommendations/7").raise_for_status()
            prometheus = Prometheus(stack.prometheus_url)
            eventually(lambda: prometheus.values('recommendation_score_bucket{job="team/shop"}'))
            yield Healthy(stack, grafana, slack, folder, environ)


@contextmanager
def other_prometheus(folder: Path, config: Mapping[str, Any], *, without: str = " ") -> Iterator[str]:
    """Run a Prometheus whose configuration differs in some sections, and whose arguments lack a text."""
    place = StackLayout(folder, FILES, {"prometheus": free_port(), "telemetry": 1})
    process = plan.prometheus(place, "prometheus", scrape_interval="15s")
    home = folder / "prometheus"
    content = yaml.safe_load((home / "prometheus.yml").read_text())
    (home / "prometheus.yml").write_text(yaml.safe_dump({**content, **config}))
    arguments = (home / "prometheus.args").read_text()
    (home / "prometheus.args").write_text(arguments.replace(without, "") if without.strip() else arguments)
    program = binaries.find("prometheus")
    assert program, binaries.install_hint("prometheus")
    port = place.ports["prometheus"]
    component = Component("prometheus", [program, *process.arguments], port, process.health, folder / "log")
    try:
        component.start()
        yield f"http://{LOOPBACK}:{port}"
    finally:
        component.kill()


@contextmanager
def answering(status: int, body: str = "", kind: str = "text/plain") -> Iterator[str]:
    """Run a server that answers every request alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield f"http://{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()
