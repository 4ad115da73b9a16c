"""Formats of figures, with marks for unknown values and for lower bounds."""

import math

from otel_recmon.report.histogram import Histogram
from otel_recmon.report.text import UNKNOWN, decimal, interval, milliseconds, number, percentile, share, with_share
from otel_recmon.stats.intervals import Rate

SLOW = Histogram(((5.0, 10.0), (math.inf, 20.0)), 200.0)


def test_what_is_not_known_is_no_number() -> None:
    unknown = (number(None), decimal(None), share(None), interval(None), with_share(None, None), milliseconds(math.nan))

    assert {*unknown, percentile(Histogram(), 0.5)} == {UNKNOWN}


def test_figures_have_their_units() -> None:
    assert (number(1234567), decimal(1234.5, 1, " h")) == ("1,234,567", "1,234.5 h")
    assert (share(Rate(1, 3)), with_share(5, Rate(1, 4))) == ("33.33%", "5 (25.00%)")
    assert interval(Rate(10, 100)) == "5.52% to 17.44%"


def test_a_percentile_beyond_the_last_bucket_is_only_known_to_be_greater() -> None:
    assert (percentile(SLOW, 0.5), percentile(SLOW, 0.99)) == ("5,000.0 ms", "> 5,000.0 ms")
