"""A percentile of which only a lower bound is known can be seen as such."""

import math

from otel_recmon.formatting import UNKNOWN
from otel_recmon.report.figures import Figures
from otel_recmon.report.histogram import Histogram
from otel_recmon.report.text import interval, percentile, rows
from otel_recmon.stats.intervals import Rate

SLOW = Histogram(((5.0, 10.0), (math.inf, 20.0)), 200.0)


def test_what_is_not_known_is_no_number() -> None:
    assert {cell(Figures()) for _, cell in rows("USD")} == {UNKNOWN}
    assert {percentile(Histogram(), 0.5), interval(None)} == {UNKNOWN}


def test_the_interval_of_a_share_is_that_of_wilson() -> None:
    assert interval(Rate(10, 100)) == "5.52-17.44 %"


def test_a_percentile_beyond_the_last_bucket_is_only_known_to_be_greater() -> None:
    assert (percentile(SLOW, 0.5), percentile(SLOW, 0.99)) == ("5.00 s", "> 5.00 s")
