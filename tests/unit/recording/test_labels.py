"""Label values: usable texts, their caps, and idle values that make room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon.recording.labels import IDLE_SECONDS, Labels, Vocabulary
from otel_recmon.values import LONGEST_VALUE, label_text

DAY = 24 * 3600.0


class TestLabelText:
    @pytest.mark.parametrize(
        ("value", "label"),
        [
            pytest.param("v1", "v1", id="a text is unchanged"),
            pytest.param("  v1\n", "v1", id="spaces around a text are removed"),
            pytest.param("x" * 100, "x" * 100, id="100 characters are allowed"),
            pytest.param("x" * 101, None, id="101 characters are not"),
            pytest.param("x" * 10_000, None, id="10000 characters are not"),
            pytest.param(" " * 5_000 + "v1", "v1", id="spaces around do not count"),
            pytest.param(7, "7", id="an integer is its digits"),
            pytest.param(2.5, "2.5", id="a float is its digits"),
            pytest.param("größe ✓", "größe ✓", id="any script is allowed"),
            pytest.param("", None, id="an empty text is unusable"),
            pytest.param("   ", None, id="a blank text is unusable"),
            pytest.param(True, None, id="a boolean is unusable"),
            pytest.param(None, None, id="None is unusable"),
            pytest.param(["v1"], None, id="a list is unusable"),
            pytest.param({"v": 1}, None, id="an object is unusable"),
            pytest.param(b"v1", None, id="bytes are unusable"),
        ],
    )
    def test_only_short_texts_and_numbers_become_labels(self, value: object, label: str | None) -> None:
        assert label_text(value) == label

    def test_a_number_with_too_many_digits_is_no_label(self) -> None:
        assert label_text(10**5_000) is None

    def test_nan_is_no_label(self) -> None:
        assert label_text(float("nan")) is None

    @given(st.one_of(st.text(max_size=300), st.floats(allow_nan=False), st.integers(), st.none(), st.binary()))
    def test_a_label_is_always_short_and_without_spaces_around_it(self, value: object) -> None:
        label = label_text(value)

        assert label is None or (0 < len(label) <= LONGEST_VALUE and label == label.strip())

    @given(st.text(max_size=150))
    def test_cleaning_a_label_twice_changes_nothing(self, value: str) -> None:
        label = label_text(value)

        assert label is None or label_text(label) == label


class TestLabels:
    def test_only_labels_with_a_value_become_attributes(self) -> None:
        full = Labels("v1", "a", "home")

        assert full.attributes() == {"model_version": "v1", "variant": "a", "surface": "home"}
        assert Labels("v1").attributes() == {"model_version": "v1"}
        assert Labels("v1", surface="home").attributes() == {"model_version": "v1", "surface": "home"}

    def test_labels_fold_surface_first_then_variant_then_version(self) -> None:
        assert list(Labels("v1", "a", "home").folds()) == [
            Labels("v1", "a", "home"),
            Labels("v1", "a", "_other"),
            Labels("v1", "_other", "_other"),
            Labels("_other", "_other", "_other"),
        ]

    def test_a_label_without_a_value_is_not_folded(self) -> None:
        assert list(Labels("v1").folds()) == [Labels("v1"), Labels("v1"), Labels("v1"), Labels("_other")]


class TestCap:
    def test_a_vocabulary_admits_as_many_values_as_its_cap(self) -> None:
        vocabulary = Vocabulary("variant", 3)

        assert [vocabulary.admit(value, 0.0) for value in "abcdab"] == [True, True, True, False, True, True]

    def test_the_value_other_needs_no_slot(self) -> None:
        vocabulary = Vocabulary("variant", 1)
        vocabulary.admit("a", 0.0)

        assert vocabulary.admit("_other", 0.0)

    def test_a_reserved_value_keeps_its_slot(self) -> None:
        vocabulary = Vocabulary("model_version", 3)
        vocabulary.reserve("v1")

        junk = [vocabulary.admit(f"junk{n}", 0.0) for n in range(100)]

        assert sum(junk) == 2
        assert vocabulary.admit("v1", 0.0)

    def test_a_value_reserved_when_all_slots_are_taken_is_admitted(self) -> None:
        vocabulary = Vocabulary("model_version", 2)
        vocabulary.admit("junk1", 0.0)
        vocabulary.admit("junk2", 0.0)

        vocabulary.reserve("v1")

        assert vocabulary.admit("v1", 0.0)


class TestIdleValues:
    @pytest.mark.parametrize(("idle_for", "idle"), [(DAY, {"old"}), (DAY - 0.001, set()), (3 * DAY, {"old", "new"})])
    def test_a_value_is_idle_after_24_hours_and_not_before(self, idle_for: float, idle: set[str]) -> None:
        vocabulary = Vocabulary("variant", 2)
        vocabulary.admit("old", 1_000.0)
        vocabulary.admit("new", 1_000.0)

        vocabulary.touch(["new"], 1_000.0 + DAY)

        assert vocabulary.idle(1_000.0 + idle_for) == idle

    def test_the_idle_time_is_24_hours(self) -> None:
        assert IDLE_SECONDS == 86_400

    def test_nothing_is_idle_while_there_is_room(self) -> None:
        vocabulary = Vocabulary("variant", 2)
        vocabulary.admit("old", 0.0)

        assert vocabulary.idle(100 * DAY) == set()

    def test_a_reserved_value_is_never_idle(self) -> None:
        vocabulary = Vocabulary("variant", 2)
        vocabulary.reserve("control")
        vocabulary.admit("a", 0.0)

        assert vocabulary.idle(100 * DAY) == {"a"}

    def test_a_freed_slot_takes_another_value(self) -> None:
        vocabulary = Vocabulary("variant", 2)
        vocabulary.admit("a", 0.0)
        vocabulary.admit("b", 0.0)

        vocabulary.free({"a"})

        assert [vocabulary.admit(value, 1.0) for value in ("c", "a")] == [True, False]

    def test_touching_an_unknown_value_changes_nothing(self) -> None:
        vocabulary = Vocabulary("variant", 2)

        vocabulary.touch(["ghost"], 5.0)

        assert [vocabulary.admit(value, 6.0) for value in "abc"] == [True, True, False]

    def test_touching_never_makes_a_value_older(self) -> None:
        vocabulary = Vocabulary("variant", 1)
        vocabulary.admit("a", 2 * DAY)

        vocabulary.touch(["a"], 0.0)

        assert vocabulary.idle(2.5 * DAY) == set()
