from io import StringIO

from rich.console import Console

from otel_recmon.demo.replay import Progress
from otel_recmon.demo.scrape import parsed
from otel_recmon.demo.view import Screen, view
from tests.unit.demo.exported import exported, sample

NOTHING = parsed("")


def _written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_line_is_printed_at_the_start_and_whenever_another_tenth_is_sent() -> None:
    console = Console(file=StringIO(), width=100)

    with view(console, 2_000) as lines:
        for sent in (0, 199, 200, 250, 1_000, 2_000, 2_000):
            lines.show(Progress(2_000, sent, clicks=3, conversions=1), NOTHING)

    assert _written(console).split("\n") == [
        "  0 %  0 slates, 3 clicks, 1 conversions sent",
        " 10 %  200 slates, 3 clicks, 1 conversions sent",
        " 50 %  1,000 slates, 3 clicks, 1 conversions sent",
        "100 %  2,000 slates, 3 clicks, 1 conversions sent",
        "",
    ]


def test_a_terminal_shows_what_the_metrics_say_now_and_how_far_it_is() -> None:
    console = Console(file=StringIO(), width=100, force_terminal=True, color_system=None)
    slates = sample()

    with view(console, len(slates)) as screen:
        screen.show(Progress(len(slates), slates=100), parsed(exported(slates)))

    assert isinstance(screen, Screen)
    last = [line.split() for line in _written(console).split("\n")]
    assert ["bts-2019.11", "526", "1,510", "12", "2.28", "%", "3", "$212.04"] in last
    assert [line[-2] for line in last if line[:2] == ["slates", "sent"]][-1] == f"100/{len(slates)}"
