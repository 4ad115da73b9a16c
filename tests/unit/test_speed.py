"""The measured speed of the machine, and that no test has a time-out of its own."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import speed

TESTS = Path(__file__).parents[1]
WAITING = ("wait", "communicate", "join")
SHORT_S = 1
"""Tests of time-outs use literal values below this many seconds."""


@pytest.fixture(autouse=True)
def _measured_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(speed.OVERRIDE, raising=False)
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "2")
    speed.slowness.cache_clear()
    yield
    speed.slowness.cache_clear()


@pytest.mark.parametrize(
    ("times", "processors", "slowness", "stretch", "minute"),
    [
        (0.5, {0, 1}, 1, 1, 60),
        (1.2, {0, 1}, 1.2, 1, 72),
        (1, {0}, 2, 2, 120),
        (2, {0}, 4, 4, 240),
        (1.5, {0, 1, 2, 3}, 1.5, 2, 120),
    ],
)
def test_deadlines_and_stories_grow_with_a_slow_processor_and_with_missing_ones(
    times: float, processors: set[int], slowness: float, stretch: int, minute: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "_round", lambda: times * speed.USUAL_S)
    monkeypatch.setattr(speed, "os", SimpleNamespace(environ=os.environ, sched_getaffinity=lambda _: processors))
    monkeypatch.setattr(speed, "QUOTA", Path("/nowhere"))

    assert (speed.slowness(), speed.stretch_factor(), speed.scaled(60)) == pytest.approx((slowness, stretch, minute))


@pytest.mark.parametrize(("text", "processors"), [("max 100000\n", 2), ("50000 100000\n", 0.5), ("400000 100000\n", 2)])
def test_the_quota_of_a_container_counts(
    text: str, processors: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(text)
    monkeypatch.setattr(speed, "QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(speed, "os", SimpleNamespace(environ=os.environ, sched_getaffinity=lambda _: {0, 1}))

    assert speed.processors() == processors


def test_a_variable_replaces_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(speed.OVERRIDE, "3.5")

    assert (speed.slowness(), speed.stretch_factor()) == (3.5, 4)


def test_a_condition_that_is_never_true_fails_with_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(speed.OVERRIDE, "2")

    with pytest.raises(AssertionError, match=r"still \[\] after 0.2 s"):
        speed.eventually(list, 0.1)


def test_a_condition_that_becomes_true_is_returned() -> None:
    values = iter(["", "", "there"])

    assert speed.eventually(lambda: next(values)) == "there"


def test_every_time_out_of_a_test_scales() -> None:
    found = [
        f"{file.relative_to(TESTS)}:{node.lineno}"
        for file in TESTS.rglob("*.py")
        if "services" not in file.parts
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and any(seconds > SHORT_S for seconds in _literal_time_outs(node))
    ]

    assert found == []


def _literal_time_outs(call: ast.Call) -> Iterator[float]:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "timeout"]
    if isinstance(call.func, ast.Attribute) and call.func.attr in WAITING:
        given += call.args
    for value in given:
        if isinstance(value, ast.Constant) and isinstance(value.value, int | float):
            yield value.value
