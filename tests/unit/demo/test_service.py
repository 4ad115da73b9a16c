import socket
import subprocess
import sys
from pathlib import Path

import pytest

from otel_recmon.config import Settings, read, variable
from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.launch import settings
from otel_recmon.demo.service import RecommenderProcess, check_port
from otel_recmon.parsers import Split
from otel_recmon.stack.ports import free_port


def _ended(code: str, log: Path) -> RecommenderProcess:
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=file, stderr=file)
        process.wait()
    return RecommenderProcess(process, 1, 2, log)


def test_the_plugin_accepts_all_settings_of_the_demo() -> None:
    environ = {variable(name): value for name, value in settings(160, clock=lambda: 1_000_000.0).items()}

    assert read(environ) == (
        Settings(
            enabled=True,
            model_version="bts-2019.11",
            model_version_from="/recommendations => model_version; body:model_version",
            variant="/recommendations => variant; body:variant",
            experiment="policy",
            experiment_split=(Split(None, (("random", 0.5), ("bts", 0.5))),),
            surface="query:surface",
            outcome="/recommendations => fallback",
            catalog_size=160,
            sketch_registers=256,
            signing_key=("not-a-secret-in-a-demo",),
            model_updated_at=1_000_000.0 - 6 * 3600,
        ),
        [],
    )


def test_a_taken_port_is_refused_with_the_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(DemoError) as refused:
            check_port(port)

    assert str(refused.value) == (
        f"port {port} cannot be used (Address already in use); choose another one, or remove --port"
    )


def test_a_free_port_is_accepted() -> None:
    port = free_port()

    assert check_port(port) == port > 1023


def test_an_early_end_is_reported_with_the_last_line_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    service = _ended("print('all well'); raise SystemExit('no more room\\n')", log)

    assert str(service.failure()) == (
        f"the service ended with exit code 1; its log {log} ends with: no more room; run the demo again"
    )


def test_an_end_by_a_signal_is_reported_with_its_name(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    service = _ended("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", log)

    assert str(service.failure()) == (f"the service was killed by SIGKILL; its log {log} is empty; run the demo again")


def test_the_wait_for_a_service_that_ended_fails_at_once(tmp_path: Path) -> None:
    service = _ended("raise SystemExit('cannot bind')", tmp_path / "service.log")

    with pytest.raises(DemoError, match=r"ended with exit code 1; .* ends with: cannot bind"):
        service.wait_until_ready()
