import json
from collections.abc import Callable, Iterable
from io import StringIO
from itertools import chain, repeat

import pytest
from rich.console import Console

from otel_recmon.errors import RecmonError
from otel_recmon.query.sources import MetricsPage, PageError
from otel_recmon.top.follow import Pace, follow
from otel_recmon.top.reading import Reading, Watch
from tests.unit.conftest import Clock
from tests.unit.top.recorded import EARLY, LATER, RULES, URL, text

Printed = tuple[str, Reading]
GONE = PageError("the service is gone")


def fetching(pages: Iterable[str | Exception]) -> Callable[[str], str]:
    found = iter(pages)

    def fetch(_: str) -> str:
        page = next(found)
        if isinstance(page, Exception):
            raise page
        return page

    return fetch


def followed(clock: Clock, pages: Iterable[str | Exception], count: int, *, as_json: bool = False) -> Printed:
    """Return the output of a number of readings, two seconds apart."""
    console = Console(file=StringIO(), width=80)
    watch = Watch(MetricsPage(URL, 300.0, 2.0, fetching(pages), clock), RULES)

    def sleep(seconds: float) -> None:
        clock.now += seconds

    last = follow(watch, RULES, Pace(2.0, count, sleep, clock), console, as_json=as_json)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue(), last


def test_each_look_is_a_block_without_control_codes(clock: Clock) -> None:
    printed, last = followed(clock, [text(EARLY), text(LATER), text(LATER)], 3)

    assert printed.count("model version  ") == 2 * 3
    assert "\x1b" not in printed
    assert last.lookback.seconds == 4.0


def test_each_look_is_a_line_of_json(clock: Clock) -> None:
    printed, _ = followed(clock, [text(EARLY), text(LATER)], 2, as_json=True)

    found = [json.loads(line) for line in printed.splitlines()]
    assert [one["period"] for one in found] == [
        {"seconds": found[0]["period"]["seconds"], "since_start": True},
        {"seconds": 2.0, "since_start": False},
    ]


def test_a_page_that_goes_away_is_told_with_since_when_and_comes_back(clock: Clock) -> None:
    printed, last = followed(clock, [text(EARLY), GONE, GONE, text(LATER)], 4)

    assert [line for line in printed.splitlines() if "no answer" in line] == [
        "no answer since 2 s: the service is gone",
        "no answer since 4 s: the service is gone",
    ]
    assert last.lookback.seconds == 6.0


def test_a_page_that_goes_away_is_told_in_json(clock: Clock) -> None:
    printed, _ = followed(clock, [text(EARLY), GONE], 2, as_json=True)

    assert json.loads(printed.splitlines()[1]) == {
        "at": "2027-01-15T08:00:02.000+00:00",
        "source": URL,
        "error": "no answer since 2 s: the service is gone",
    }


@pytest.mark.parametrize("first", [GONE, "nothing 1\n", "<html>"])
def test_what_cannot_be_read_at_first_is_an_error(clock: Clock, first: str | Exception) -> None:
    with pytest.raises(RecmonError):
        followed(clock, repeat(first), 2)


def test_a_page_that_has_nothing_of_ours_any_more_is_no_reason_to_end(clock: Clock) -> None:
    printed, _ = followed(clock, chain([text(EARLY)], repeat("other_total 1\n")), 2)

    assert "no answer since 2 s: http://localhost:9464/metrics has no series of otel-recmon" in printed
