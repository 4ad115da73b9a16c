"""What is quoted of a component that failed, and how one is stopped."""

import sys
from pathlib import Path

import pytest

from otel_recmon.stack import Component, StackError
from otel_recmon.stack.component import quote
from otel_recmon.stack.ports import free
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
def test_the_error_is_quoted(output: str, quoted: str) -> None:
    assert quote(output) == quoted


def component(tmp_path: Path, program: str, *, deadline_s: float = scaled(30)) -> Component:
    """A component that is a line of Python."""
    command = [sys.executable, "-c", program]
    return Component("it", command, free(), "/", tmp_path / "it.log", deadline_s=deadline_s)


def test_one_that_ends_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(StackError) as raised:
        component(tmp_path, "print('Error: no reason')").start()

    assert str(raised.value) == "it did not start: no reason"


def test_only_what_it_wrote_since_it_was_started_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "it.log").write_text("Error: of another day\n", encoding="utf-8")

    with pytest.raises(StackError) as raised:
        component(tmp_path, "").start()

    assert str(raised.value) == "it did not start: it wrote nothing"


def test_one_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    slow = component(tmp_path, "import time; time.sleep(60)", deadline_s=0.1)

    with pytest.raises(StackError) as raised:
        slow.start()

    slow.kill()
    assert str(raised.value) == "it is not ready after 0.1 s: it wrote nothing"


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    stubborn = component(tmp_path, STUBBORN)
    stubborn.launch()
    while "up" not in stubborn.log.read_text(encoding="utf-8"):
        assert stubborn.running

    stubborn.stop(grace_s=0.1)

    assert not stubborn.running
    assert stubborn.pid is None


def test_one_that_was_not_started_can_be_stopped(tmp_path: Path) -> None:
    unborn = component(tmp_path, "")

    unborn.stop()

    assert not unborn.running
