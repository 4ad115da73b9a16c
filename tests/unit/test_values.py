from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from otel_recmon.values import FURTHEST, finite, id_text, number, position, scores, short_id, user_bytes

NO_NUMBER: tuple[Any, ...] = (
    None,
    True,
    b"1",
    [1.0],
    {},
    float("nan"),
    -float("inf"),
    np.float32("nan"),
    10**400,
    Decimal("NaN"),
)
SEVEN = (7, 7.0, "7", np.int64(7), np.float64(7))


class TestNumbers:
    @pytest.mark.parametrize("value", [2.5, np.float32(2.5), np.float64(2.5), Decimal("2.5")])
    def test_a_number_of_any_type_is_finite(self, value: Any) -> None:
        assert finite(value) == number(value) == 2.5

    @pytest.mark.parametrize("value", NO_NUMBER)
    def test_anything_else_is_not(self, value: Any) -> None:
        assert (finite(value), number(value)) == (None, None)

    @pytest.mark.parametrize(("value", "found"), [("2.5", 2.5), (" 2 ", 2.0), ("1e999", None), ("x", None)])
    def test_the_text_of_a_number_is_one_only_where_texts_are_expected(self, value: str, found: float | None) -> None:
        assert (finite(value), number(value)) == (None, found)

    def test_scores_need_one_for_each_item(self) -> None:
        assert scores([np.float32(0.5), "0.5", None], 3) == [0.5, None, None]
        assert scores([0.5], 2) is None


class TestPositions:
    @pytest.mark.parametrize("value", SEVEN)
    def test_a_position_is_a_whole_number_or_its_text(self, value: Any) -> None:
        assert (position(value), position(value, base=0)) == (7, 8)

    @pytest.mark.parametrize("value", [*NO_NUMBER, 0, -1, 2.5, "2.5"])
    def test_anything_else_is_no_position(self, value: Any) -> None:
        assert position(value) is None

    def test_a_position_far_away_is_cut(self) -> None:
        assert position(10**20) == FURTHEST


class TestIds:
    @pytest.mark.parametrize("value", SEVEN)
    def test_an_id_has_one_text_however_it_is_held(self, value: Any) -> None:
        assert (id_text(value), short_id(value), user_bytes(value)) == ("7", "7", b"7")

    def test_the_event_log_has_short_texts_that_can_be_encoded(self) -> None:
        assert short_id("ü\ud800" * 100) == "ü?" * 50

    @pytest.mark.parametrize("value", [None, True, 2.5, float("nan"), {}, [], "", " "])
    def test_a_value_that_is_no_id_has_no_name_to_hash(self, value: Any) -> None:
        assert user_bytes(value) is None
