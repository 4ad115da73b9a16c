import math

import pytest

from otel_recmon.top import format as write


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.0, "0"), (0.004, "0.00"), (4.567, "4.57"), (45.67, "45.7"), (4567.8, "4,568")]
)
def test_a_number_has_three_digits_that_count(value: float | None, text: str) -> None:
    assert write.number(value) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (write.whole(1234567.0), "1,234,567"),
        (write.money(1234.5), "1,234.50"),
        (write.share(0.0123), "1.23 %"),
        (write.percent(91.25), "91.2 %"),
        (write.between(0.0123, 0.0456), "1.23-4.56 %"),
        (write.between(-1e-18, 0.0456), "0-4.56 %"),
        (write.latency(0.0034), "3.4 ms"),
        (write.latency(0.0456), "46 ms"),
        (write.latency(1.234), "1.23 s"),
        (write.age(30.04), "30.0 h"),
        (write.fraction(0.93456), "0.935"),
        (write.time(0.2), "0 s"),
        (write.time(59.6), "1 min"),
        (write.time(3_725.0), "1 h 2 min 5 s"),
    ],
)
def test_a_figure_is_written_in_its_unit(written: str, text: str) -> None:
    assert written == text


@pytest.mark.parametrize(
    "write_it", [write.whole, write.money, write.share, write.percent, write.latency, write.age, write.fraction]
)
def test_what_nobody_knows_is_a_dash(write_it: write.Write) -> None:
    assert (write_it(None), write.between(None, 1.0)) == ("-", "-")


def test_bars_are_as_high_as_the_share_of_the_highest_and_gaps_stay() -> None:
    assert write.spark([9.0, 0.0, 1.0, math.nan, 3.0, 7.0], 5) == "▁▂ ▄█"
    assert write.spark([0.0, 0.0], 5) == "▁▁"
    assert write.spark([math.nan], 5) == " "


@pytest.mark.parametrize(
    ("shares", "cells"),
    [
        ({"served": 0.9, "partial": 0.1}, {"served": 18, "partial": 2}),
        ({"served": 0.9999, "error": 0.0001, "empty": 0.0}, {"served": 19, "error": 1}),
        ({"served": 1 / 3, "partial": 1 / 3, "error": 1 / 3}, {"served": 6, "partial": 7, "error": 7}),
        ({}, {}),
    ],
)
def test_a_bar_is_full_and_shows_whatever_there_is(shares: dict[str, float], cells: dict[str, int]) -> None:
    assert write.cells(shares, 20) == cells


def test_what_others_chose_does_not_reach_the_terminal_as_an_order() -> None:
    assert write.printable("v1\x1b[2J\r\n") == "v1\N{REPLACEMENT CHARACTER}[2J" + 2 * "\N{REPLACEMENT CHARACTER}"
