"""The demo on the real Collector and Prometheus, and what is left when it ends or fails."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import otel_recmon
from otel_recmon.stack.ports import LOOPBACK
from tests import web
from tests.speed import eventually, scaled
from tests.stack.machine import change, processes
from tests.stack.test_demo import COMMAND, LONG, read_until

STACK = [*COMMAND, "--stack"]
PACKAGE = Path(otel_recmon.__file__).parent


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """The folder that everything is put into which is not meant to stay."""
    return tmp_path / "scratch"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration files of a copy of the package that the demo runs from, to be made worse."""
    shutil.copytree(PACKAGE, tmp_path / "copy" / PACKAGE.name)
    monkeypatch.chdir(tmp_path / "copy")  # where Python looks first
    return tmp_path / "copy" / PACKAGE.name / "stack" / "files"


@contextmanager
def started(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([*STACK, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        yield demo
        demo.kill()


def pid_of(program: str, scratch: Path) -> int:
    """The process of a program that works in the scratch folder."""
    (pid,) = (p for p in processes(str(scratch)) if program in Path(f"/proc/{p}/cmdline").read_text().split("\0")[0])
    return int(pid)


def failure(*arguments: str) -> str:
    """The one line with which the demo fails."""
    done = subprocess.run([*STACK, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    return line.removeprefix("otel-recmon demo: ")


def test_every_figure_that_reaches_prometheus_is_that_of_the_data(scratch: Path) -> None:
    done = subprocess.run([*STACK, "--rows", "3000"], capture_output=True, text=True, check=False)

    rows = [" ".join(line.split()) for line in done.stdout.split("\n")]
    assert (done.returncode, done.stderr) == (0, "")
    assert "Figure Prometheus data file Prometheus data file" in rows
    assert "Successful requests 526 526 ✓ 549 549 ✓" in rows
    assert "Revenue, USD* 212.04 212.04 ✓ 78.44 78.44 ✓" in rows
    assert rows[-2] == "✓ All 211 figures read from Prometheus agree with the data file."
    assert list(scratch.iterdir()) == []
    assert processes(str(scratch)) == []


def test_metrics_that_do_not_arrive_show_as_nothing(scratch: Path) -> None:
    arguments = ["--rows", "60", "--fault", "exporter-outage"]
    done = subprocess.run([*STACK, *arguments], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-2:] == [
        "Visible in Share of logged requests counted: 0.00 % (fault: below 50.00 %).",
        "Alerts if the fault lasts: ServiceSilent, TrafficBelowUsual.",
    ]
    assert list(scratch.iterdir()) == []


def test_what_is_kept_is_listed_and_answers(scratch: Path) -> None:
    with started("--rows", "60", "--keep-running") as demo:
        read_until(demo, "The service runs until")
        assert demo.stdout
        pages = dict(line.rsplit(maxsplit=1) for line in (demo.stdout.readline().strip() for _ in range(5)))
        codes = [web.get(url).status_code for url in list(pages.values())[:4]]
        logs = {file.name for file in Path(pages["logs"]).iterdir()}

        demo.send_signal(signal.SIGINT)

        assert demo.wait(timeout=scaled(30)) == 130
    assert list(pages) == ["recommendations", "API", "Prometheus", "Collector", "logs"]
    assert codes == [200] * 4
    assert logs == {"collector.log", "prometheus.log", "recmon-demo.log"}
    assert list(scratch.iterdir()) == []


class TestFailure:
    def test_missing_programs_are_told_with_the_command_that_builds_them(
        self, scratch: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(scratch.parent / "empty"))
        monkeypatch.setenv("PATH", "")

        assert failure() == (
            "otelcol 0.155.0 is not installed: run `make tools`, or put otelcol of exactly this version on PATH"
        )
        assert list(scratch.iterdir()) == []

    def test_a_wrong_collector_configuration_is_told_with_the_place_of_the_logs(
        self, scratch: Path, files: Path
    ) -> None:
        change(files / "collector-config.yaml", "limit_mib", "limit_mebibytes")

        told = failure()

        (folder,) = scratch.iterdir()
        assert told.startswith("collector did not start: failed to get config: cannot unmarshal")
        assert told.endswith(f"limit_mebibytes, spike_limit_mebibytes; the logs are in {folder}/logs")
        assert "limit_mebibytes" in (folder / "logs" / "collector.log").read_text(encoding="utf-8")
        assert [path.name for path in folder.iterdir()] == ["logs"]
        assert processes(str(scratch)) == []

    def test_a_missing_folder_is_named(self, scratch: Path, files: Path) -> None:
        shutil.rmtree(files / "prometheus")

        assert failure() == f"{files}/prometheus/rules does not exist"
        assert list(scratch.iterdir()) == []

    def test_a_taken_port_is_named(self, scratch: Path) -> None:
        with socket.create_server((LOOPBACK, 0)) as other:
            port = other.getsockname()[1]

            told = failure("--port", str(port))

        assert told == f"port {port} cannot be used (Address already in use); choose another one, or remove --port"
        assert processes(str(scratch)) == []

    @pytest.mark.parametrize("program", ["otelcol", "prometheus"])
    def test_a_component_that_ends_is_named_with_its_log(self, scratch: Path, program: str) -> None:
        name = {"otelcol": "collector"}.get(program, program)
        with started(*LONG) as demo:
            read_until(demo, " 0 %")
            os.kill(pid_of(program, scratch), signal.SIGKILL)
            _, error = demo.communicate(timeout=scaled(30))

        (folder,) = scratch.iterdir()
        assert demo.returncode == 2
        assert error.startswith(f"otel-recmon demo: {name} ended; its log {folder}/logs/{name}.log ends with: ")
        assert error.count("\n") == 1
        assert processes(str(scratch)) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_nothing_is_left_however_the_demo_ends(scratch: Path, number: signal.Signals, code: int) -> None:
    with started(*LONG) as demo:
        read_until(demo, " 0 %")
        assert {pid_of("otelcol", scratch), pid_of("prometheus", scratch)}

        demo.send_signal(number)

        assert demo.wait(timeout=scaled(30)) == code
    eventually(lambda: not processes(str(scratch)) and not list(scratch.iterdir()))
