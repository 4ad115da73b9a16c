import math

import pytest

from otel_recmon import formatting as write

KINDS = (
    write.count,
    write.number,
    write.fraction,
    write.money,
    write.share,
    write.short_share,
    write.percent,
    write.latency,
    write.age,
)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.004, "0.00"), (4.567, "4.57"), (45.67, "45.7"), (4567.8, "4,568")]
)
def test_a_number_has_three_digits_that_count(value: float, text: str) -> None:
    assert write.number(value) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (write.count(1234567.0), "1,234,567"),
        (write.fraction(0.93456), "0.935"),
        (write.money(1234.5), "1,234.50"),
        (write.money(0.19554, 4), "0.1955"),
        (write.share(0.11556), "11.56 %"),
        (write.short_share(0.11556), "11.6 %"),
        (write.percent(91.25), "91.2 %"),
        (write.interval(0.0123, 0.1456), "1.23-14.56 %"),
        (write.short_interval(0.0123, 0.1456), "1.23-14.6 %"),
        (write.short_interval(-1e-18, 0.0456), "0-4.56 %"),
        (write.points(-0.0024), "0.24 points"),
        (write.signed_interval(-0.0077, 0.003), "-0.77 to +0.30"),
        (write.latency(0.0034), "3.4 ms"),
        (write.latency(0.0456), "46 ms"),
        (write.latency(1.234), "1.23 s"),
        (write.latency_between(0.0, 0.01), "< 10 ms"),
        (write.latency_between(0.01, 0.05), "10-50 ms"),
        (write.latency_between(0.5, 1.0), "500 ms-1.00 s"),
        (write.latency_between(5.0, math.inf), "> 5.00 s"),
        (write.age(30.04), "30.0 h"),
        (write.elapsed(0.2), "0 s"),
        (write.elapsed(59.6), "1 min"),
        (write.elapsed(3_725.0), "1 h 2 min 5 s"),
        (write.long_ago(-1), "0 seconds"),
        (write.long_ago(100), "100 seconds"),
        (write.long_ago(600), "10 minutes"),
        (write.long_ago(7200), "2 hours"),
        (write.long_ago(2e5), "2 days"),
    ],
)
def test_each_kind_of_number_is_written_in_its_unit(written: str, text: str) -> None:
    assert written == text


def test_an_unknown_number_is_a_dash() -> None:
    assert {text(value) for text in KINDS for value in (None, math.nan)} == {write.UNKNOWN}
    assert {write.interval(None, 1.0), write.interval(math.nan, 1.0), write.short_interval(0.0, None)} == {"-"}
