import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from otel_recmon.cli.demo import Speed
from otel_recmon.cli.group import group

WITHOUT = """
import sys
sys.modules[{module!r}] = None
from otel_recmon.cli import main
main()
"""


def _without(module: str, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-c", WITHOUT.format(module=module), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_the_commands_are_listed_with_their_descriptions() -> None:
    result = CliRunner().invoke(group, ["--help"])

    assert result.exit_code == 0
    assert re.search(r"\n  demo +Replay real traffic through a recommender", result.output)
    assert re.search(r"\n  export +Write dashboards, alerts and configurations with your settings\.\n", result.output)


def test_without_the_cli_extra_the_pip_command_is_printed() -> None:
    assert _without("click") == (
        1,
        "otel-recmon: click is not installed; run: pip install 'otel-recmon[cli]'\n",
    )


def test_without_the_demo_extra_the_pip_command_is_printed() -> None:
    assert _without("aiohttp", "demo", "--rows", "5") == (
        2,
        "otel-recmon demo: aiohttp is not installed; run: pip install 'otel-recmon[demo]'\n",
    )


def test_a_missing_extra_does_not_hide_the_help() -> None:
    assert _without("aiohttp", "--help") == (0, "")


def test_an_unknown_command_is_refused() -> None:
    assert CliRunner().invoke(group, ["dema"]).exit_code == 2


@pytest.mark.parametrize(("text", "speed"), [("max", 0.0), ("0", 0.0), ("10080", 10_080.0), ("0.5", 0.5)])
def test_speed_is_max_or_a_number(text: str, speed: float) -> None:
    assert Speed().convert(text, None, None) == speed


@pytest.mark.parametrize("text", ["-1", "fast", "nan", "inf", ""])
def test_any_other_speed_is_refused_with_the_expected_form(text: str) -> None:
    result = CliRunner().invoke(group, ["demo", "--speed", text])

    assert result.exit_code == 2
    assert f"{text!r} is neither 'max' nor a number of at least 0." in result.output
