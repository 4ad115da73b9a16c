"""The Dockerfile, as far as it can be tested without an engine."""

import json
import re
from pathlib import Path

import pytest

from otel_recmon.demo import launch
from otel_recmon.stack.ports import LOOPBACK
from tests.composed import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COPIED = [source for line in re.findall(r"^COPY (?!--from)(.*)$", TEXT, re.MULTILINE) for source in line.split()[:-1]]
KEPT = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[0] == "!"]


def pyproject() -> str:
    """The project's description."""
    return (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    """The versions that a file of requirements pins."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@pytest.mark.parametrize("source", COPIED)
def test_what_it_copies_exists_and_is_not_ignored(source: str) -> None:
    assert (ROOT / source).exists()
    assert any(Path(source).is_relative_to(path) for path in KEPT)


def test_nothing_is_kept_that_it_does_not_copy() -> None:
    assert set(KEPT) <= set(COPIED)
    assert "\n*\n" in (ROOT / ".dockerignore").read_text(encoding="utf-8")


def test_it_runs_as_nobody_special() -> None:
    assert re.findall(r"^USER (\w+)$", TEXT, re.MULTILINE) == ["recmon"]


def test_it_serves_the_recommender_as_the_native_demo_does() -> None:
    (command,) = re.findall(r"^CMD (.*)$", TEXT, re.MULTILINE)
    instrument, server, app, _, _, *options = launch.command(8000)  # but for the app's folder, which the image is in
    native = [Path(instrument).name, Path(server).name, app, *options]

    assert json.loads(command) == ["0.0.0.0" if part == LOOPBACK else part for part in native]


def test_its_python_is_one_that_is_supported() -> None:
    versions = set(re.findall(r"^FROM python:(\d+\.\d+)-", TEXT, re.MULTILINE))
    (first, last) = re.findall(r'requires-python = ">=(\d+\.\d+),<(\d+\.\d+)"', pyproject())[0]

    assert len(versions) == 1
    assert _number(first) <= _number(*versions) < _number(last)


def test_it_installs_what_the_tests_run() -> None:
    tested, installed = (pins(name) for name in ("dev", "image"))

    assert installed.items() <= tested.items()
    assert {"aiohttp", "hatchling", "opentelemetry-exporter-otlp-proto-http", "uvicorn"} <= installed.keys()
