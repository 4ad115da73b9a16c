"""Diversity, coverage and Gini index, compared with naive formulas, and the memory of the windows."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from contextlib import suppress
from random import Random
from weakref import WeakSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon import QualityMonitor
from otel_recmon.stats.quality import (
    COVERAGE_WINDOW,
    DIVERSITY_WINDOW,
    LONGEST_SLATE,
    SlidingCounts,
    Windows,
    coverage,
    diversity,
    gini,
)

Slate = Sequence[Hashable]
SLATES = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=6), max_size=60)


def naive_diversity(slates: Sequence[Slate], universe: int | None = None) -> float:
    """Entropy in bits of the categories of the last 1,000 slates that have any, over its maximum."""
    counts = Counter(category for slate in [s for s in slates if s][-1_000:] for category in slate)
    total = sum(counts.values())
    if len(counts) <= 1:
        return 0.0
    entropy = sum(-(n / total) * math.log2(n / total) for n in counts.values())
    return entropy / math.log2(max(len(counts), universe or 0))


def naive_coverage(slates: Sequence[Slate], size: int) -> float:
    """Distinct items of the last 10,000 slates that have any, over the catalog."""
    distinct = {item for slate in [s for s in slates if s][-10_000:] for item in slate}
    return min(100.0, 100.0 * len(distinct) / size)


class Item:
    """An item that can be referenced weakly."""


def held(window: SlidingCounts) -> int:
    """Return the number of slates in memory."""
    return len(window._added) + len(window._counted)


def naive_gini(counts: Sequence[int], size: int) -> float:
    """Mean absolute difference of all pairs of items, over twice its mean; over its maximum, 1 - 1/n."""
    every = [*counts, *[0] * (size - len(counts))]
    differences = sum(abs(one - other) for one in every for other in every)
    return differences / (2 * size * sum(every)) / (1 - 1 / size)


class TestWindows:
    @given(SLATES, SLATES, st.integers(1, 50), st.one_of(st.none(), st.integers(2, 12)))
    def test_diversity_and_coverage_equal_the_plain_formulas(
        self, items: list[Slate], kinds: list[Slate], size: int, universe: int | None
    ) -> None:
        monitor = QualityMonitor(universe)

        for at in range(max(len(items), len(kinds))):
            monitor.track_recommendations("u", (items[at : at + 1] or [()])[0], (kinds[at : at + 1] or [()])[0])

        assert monitor.calculate_diversity() == pytest.approx(naive_diversity(kinds, universe), abs=1e-12)
        assert monitor.calculate_coverage(size) == pytest.approx(naive_coverage(items, size), abs=1e-9)

    @given(SLATES, st.integers(1, 9), st.sets(st.integers(0, 59)))
    def test_a_window_counts_its_last_slates_whenever_it_is_read(
        self, slates: list[Slate], length: int, reads: set[int]
    ) -> None:
        window = SlidingCounts(length)

        seen = []
        for at, slate in enumerate(slates):
            window.add(tuple(slate))
            if at in reads:
                seen.append((at, dict(window.counts())))

        assert seen == [
            (at, dict(Counter(v for slate in slates[max(0, at + 1 - length) : at + 1] for v in slate)))
            for at, _ in seen
        ]
        assert window.counts() == Counter(v for slate in slates[-length:] for v in slate)

    def test_a_long_run_across_both_windows_equals_the_plain_formulas(self) -> None:
        random = Random(7)
        monitor = QualityMonitor()
        items: list[Slate] = []
        kinds: list[Slate] = []

        wrong = []
        for at in range(1, 12_501):
            drift = at // 500
            items.append([random.randrange(drift * 50, drift * 50 + 400) for _ in range(random.randrange(6))])
            kinds.append([random.choice("abcdefgh"[drift % 5 :]) for _ in range(random.randrange(4))])
            monitor.track_recommendations("u", items[-1], kinds[-1])
            if at in {1, 2, 999, 1_000, 1_001, 1_500, 2_000, 2_001, 9_999, 10_000, 10_001, 10_400, 12_500}:
                got = monitor.calculate_diversity(), monitor.calculate_coverage(5_000)
                want = naive_diversity(kinds), naive_coverage(items, 5_000)
                if got != pytest.approx(want, abs=1e-9):
                    wrong.append((at, got, want))

        assert wrong == []

    def test_a_run_that_is_read_only_at_its_end_equals_the_plain_formulas(self) -> None:
        random = Random(11)
        slates = [[random.randrange(at, at + 300) for _ in range(3)] for at in range(10_700)]
        monitor = QualityMonitor()

        for slate in slates:
            monitor.track_recommendations("u", slate, [item % 7 for item in slate])

        assert monitor.calculate_coverage(20_000) == pytest.approx(naive_coverage(slates, 20_000))
        assert monitor.calculate_diversity() == pytest.approx(
            naive_diversity([[item % 7 for item in slate] for slate in slates])
        )

    def test_the_gini_index_is_that_of_the_last_10_000_slates(self) -> None:
        windows = Windows()
        windows.add(("old",), ())
        for at in range(COVERAGE_WINDOW):
            windows.add((("a", "b", "b")[at % 3], "b"), ())

        counts = windows.items.counts()
        assert windows.gini(4) == pytest.approx(naive_gini([counts["a"], counts["b"]], 4))
        assert Windows().gini(4) is None

    def test_a_slate_without_categories_leaves_the_diversity_as_it_was(self) -> None:
        monitor = QualityMonitor()
        monitor.track_recommendations("u", ["a", "b"], ["x", "y"])

        for _ in range(DIVERSITY_WINDOW + 1):
            monitor.track_recommendations("u", ["a"])

        assert monitor.calculate_diversity() == 1.0

    def test_windows_that_saw_nothing_have_no_value(self) -> None:
        windows = Windows()

        assert (windows.diversity(), windows.coverage(10)) == (None, None)

    @pytest.mark.parametrize("length", [0, -1])
    def test_a_window_without_slates_is_refused(self, length: int) -> None:
        with pytest.raises(ValueError, match=f"a window must hold at least one slate, not {length}"):
            SlidingCounts(length)


class TestMemory:
    @pytest.mark.parametrize("read_every", [13, 700, 10_000, 30_001])
    def test_the_windows_hold_at_most_two_windows_of_slates_however_often_they_are_read(self, read_every: int) -> None:
        windows = Windows()

        largest = (0, 0)
        for at in range(1, 30_001):
            windows.add((at,), (at,))
            if at % read_every == 0:
                windows.diversity()
                windows.coverage(100_000)
            if at % 1_000 == 0:
                largest = max(largest[0], held(windows.items)), max(largest[1], held(windows.categories))

        assert largest[0] <= 2 * COVERAGE_WINDOW
        assert largest[1] <= 2 * DIVERSITY_WINDOW
        assert len(windows.items.counts()) == COVERAGE_WINDOW
        assert len(windows.categories.counts()) == DIVERSITY_WINDOW

    def test_what_is_neither_text_nor_number_is_counted_and_not_held(self) -> None:
        windows = Windows()
        items = [Item(), Item()]
        alive = WeakSet(items)

        windows.add((items[0], items[1], items[0]), ("drama",))
        items.clear()

        assert (len(alive), windows.distinct_items()) == (0, 2)

    def test_values_are_counted_as_what_they_are(self) -> None:
        window = SlidingCounts(10)
        slates = [("a", "b"), ("a\0b",), ("",), ("\udce4",), ("1", 1, -1, -2, 2**70, 0.5, None, ("a", 1))]

        for slate in slates:
            window.add(slate)
            window.add(slate)

        assert window.counts() == Counter(value for slate in slates for value in slate * 2)

    def test_only_the_first_thousand_items_of_a_slate_enter_the_windows(self) -> None:
        windows = Windows()

        windows.add(tuple(range(5_000)), tuple(range(5_000)))

        assert len(windows.items.counts()) == LONGEST_SLATE == 1_000
        assert len(windows.categories.counts()) == LONGEST_SLATE


class TestFormulas:
    @pytest.mark.parametrize(
        ("counts", "universe", "expected"),
        [
            pytest.param({}, None, 0.0, id="no category at all"),
            pytest.param({"drama": 9}, None, 0.0, id="a single category"),
            pytest.param({"drama": 9}, 8, 0.0, id="a single category of eight that exist"),
            pytest.param({"a": 3, "b": 3}, None, 1.0, id="two, equally often"),
            pytest.param({"a": 3, "b": 3}, 4, 0.5, id="two of four that exist, equally often"),
            pytest.param({"a": 1, "b": 1, "c": 1, "d": 1}, 2, 1.0, id="more than were said to exist"),
            pytest.param({"a": 3, "b": 1}, None, 0.8112781244591328, id="three to one"),
        ],
    )
    def test_diversity_is_entropy_over_its_maximum(
        self, counts: dict[Hashable, int], universe: int | None, expected: float
    ) -> None:
        assert diversity(counts, universe) == pytest.approx(expected)

    @given(st.dictionaries(st.text(max_size=3), st.integers(1, 10**9)), st.one_of(st.none(), st.integers(2, 99)))
    def test_diversity_is_always_between_0_and_1(self, counts: dict[Hashable, int], universe: int | None) -> None:
        assert 0.0 <= diversity(counts, universe) <= 1.0

    @pytest.mark.parametrize(("distinct", "size", "percent"), [(0, 5, 0.0), (1, 8, 12.5), (8, 8, 100.0), (9, 8, 100.0)])
    def test_coverage_is_a_percentage_of_the_catalog(self, distinct: int, size: int, percent: float) -> None:
        assert coverage(distinct, size) == percent

    @pytest.mark.parametrize("size", [0, -1])
    def test_a_catalog_without_items_is_refused(self, size: int) -> None:
        with pytest.raises(ValueError, match=f"a catalog must have at least one item, not {size}"):
            QualityMonitor().calculate_coverage(size)

    @given(st.lists(st.integers(1, 1_000), min_size=1, max_size=20), st.integers(0, 30))
    def test_gini_is_half_the_relative_mean_difference_of_all_items_of_the_catalog(
        self, counts: list[int], unseen: int
    ) -> None:
        size = max(2, len(counts) + unseen)

        assert gini(counts, size) == pytest.approx(naive_gini(counts, size), abs=1e-12)

    @pytest.mark.parametrize(
        ("counts", "size", "expected"),
        [
            pytest.param([5, 5, 5], 3, 0.0, id="all equally often"),
            pytest.param([9], 3, 1.0, id="always the same"),
            pytest.param([1, 1], 4, 2 / 3, id="half of the catalog, equally often"),
            pytest.param([1, 1, 1], 2, 0.0, id="more than the catalog is said to have"),
            pytest.param([9], 1, None, id="a catalog of one item"),
            pytest.param([], 9, None, id="nothing recommended"),
        ],
    )
    def test_gini_counts_items_that_were_never_recommended(
        self, counts: list[int], size: int, expected: float | None
    ) -> None:
        found = gini(counts, size)

        assert found == expected if expected is None else found == pytest.approx(expected)


class TestMonitor:
    def test_a_monitor_that_saw_nothing_reads_zero(self) -> None:
        monitor = QualityMonitor()

        assert (monitor.calculate_diversity(), monitor.calculate_coverage(10)) == (0.0, 0.0)

    def test_slates_may_be_any_iterable(self) -> None:
        monitor = QualityMonitor()

        monitor.track_recommendations("u", (str(n) for n in range(4)), iter("xy"))

        assert (monitor.calculate_diversity(), monitor.calculate_coverage(8)) == (1.0, 50.0)

    @pytest.mark.parametrize("universe", [1, 0, -3])
    def test_a_universe_of_fewer_than_two_categories_is_refused(self, universe: int) -> None:
        with pytest.raises(ValueError, match=f"category_universe must be at least 2, not {universe}"):
            QualityMonitor(universe)

    def test_an_item_that_cannot_be_told_apart_does_not_spoil_later_readings(self) -> None:
        monitor = QualityMonitor()

        with suppress(TypeError, ValueError):  # to refuse it at once is as good
            monitor.track_recommendations("u", [{"id": 1}], [["drama"]])  # type: ignore[list-item]
        monitor.track_recommendations("u", ["a", "b"], ["x", "y"])

        assert (monitor.calculate_diversity(), monitor.calculate_coverage(4)) == (1.0, 50.0)

    def test_the_examples_in_the_docstring_are_true(self) -> None:
        monitor = QualityMonitor()

        monitor.track_recommendations("user-1", ["a", "b"], ["drama", "comedy"])

        assert (monitor.calculate_diversity(), monitor.calculate_coverage(catalog_size=8)) == (1.0, 25.0)
