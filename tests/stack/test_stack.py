"""What happens to the processes of a stack when it does not start, and when its parent ends."""

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_recmon.stack import Stack, StackError
from otel_recmon.stack.files import FILES
from otel_recmon.stack.ports import LOOPBACK
from tests.speed import eventually
from tests.stack.machine import change, processes

PARENT = """
import time
from otel_recmon.stack import Stack

with Stack() as stack:
    print(stack.logs.parent, *(component.pid for component in stack.components.values()), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A folder for a stack's data; no process may know of it in the end."""
    yield tmp_path / "data"
    assert processes(str(tmp_path)) == []


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The configuration files, to be made worse."""
    return Path(shutil.copytree(FILES, tmp_path / "files"))


def refusal(**settings: Any) -> str:
    """The message with which a stack does not start."""
    with pytest.raises(StackError) as raised, Stack(**settings):
        pass
    return str(raised.value)


class TestStart:
    def test_a_wrong_collector_configuration_is_told_in_its_words(self, data: Path, files: Path) -> None:
        change(files / "collector-config.yaml", "limit_mib", "limit_mebibytes")

        message = refusal(directory=data, files=files)

        assert message.startswith("collector did not start: failed to get config: cannot unmarshal")
        assert message.endswith("has invalid keys: limit_mebibytes, spike_limit_mebibytes")

    def test_a_wrong_prometheus_configuration_is_told_in_its_words(self, data: Path, files: Path) -> None:
        change(files / "prometheus" / "prometheus.yml", "rule_files", "rules_file")

        message = refusal(directory=data, files=files)

        assert message.startswith("prometheus did not start: Error loading config")
        assert "field rules_file not found" in message

    def test_a_wrong_alertmanager_configuration_is_told_in_its_words(self, data: Path, tmp_path: Path) -> None:
        config = tmp_path / "alertmanager.yml"
        config.write_text("route: {receiver: nobody}")

        message = refusal(directory=data, alertmanager=config)

        assert message.startswith("alertmanager did not start: Loading configuration file failed")
        assert 'undefined receiver "nobody"' in message

    def test_a_taken_port_is_named(self, data: Path) -> None:
        with socket.create_server((LOOPBACK, 0)) as other:
            port = other.getsockname()[1]

            assert refusal(directory=data, ports={"prometheus": port}) == (
                f"port {port} (prometheus) is in use: stop the program on it, or choose another port"
            )

    def test_a_port_that_is_taken_meanwhile_is_told_by_the_component(self, data: Path) -> None:
        with socket.create_server((LOOPBACK, 0)) as other:
            variables = {"COLLECTOR_OTLP_HTTP_PORT": str(other.getsockname()[1])}

            message = refusal(directory=data, environment=variables)

        assert message.startswith("collector did not start: cannot start pipelines")
        assert message.endswith("bind: address already in use")

    def test_a_folder_that_is_none_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        assert refusal(directory=tmp_path / "file" / "data") == (
            f"{tmp_path}/file/data cannot hold the stack's data: Not a directory"
        )

    def test_a_queue_that_has_no_folder_is_told_by_the_collector(self, data: Path, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        message = refusal(directory=data, environment={"COLLECTOR_QUEUE_DIRECTORY": f"{tmp_path}/file/queue"})

        assert message.startswith("collector did not start: invalid configuration: extensions::file_storage/queue")

    def test_missing_rules_are_named(self, data: Path, tmp_path: Path) -> None:
        assert refusal(directory=data, rules=tmp_path / "rules") == f"{tmp_path}/rules does not exist"

    def test_a_missing_program_is_named(self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setenv("PATH", "")

        assert refusal(directory=data) == (
            "otelcol 0.155.0 is not installed: run `make tools`, or put otelcol of exactly this version on PATH"
        )


class TestEnd:
    def test_nothing_is_left_when_the_block_ends(self) -> None:
        with Stack() as stack:
            folder = stack.logs.parent

        assert not folder.exists()
        assert processes(str(folder)) == []

    def test_a_folder_that_was_given_stays_with_its_data(self, data: Path) -> None:
        with Stack(directory=data):
            pass

        assert {path.name for path in data.iterdir()} == {"collector", "logs", "prometheus"}

    def test_the_processes_are_asked_to_end(self, data: Path) -> None:
        with Stack(directory=data) as stack:
            pass

        assert "Shutdown complete" in (stack.logs / "collector.log").read_text(encoding="utf-8")
        assert "See you next time!" in (stack.logs / "prometheus.log").read_text(encoding="utf-8")

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_nothing_is_left_when_the_parent_ends(self, how: signal.Signals) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as parent:
            assert parent.stdout
            folder, *pids = parent.stdout.readline().decode().split()
            assert set(pids) <= set(processes(folder))

            parent.send_signal(how)

        eventually(lambda: not processes(folder) and not Path(folder).exists())
