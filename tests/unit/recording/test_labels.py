"""Label values are usable and few; a value that nothing uses for a day makes room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon.recording.labels import IDLE_SECONDS, Labels, Vocabulary
from otel_recmon.values import LONGEST_VALUE, label_text

DAY = 24 * 3600.0


@pytest.mark.parametrize(
    ("value", "label"),
    [
        pytest.param("v1", "v1", id="a text is itself"),
        pytest.param("  v1\n", "v1", id="blanks around a text go"),
        pytest.param("x" * 100, "x" * 100, id="a hundred characters are allowed"),
        pytest.param("x" * 101, None, id="a hundred and one are not"),
        pytest.param("x" * 10_000, None, id="ten thousand are not"),
        pytest.param(" " * 5_000 + "v1", "v1", id="blanks do not count"),
        pytest.param(7, "7", id="a whole number is its digits"),
        pytest.param(2.5, "2.5", id="a number with a fraction is its digits"),
        pytest.param("größe ✓", "größe ✓", id="any script is allowed"),
        pytest.param("", None, id="an empty text is none"),
        pytest.param("   ", None, id="a blank text is none"),
        pytest.param(True, None, id="a truth value is none"),
        pytest.param(None, None, id="nothing is none"),
        pytest.param(["v1"], None, id="a list is none"),
        pytest.param({"v": 1}, None, id="an object is none"),
        pytest.param(b"v1", None, id="bytes are none"),
    ],
)
def test_only_short_texts_and_numbers_become_labels(value: object, label: str | None) -> None:
    assert label_text(value) == label


def test_a_number_too_long_to_write_is_no_label() -> None:
    assert label_text(10**5_000) is None


def test_a_number_that_is_none_is_no_label() -> None:
    assert label_text(float("nan")) is None


@given(st.one_of(st.text(max_size=300), st.floats(allow_nan=False), st.integers(), st.none(), st.binary()))
def test_a_label_is_always_short_and_without_blanks_around_it(value: object) -> None:
    label = label_text(value)

    assert label is None or (0 < len(label) <= LONGEST_VALUE and label == label.strip())


@given(st.text(max_size=150))
def test_what_was_cleaned_is_clean(value: str) -> None:
    label = label_text(value)

    assert label is None or label_text(label) == label


def test_known_labels_become_attributes_and_unknown_ones_do_not() -> None:
    full = Labels("v1", "a", "home")

    assert full.attributes() == {"model_version": "v1", "variant": "a", "surface": "home"}
    assert Labels("v1").attributes() == {"model_version": "v1"}
    assert Labels("v1", surface="home").attributes() == {"model_version": "v1", "surface": "home"}


def test_labels_fold_surface_first_then_variant_then_version() -> None:
    assert list(Labels("v1", "a", "home").folds()) == [
        Labels("v1", "a", "home"),
        Labels("v1", "a", "_other"),
        Labels("v1", "_other", "_other"),
        Labels("_other", "_other", "_other"),
    ]


def test_a_label_that_is_not_there_is_not_folded() -> None:
    assert list(Labels("v1").folds()) == [Labels("v1"), Labels("v1"), Labels("v1"), Labels("_other")]


def test_a_vocabulary_admits_as_many_values_as_its_cap() -> None:
    words = Vocabulary("variant", 3)

    assert [words.admit(word, 0.0) for word in "abcdab"] == [True, True, True, False, True, True]


def test_the_value_for_all_others_needs_no_slot() -> None:
    words = Vocabulary("variant", 1)
    words.admit("a", 0.0)

    assert words.admit("_other", 0.0)


def test_a_reserved_value_has_its_slot_whatever_comes() -> None:
    words = Vocabulary("model_version", 3)
    words.reserve("v1")

    junk = [words.admit(f"junk{n}", 0.0) for n in range(100)]

    assert sum(junk) == 2
    assert words.admit("v1", 0.0)


def test_a_value_reserved_when_all_slots_are_taken_is_admitted_all_the_same() -> None:
    words = Vocabulary("model_version", 2)
    words.admit("junk1", 0.0)
    words.admit("junk2", 0.0)

    words.reserve("v1")

    assert words.admit("v1", 0.0)


@pytest.mark.parametrize(("idle_for", "idle"), [(DAY, {"old"}), (DAY - 0.001, set()), (3 * DAY, {"old", "new"})])
def test_a_value_is_idle_after_24_hours_and_not_before(idle_for: float, idle: set[str]) -> None:
    words = Vocabulary("variant", 2)
    words.admit("old", 1_000.0)
    words.admit("new", 1_000.0)

    words.touch(["new"], 1_000.0 + DAY)

    assert words.idle(1_000.0 + idle_for) == idle


def test_a_day_is_a_day() -> None:
    assert IDLE_SECONDS == 86_400


def test_nothing_is_idle_while_there_is_room() -> None:
    words = Vocabulary("variant", 2)
    words.admit("old", 0.0)

    assert words.idle(100 * DAY) == set()


def test_a_reserved_value_is_never_idle() -> None:
    words = Vocabulary("variant", 2)
    words.reserve("control")
    words.admit("a", 0.0)

    assert words.idle(100 * DAY) == {"a"}


def test_a_freed_slot_is_there_for_another_value() -> None:
    words = Vocabulary("variant", 2)
    words.admit("a", 0.0)
    words.admit("b", 0.0)

    words.free({"a"})

    assert [words.admit(word, 1.0) for word in ("c", "a")] == [True, False]


def test_touching_a_value_that_is_not_known_changes_nothing() -> None:
    words = Vocabulary("variant", 2)

    words.touch(["ghost"], 5.0)

    assert [words.admit(word, 6.0) for word in "abc"] == [True, True, False]


def test_touching_never_makes_a_value_older() -> None:
    words = Vocabulary("variant", 1)
    words.admit("a", 2 * DAY)

    words.touch(["a"], 0.0)

    assert words.idle(2.5 * DAY) == set()
