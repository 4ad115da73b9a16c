"""The demo as its user runs it: a command, a service of its own, and nothing left when it ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.speed import scaled

CODE = """
import signal
from otel_recmon.cli import main
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which may be ignored where the tests run
main()
"""
COMMAND = [sys.executable, "-c", CODE, "demo"]
LONG = ["--rows", "600", "--speed", "60"]
"""A replay that takes longer than any test."""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture
def long_demo() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([*COMMAND, *LONG], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        read_until(process, " 0 %")
        yield process
        process.terminate()


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stdout is not None
    return next(line for line in process.stdout if words in line)


def _service_of(process: "subprocess.Popen[str]") -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
    (service,) = (pid for pid in children if b"uvicorn" in Path(f"/proc/{pid}/cmdline").read_bytes())
    return int(service)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_figure_of_the_demo_is_that_of_the_data(tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, "--rows", "3000"], capture_output=True, text=True, check=False)

    rows = [" ".join(line.split()) for line in done.stdout.split("\n")]
    assert (done.returncode, done.stderr) == (0, "")
    assert "Successful requests 526 526 ✓ 549 549 ✓" in rows
    assert "Impressions 1,510 1,510 ✓ 1,490 1,490 ✓" in rows
    assert "Clicks 12 12 ✓ 2 2 ✓" in rows
    assert "Conversions* 3 3 ✓ 1 1 ✓" in rows
    assert "Revenue, USD* 212.04 212.04 ✓ 78.44 78.44 ✓" in rows
    assert rows[-2] == "✓ All 211 figures read from /metrics agree with the data file."
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_is_broken_says_what_shows_it_and_what_it_raises(tmp_path: Path) -> None:
    arguments = ["--rows", "3000", "--fault", "errors"]
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)

    burns = "BudgetBurnHour, BudgetBurnSixHours, BudgetBurnDay, BudgetBurnThreeDays"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-3:] == [
        "Injected fault, by --fault errors: one request in five fails with status 500.",
        "Visible in Error rate: 20.00 % (fault: above 1.00 %).",
        f"Alerts if the fault lasts: ErrorRateHigh, {burns}.",
    ]
    assert "✗" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_one_line_with_the_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (
        2,
        (
            f"otel-recmon demo: port {port} cannot be used (Address already in use); "
            "choose another one, or remove --port\n"
        ),
    )


def test_a_service_that_dies_during_the_replay_is_one_line_and_leaves_nothing(
    long_demo: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    service = _service_of(long_demo)

    os.kill(service, signal.SIGKILL)
    _, error = long_demo.communicate(timeout=scaled(30))

    (folder,) = tmp_path.iterdir()
    log = folder / "logs" / "recmon-demo.log"
    words = f"the service was killed by SIGKILL; its log {log} is empty; run the demo again"
    assert (long_demo.returncode, error) == (2, f"otel-recmon demo: {words}\n")
    assert not _alive(service)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_whoever_stops_the_demo_stops_its_service(
    long_demo: "subprocess.Popen[str]", tmp_path: Path, number: signal.Signals, code: int
) -> None:
    service = _service_of(long_demo)

    long_demo.send_signal(number)
    _, error = long_demo.communicate(timeout=scaled(30))

    assert (long_demo.returncode, error) == (code, "")
    assert not _alive(service)
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_is_kept_answers_until_it_is_stopped() -> None:
    with subprocess.Popen([*COMMAND, "--rows", "60", "--keep-running"], stdout=subprocess.PIPE, text=True) as demo:
        url = read_until(demo, "metrics page").split()[-1]
        host, port = url.removeprefix("http://").removesuffix("/metrics").split(":")
        with socket.create_connection((host, int(port))):
            service = _service_of(demo)

        demo.send_signal(signal.SIGINT)

        assert demo.wait(timeout=scaled(30)) == 130
    assert not _alive(service)
