"""The counts of one set of labels, positions as label values, and the quality of a model."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon import catalog
from otel_recmon.recording.cells import COUNTS, Cells, Model
from otel_recmon.recording.labels import Labels
from otel_recmon.stats.quality import Windows
from otel_recmon.values import BEYOND_INDEX, UNKNOWN_INDEX, position_index


def _cells() -> Cells:
    labels = Labels("v1")
    return Cells(labels, labels.attributes(), Model(Windows()), 0.0)


def _impressions(cells: Cells) -> dict[str, int]:
    return dict(COUNTS[catalog.IMPRESSIONS](cells))


class TestImpressions:
    @given(st.lists(st.integers(0, 40)), st.lists(st.integers(0, UNKNOWN_INDEX)))
    def test_impressions_equal_counting_each_item_at_its_position(self, lengths: list[int], indexes: list[int]) -> None:
        cells = _cells()

        for length in lengths:
            cells.show(length)
        cells.show_at(indexes)

        expected = Counter(str(n) if n <= 10 else "11+" for length in lengths for n in range(1, length + 1))
        expected.update(catalog.POSITIONS[index] for index in indexes)
        assert _impressions(cells) == dict(expected)

    def test_reading_the_impressions_does_not_change_them(self) -> None:
        cells = _cells()
        cells.show(12)

        first = _impressions(cells)

        assert _impressions(cells) == first == {str(position): 1 for position in range(1, 11)} | {"11+": 2}


class TestPosition:
    @pytest.mark.parametrize(
        ("position", "base", "label"),
        [
            pytest.param(1, 1, "1", id="first"),
            pytest.param(10, 1, "10", id="tenth"),
            pytest.param(11, 1, "11+", id="eleventh is 11+"),
            pytest.param(57, 1, "11+", id="fifty-seventh is 11+"),
            pytest.param(10**300, 1, "11+", id="huge is 11+"),
            pytest.param("3", 1, "3", id="a text of a number"),
            pytest.param(" 4 ", 1, "4", id="a text with spaces around"),
            pytest.param(2.0, 1, "2", id="a whole float"),
            pytest.param("2.0", 1, "2", id="the text of a whole float"),
            pytest.param(0, 0, "1", id="0 is the first position with base 0"),
            pytest.param("9", 0, "10", id="9 is the tenth position with base 0"),
            pytest.param(0, 1, None, id="0 is unusable with base 1"),
            pytest.param(-1, 0, None, id="-1 is unusable with base 0"),
            pytest.param(-4, 1, None, id="a negative number is unusable"),
            pytest.param(2.5, 1, None, id="a fraction is unusable"),
            pytest.param("abc", 1, None, id="a word is unusable"),
            pytest.param("", 1, None, id="an empty text is unusable"),
            pytest.param(True, 1, None, id="a boolean is unusable"),
            pytest.param(None, 1, None, id="None is unusable"),
            pytest.param(float("nan"), 1, None, id="NaN is unusable"),
            pytest.param("nan", 1, None, id="the text of NaN is unusable"),
            pytest.param(float("inf"), 1, None, id="infinity is unusable"),
            pytest.param("-inf", 1, None, id="the text of infinity is unusable"),
            pytest.param([1], 1, None, id="a list is unusable"),
            pytest.param({"position": 1}, 1, None, id="an object is unusable"),
            pytest.param(b"1", 1, None, id="bytes are unusable"),
            pytest.param(Fraction(3), 1, "3", id="another number type, as in numpy"),
        ],
    )
    def test_a_position_has_a_label_or_none(self, position: object, base: int, label: str | None) -> None:
        index = position_index(position, base)

        assert (None if index is None else catalog.POSITIONS[index]) == label

    @pytest.mark.parametrize("position", [10**400, -(10**400)])
    def test_a_position_too_large_for_a_float_does_not_raise(self, position: int) -> None:
        assert position_index(position) in (None, BEYOND_INDEX)

    @given(st.one_of(st.text(), st.floats(), st.integers(-(2**64), 2**64), st.booleans(), st.none()))
    def test_a_position_is_always_a_label_of_the_catalog_or_none(self, position: object) -> None:
        index = position_index(position)

        assert index is None or catalog.POSITIONS[index] in (*map(str, range(1, 11)), "11+")


class TestCounters:
    def test_counters_with_a_usual_value_start_at_0_and_others_with_their_first_count(self) -> None:
        cells = _cells()

        counts = {metric.name: dict(count(cells)) for metric, count in COUNTS.items()}

        assert counts == {
            "recommendation.requests": {"success": 0, "error": 0, "rejected": 0},
            "recommendation.outcomes": {},
            "recommendation.slo.responses": {"true": 0, "false": 0},
            "recommendation.impressions": {},
            "recommendations.clicked": {},
            "recommendations.converted": {},
            "recommendation.items": {},
            "recommendation.events": {},
            "recommendation.candidates": {},
        }

    def test_every_counter_with_a_model_version_can_be_read(self) -> None:
        expected = {
            metric
            for metric in catalog.METRICS
            if metric.kind is catalog.Kind.COUNTER and catalog.MODEL_VERSION in metric.attributes
        }

        assert set(COUNTS) == expected

    def test_dropped_values_are_no_longer_counted(self) -> None:
        cells = _cells()
        cells.items.update(drama=3, crime=1)
        cells.candidates.update(ranking=9)
        cells.actions.update(like=2, skip=4)
        cells.stages.update(ranking={"stage": "ranking"}, recall={"stage": "recall"})

        cells.drop({"category": {"drama", "never seen"}, "stage": {"ranking"}, "action": {"skip"}})

        assert (cells.items, cells.candidates, cells.actions, cells.stages) == (
            {"crime": 1},
            {},
            {"like": 2},
            {"recall": {"stage": "recall"}},
        )


class TestQuality:
    def test_a_model_without_slates_has_no_quality(self) -> None:
        model = Model(Windows())

        assert (model.diversity_now(), model.coverage_now(10), model.coverage_now(None)) == (None, None, None)

    def test_a_model_uses_its_windows_and_its_own_catalog_size(self) -> None:
        model = Model(Windows(), catalog_size=4)
        model.windows.add(("a", "b"), ("x", "y"))

        assert (model.diversity_now(), model.coverage_now(100)) == (1.0, 50.0)

    def test_reported_quality_wins_over_the_windows(self) -> None:
        model = Model(Windows(), pushed_diversity=0.0, pushed_coverage=0.0)
        model.windows.add(("a", "b"), ("x", "y"))

        assert (model.diversity_now(), model.coverage_now(4)) == (0.0, 0.0)
