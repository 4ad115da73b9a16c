"""The errors and the stop of a component."""

import sys
from pathlib import Path

import pytest

from otel_recmon.stack import Component, StackError
from otel_recmon.stack.component import extract_error
from otel_recmon.stack.ports import free_port
from tests.speed import scaled

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("output", "quoted"),
    [
        ("info starting\nError: wrong key:\n\n 'x' is none\n", "wrong key: 'x' is none"),
        (
            'level=ERROR msg="cannot load" file=p.yml err="line 1:\\n  \\"x\\" is wrong"\nlevel=INFO msg=end',
            'cannot load: line 1:   "x" is wrong',
        ),
        ("level=ERROR msg=failed err=EOF", "failed: EOF"),
        ("level=ERROR ts=1", "level=ERROR ts=1"),
        ("one\ntwo\nthree\nfour\n", "two\nthree\nfour"),
        ("", "it wrote nothing"),
    ],
)
def test_the_error_is_extracted_from_the_output(output: str, quoted: str) -> None:
    assert extract_error(output) == quoted


def component(tmp_path: Path, program: str, *, deadline_s: float = scaled(30)) -> Component:
    """Return a component that runs a line of Python."""
    command = [sys.executable, "-c", program]
    return Component("it", command, free_port(), "/", tmp_path / "it.log", deadline_s=deadline_s)


def test_the_error_of_a_component_that_ends_is_raised(tmp_path: Path) -> None:
    with pytest.raises(StackError) as raised:
        component(tmp_path, "print('Error: no reason')").start()

    assert str(raised.value) == "it did not start: no reason"


def test_errors_of_an_earlier_run_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "it.log").write_text("Error: of another day\n", encoding="utf-8")

    with pytest.raises(StackError) as raised:
        component(tmp_path, "").start()

    assert str(raised.value) == "it did not start: it wrote nothing"


def test_a_component_that_is_not_ready_in_time_fails(tmp_path: Path) -> None:
    slow = component(tmp_path, "import time; time.sleep(60)", deadline_s=0.1)

    with pytest.raises(StackError) as raised:
        slow.start()

    slow.kill()
    assert str(raised.value) == "it is not ready after 0.1 s: it wrote nothing"


def test_a_component_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    stubborn = component(tmp_path, STUBBORN)
    stubborn.launch()
    while "up" not in stubborn.log.read_text(encoding="utf-8"):
        assert stubborn.running

    stubborn.stop(grace_s=0.1)

    assert not stubborn.running
    assert stubborn.pid is None


def test_a_component_that_was_not_started_can_be_stopped(tmp_path: Path) -> None:
    unstarted = component(tmp_path, "")

    unstarted.stop()

    assert not unstarted.running
