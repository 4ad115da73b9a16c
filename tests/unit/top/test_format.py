import math

import pytest

from otel_recmon.top import format as write


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
