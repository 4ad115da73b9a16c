from io import StringIO

from rich.console import Console

from otel_recmon import catalog
from otel_recmon.demo.replay import Progress
from otel_recmon.demo.scrape import parse_exposition
from otel_recmon.demo.view import Live, view
from tests.unit.demo.exported import exported, sample, series

NOTHING = parse_exposition("")
TOP = "http://127.0.0.1:9464/metrics"


def _written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_line_is_printed_at_the_start_and_after_each_tenth() -> None:
    console = Console(file=StringIO(), width=100)

    with view(console, 2_000, TOP) as lines:
        for sent in (0, 199, 200, 250, 1_000, 2_000, 2_000):
            lines.show(Progress(2_000, sent, clicks=3, conversions=1), NOTHING)

    assert _written(console).split("\n") == [
        "  0 %  0 slates, 3 clicks, 1 conversions sent",
        " 10 %  200 slates, 3 clicks, 1 conversions sent",
        " 50 %  1,000 slates, 3 clicks, 1 conversions sent",
        "100 %  2,000 slates, 3 clicks, 1 conversions sent",
        "",
    ]


def _terminal() -> Console:
    return Console(file=StringIO(), width=100, force_terminal=True, color_system=None)


def test_a_terminal_shows_the_screen_of_top_and_the_progress() -> None:
    console, slates = _terminal(), sample()
    page = exported(slates) + series(catalog.BUILD_INFO, 1)

    with view(console, len(slates), TOP) as screen:
        screen.show(Progress(len(slates), slates=100), parse_exposition(page))

    assert isinstance(screen, Live)
    last = [line.split() for line in _written(console).split("\n")]
    assert ["otel-recmon", "top", TOP, "since", "the", "process", "started"] in last
    assert ["bts-2019.11", "-", "0", "%", "2.28", "%", "1.31-3.99", "%", "25.0", "%", "-"] in last
    assert f" 100/{len(slates)} " in _written(console)


def test_a_terminal_shows_the_progress_before_the_first_metrics() -> None:
    console = _terminal()

    with view(console, 20, TOP) as screen:
        screen.show(Progress(20, slates=10), NOTHING)

    assert "10/20" in _written(console)
