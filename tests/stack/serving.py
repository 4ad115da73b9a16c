"""Runs a service as its users do: a process of its own, a real server, a real socket."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests import web
from tests.speed import eventually, scaled

HERE = Path(__file__).parent
DEADLINE = scaled(60)
STARTERS = 2
"""Services that a test starts at once: each keeps a processor busy for seconds."""
RECMON = {
    "OTEL_RECMON_ENABLED": "true",
    "OTEL_RECMON_MODEL_VERSION": "v1",
    "OTEL_RECMON_METRICS_PATH": "/__metrics",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}
OTLP = RECMON | {
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_RECMON_METRICS_PATH": "",
}
Counts = dict[str, float]


@dataclass
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def counts(self) -> Counts:
        """Return all series of the process."""
        return parsed(web.get(f"{self.url}/__metrics").raise_for_status().text)

    def stop(self) -> int:
        """Ask the process to end as an orchestrator does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


UVICORN = ("uvicorn", "--port", "0", "--app-dir", "{folder}", "--timeout-worker-healthcheck", f"{DEADLINE:.0f}")
"""A worker that does not answer in time, as while it starts on a slow machine, is killed: after 5 s by default."""
UVICORN_WORKERS = (*UVICORN, "--workers", "2")
GUNICORN = (
    "gunicorn",
    "--bind",
    "127.0.0.1:0",
    "--chdir",
    "{folder}",
    "--workers",
    "2",
    "-k",
    "uvicorn.workers.UvicornWorker",
    "--timeout",
    f"{DEADLINE:.0f}",
)
GUNICORN_PRELOAD = (*GUNICORN, "--preload")


@contextmanager
def serving(
    app: str,
    env: Mapping[str, str] | None = None,
    *,
    instrumented: bool = True,
    folder: Path = HERE,
    server: Sequence[str] = UVICORN,
) -> Iterator[Service]:
    """Serve ``module:app`` from ``folder`` with a real server on a port the system hands out."""
    command = [sys.executable, "-m", *(part.format(folder=folder) for part in server), app]
    if instrumented:
        command = [str(Path(sys.executable).with_name("opentelemetry-instrument")), *command]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "service.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                env=clean | dict(env or {}),
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=scratch,
                start_new_session=True,
            )
        try:
            yield Service(process, _url(process, log), log)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(DEADLINE)


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    def found() -> str:
        match = re.search(r"(?:running on|Listening at:) (http://[\w.]+:\d+)", log.read_text())
        if process.poll() is not None:
            raise AssertionError(log.read_text())
        return match[1] if match else ""

    return eventually(found)


def parsed(text: str) -> Counts:
    """Return the samples of a Prometheus text by series, labels sorted, those of the scope left out."""
    counts: Counts = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if v and not k.startswith("otel_scope_")}
            inner = ",".join(f'{name}="{labels[name]}"' for name in sorted(labels))
            counts[f"{sample.name}{{{inner}}}" if inner else sample.name] = sample.value
    return counts


def increase(before: Counts, after: Counts) -> Counts:
    """Return by how much each series rose."""
    rises = {series: value - before.get(series, 0.0) for series, value in after.items()}
    return {series: round(rise, 9) for series, rise in rises.items() if rise}
