"""The usable items, scores, categories, positions and outcome of a slate; the rest is counted as dropped."""

import math
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon import catalog
from otel_recmon.recording.slate import (
    MOST_ITEMS,
    flat_categories,
    position_indexes,
    top_score,
    usable_items,
    usable_outcome,
)
from otel_recmon.safety import Faults
from otel_recmon.values import UNKNOWN_INDEX

NAN, INF = math.nan, math.inf
ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**64), 2**64),
        st.floats(),
        st.text(max_size=8),
        st.binary(max_size=4),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


class TestItems:
    @pytest.mark.parametrize(
        ("item_ids", "usable", "dropped"),
        [
            pytest.param(["a", "b"], (("a", "b"), 2), {}, id="a list of texts"),
            pytest.param((1, 2, 2), ((1, 2, 2), 3), {}, id="a tuple with an item twice"),
            pytest.param(deque(["a"]), (("a",), 1), {}, id="another sequence"),
            pytest.param(iter("ab"), (("a", "b"), 2), {}, id="an iterator"),
            pytest.param([], ((), 0), {}, id="an empty list"),
            pytest.param([None, "a"], ((None, "a"), 2), {}, id="a missing id"),
            pytest.param("abc", ((), 0), {"items_invalid": 1}, id="a text is not a list"),
            pytest.param(b"abc", ((), 0), {"items_invalid": 1}, id="bytes are not a list"),
            pytest.param(None, ((), 0), {"items_invalid": 1}, id="None"),
            pytest.param(7, ((), 0), {"items_invalid": 1}, id="a number"),
            pytest.param([{"id": 1}, {"id": 2}], ((), 2), {"items_invalid": 1}, id="objects count but are not ids"),
            pytest.param(["a", ["b"]], ((), 2), {"items_invalid": 1}, id="a list among the ids"),
            pytest.param(
                range(MOST_ITEMS + 1),
                (tuple(range(MOST_ITEMS)), MOST_ITEMS),
                {"slate_too_long": 1},
                id="more items than the limit",
            ),
        ],
    )
    def test_usable_items_are_their_ids_and_their_number(
        self, item_ids: object, usable: tuple[tuple[object, ...], int], dropped: dict[str, int]
    ) -> None:
        faults = Faults()

        found = usable_items(item_ids, faults)

        assert (found, faults.dropped) == (usable, dropped)

    @given(ANYTHING)
    def test_items_never_raise(self, value: object) -> None:
        ids, length = usable_items(value, Faults())

        assert len(ids) in (0, length)


class TestScores:
    @pytest.mark.parametrize(
        ("scores", "top", "dropped"),
        [
            pytest.param([0.2, 0.9, 0.4], 0.9, {}, id="highest"),
            pytest.param((1, 3, 2), 3.0, {}, id="whole numbers"),
            pytest.param(range(4), 3.0, {}, id="a range"),
            pytest.param([], None, {}, id="an empty list"),
            pytest.param([-2.0, 0.0], 0.0, {}, id="zero is the lowest recorded score"),
            pytest.param([-2.0, -1.5], None, {"score_invalid": 1}, id="only negative scores"),
            pytest.param([0.2, NAN], 0.2, {"score_invalid": 1}, id="NaN is left out"),
            pytest.param([NAN, 0.2], 0.2, {"score_invalid": 1}, id="a leading NaN is left out"),
            pytest.param([INF, 0.2, -INF], 0.2, {"score_invalid": 1}, id="infinities are left out"),
            pytest.param([NAN, NAN], None, {"score_invalid": 1}, id="only NaN"),
            pytest.param(["0.9", 0.2], 0.2, {"score_invalid": 1}, id="a text is left out"),
            pytest.param([None, 0.2], 0.2, {"score_invalid": 1}, id="a missing score is left out"),
            pytest.param(["high"], None, {"score_invalid": 1}, id="only texts"),
            pytest.param("0.9", None, {"score_invalid": 1}, id="a text instead of a list"),
            pytest.param(0.9, None, {"score_invalid": 1}, id="a number instead of a list"),
        ],
    )
    def test_the_top_score_is_the_highest_finite_one(
        self, scores: object, top: float | None, dropped: dict[str, int]
    ) -> None:
        faults = Faults()

        found = top_score(scores, faults)  # type: ignore[arg-type]  # a caller may do it anyway

        assert (found, faults.dropped) == (top, dropped)

    def test_the_scores_of_an_iterator_are_used_or_counted_as_dropped(self) -> None:
        faults = Faults()

        top = top_score(iter([0.2, 0.9]), faults)  # type: ignore[arg-type]

        assert (top, faults.dropped) in ((0.9, {}), (None, {"score_invalid": 1}))

    def test_a_score_too_large_for_a_float_is_left_out(self) -> None:
        faults = Faults()

        top = top_score([10**400, 0.5], faults)

        assert (top, faults.dropped) == (0.5, {"score_invalid": 1})

    @given(st.lists(ANYTHING))
    def test_scores_never_raise_and_the_top_one_is_finite(self, values: list[float]) -> None:
        top = top_score(values, Faults())

        assert top is None or math.isfinite(top)


class TestCategories:
    @pytest.mark.parametrize(
        ("categories", "found", "dropped"),
        [
            pytest.param(["a", "b", "a"], (("a", "b", "a"), 0), {}, id="one for each item"),
            pytest.param(["a", None, ""], (("a",), 2), {}, id="two items without a category"),
            pytest.param([None, None], ((), 0), {}, id="no item with a category"),
            pytest.param([], ((), 0), {}, id="no items"),
            pytest.param([["a", "b"], ("a",), []], (("a", "b", "a"), 1), {}, id="several of one item"),
            pytest.param([["a", "a"]], (("a",), 0), {}, id="the same twice for one item"),
            pytest.param([7, 2.5], (("7", "2.5"), 0), {}, id="numbers"),
            pytest.param([" a "], (("a",), 0), {}, id="spaces around"),
            pytest.param(["a", {"name": "b"}], (("a",), 1), {"category_invalid": 1}, id="an object"),
            pytest.param(["a", True], (("a",), 1), {"category_invalid": 1}, id="a boolean"),
            pytest.param(["a", b"b"], (("a",), 1), {"category_invalid": 1}, id="bytes"),
            pytest.param(["a", "b" * 101], (("a",), 1), {"category_invalid": 1}, id="a long text"),
            pytest.param(["a", [["b"]]], (("a",), 1), {"category_invalid": 1}, id="a list in a list"),
            pytest.param([{}, {}], ((), 0), {"category_invalid": 1}, id="only objects"),
        ],
    )
    def test_categories_are_flat_and_items_without_one_are_counted(
        self, categories: list[object], found: tuple[tuple[str, ...], int], dropped: dict[str, int]
    ) -> None:
        faults = Faults()

        flat = flat_categories(categories, faults)

        assert (flat, faults.dropped) == (found, dropped)

    def test_a_text_is_no_list_of_categories(self) -> None:
        faults = Faults()

        flat = flat_categories("drama", faults)

        assert (flat, faults.dropped) == (((), 0), {"category_invalid": 1})

    def test_a_number_is_no_list_of_categories(self) -> None:
        faults = Faults()

        flat = flat_categories(5, faults)

        assert (flat, faults.dropped) == (((), 0), {"category_invalid": 1})

    @given(st.lists(ANYTHING))
    def test_categories_never_raise_and_are_short_texts(self, values: list[object]) -> None:
        flat, bare = flat_categories(values, Faults())

        assert all(0 < len(category) <= 100 for category in flat)
        assert bare <= len(values)


class TestPositions:
    def test_positions_become_indexes_and_unusable_ones_unknown(self) -> None:
        faults = Faults()

        found = position_indexes([1, "2", 57, "abc", None], faults) or ()

        assert [catalog.POSITIONS[index] for index in found] == ["1", "2", "11+", "unknown", "unknown"]
        assert (found[3], faults.dropped) == (UNKNOWN_INDEX, {"position_invalid": 1})

    def test_a_number_is_no_list_of_positions(self) -> None:
        faults = Faults()

        found = position_indexes(5, faults)

        assert (found, faults.dropped) == (None, {"position_invalid": 1})

    @given(st.lists(ANYTHING))
    def test_positions_never_raise_and_each_has_an_index(self, values: list[object]) -> None:
        found = position_indexes(values, Faults())

        assert found is not None
        assert len(found) == len(values)


class TestOutcome:
    @pytest.mark.parametrize("outcome", catalog.OUTCOMES_)
    def test_an_outcome_of_the_catalog_is_usable(self, outcome: str) -> None:
        faults = Faults()

        assert (usable_outcome(outcome, faults), faults.dropped) == (outcome, {})

    @pytest.mark.parametrize("outcome", ["splendid", "SERVED", 1, ["served"], {"served": 1}])
    def test_another_outcome_is_dropped(self, outcome: Any) -> None:
        faults = Faults()

        assert (usable_outcome(outcome, faults), faults.dropped) == (None, {"outcome_invalid": 1})

    def test_a_missing_outcome_is_not_dropped(self) -> None:
        faults = Faults()

        assert (usable_outcome(None, faults), faults.dropped) == (None, {})

    @given(ANYTHING)
    def test_outcomes_never_raise(self, value: Any) -> None:
        assert usable_outcome(value, Faults()) in (None, *catalog.OUTCOMES_)
