import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otel_recmon.cli.group import group


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restore the signal handlers after each test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def called(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["top", *arguments])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give either the URL of a metrics page or --prometheus URL"),
        (["http://127.0.0.1:9", "--prometheus", "http://127.0.0.1:9"], "give either the URL of a metrics page"),
        (["http://127.0.0.1:9", "--once", "--count", "2"], "--once is the same as --count 1: remove one of them"),
        (["http://127.0.0.1:9", "--interval", "0.1"], "0.1 is not in the range x>=0.2"),
        (["http://127.0.0.1:9"], "cannot be reached; is the service running, and is this its page of metrics?"),
        (["nonsense"], "nonsense cannot be reached"),
        (["--prometheus", "http://127.0.0.1:9", "--once"], "http://127.0.0.1:9 cannot be reached"),
    ],
)
def test_what_cannot_run_says_what_to_do(arguments: list[str], words: str) -> None:
    result = called(*arguments)

    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[alerts.CtrLow]\nthreshhold = 1\n", "did you mean alerts.CtrLow.threshold?"),
        ("[alerts", "Expected ']' at the end of a table declaration"),
    ],
)
def test_thresholds_that_cannot_be_used_say_where(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "recmon.toml"
    file.write_text(text, encoding="utf-8")

    result = called("http://127.0.0.1:9", "--alerts", str(file))

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_help_has_examples() -> None:
    assert "otel-recmon top --prometheus http://localhost:9090 --job shop" in called("--help").output
