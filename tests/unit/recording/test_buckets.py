"""A user's bucket: always the same, evenly filled, and another one in another experiment."""

from collections import Counter
from collections.abc import Iterable
from itertools import product

import pytest

from otel_recmon.recording.experiments import bucket

USERS = range(32_000)
UNLIKELY = {31: 69.2, 1023: 1200.0}
"""What chi-squared exceeds once in ten thousand times by chance, by its degrees of freedom."""


def uneven(counts: Counter[int], cells: Iterable[int]) -> float:
    """Chi-squared of counts against as many in each cell."""
    cells = list(cells)
    expected = counts.total() / len(cells)
    return sum((counts[cell] - expected) ** 2 / expected for cell in cells)


def test_a_bucket_is_the_same_in_every_version_of_this_library() -> None:
    found = [bucket(experiment, user) for experiment, user in product(("ranker", "größe"), ("jane", "0", "\udc80"))]

    assert found == [15, 6, 19, 8, 16, 11]


@pytest.mark.parametrize("user", [7, "7", 7.0, " 7 "])
def test_the_same_user_is_in_the_same_bucket_however_the_id_is_written(user: object) -> None:
    assert bucket("ranker", user) == bucket("ranker", "7")


def test_users_fill_all_buckets_evenly() -> None:
    assert uneven(Counter(bucket("ranker", user) for user in USERS), range(32)) < UNLIKELY[31]


def test_the_buckets_of_two_experiments_are_independent() -> None:
    both = Counter(32 * bucket("ranker", user) + bucket("layout", user) for user in USERS)

    assert uneven(both, range(32 * 32)) < UNLIKELY[1023]


@pytest.mark.parametrize("user", [None, "", " ", True, 0.5, [1], {"id": 1}])
def test_without_a_user_the_bucket_is_drawn(user: object) -> None:
    drawn = Counter(bucket("ranker", user) for _ in range(6_400))

    assert sorted(drawn) == list(range(32))
    assert uneven(drawn, range(32)) < 110  # exceeded once in a thousand million times
