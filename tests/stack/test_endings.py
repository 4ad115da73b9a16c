"""A command ends with a code that says how it went, whatever happens to its output."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import web
from tests.stack.filled import EXAMPLE
from tests.stack.serving import RECMON, serving

COMMAND = [sys.executable, "-c", "from otel_recmon.cli import main; main()"]
CANNOT_RUN, PIPE_CLOSED = 2, 141
DEMO = ("demo", "--rows", "300")
FULL = "otel-recmon: No space left on device\n"


def ended(*arguments: str, stdout: int, **variables: str) -> tuple[int, str]:
    """The exit code of a command with this output, and everything that it said on stderr."""
    with tempfile.TemporaryFile("w+") as said:
        code = subprocess.run(
            [*COMMAND, *arguments], stdout=stdout, stderr=said, env=os.environ | variables, check=False
        ).returncode
        said.seek(0)
        return code, said.read()


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    with serving("service:app", RECMON | {"OTEL_SERVICE_NAME": "films"}, folder=EXAMPLE) as service:
        web.get(f"{service.url}/recommendations/ann").raise_for_status()
        yield f"{service.url}/metrics"


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.fixture
def full_disk() -> Iterator[int]:
    with Path("/dev/full").open("w") as file:
        yield file.fileno()


@pytest.mark.parametrize("arguments", [DEMO, ("export", "--print-defaults"), ("--help",), ("doctor", "--json")])
def test_a_closed_pipe_ends_a_command_as_it_ends_others(arguments: tuple[str, ...], closed_pipe: int) -> None:
    assert ended(*arguments, stdout=closed_pipe) == (PIPE_CLOSED, "")


def test_a_closed_pipe_is_no_crossed_threshold(page: str, closed_pipe: int) -> None:
    assert ended("top", page, "--once", stdout=closed_pipe) == (PIPE_CLOSED, "")


@pytest.mark.parametrize("arguments", [DEMO, ("export", "--print-defaults"), ("doctor",)])
def test_a_full_disk_is_said_without_a_traceback(arguments: tuple[str, ...], full_disk: int) -> None:
    assert ended(*arguments, stdout=full_disk) == (CANNOT_RUN, FULL)


def test_a_full_disk_is_no_crossed_threshold(page: str, full_disk: int) -> None:
    assert ended("top", page, "--once", stdout=full_disk) == (CANNOT_RUN, FULL)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_every_encoding_can_be_printed(page: str, encoding: str, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        assert ended("top", page, "--once", stdout=out.fileno(), PYTHONIOENCODING=encoding) == (0, "")

    assert "requests" in (tmp_path / "out").read_text(encoding)


def test_a_folder_that_cannot_be_written_is_named() -> None:
    code, said = ended("export", "--out", "/proc/nowhere", stdout=subprocess.DEVNULL)

    assert (code, said) == (CANNOT_RUN, "otel-recmon export: /proc/nowhere: No such file or directory\n")
