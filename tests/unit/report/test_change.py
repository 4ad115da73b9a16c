"""Changes since an earlier week, and their significance."""

import pytest

from otel_recmon.report.change import Change, points, relative
from otel_recmon.stats.intervals import Rate


@pytest.mark.parametrize(
    ("interval", "sure"),
    [((0.01, 0.02), True), ((-0.02, -0.01), True), ((-0.01, 0.01), False), ((0.0, 0.01), False), (None, False)],
)
def test_a_change_is_sure_where_its_interval_leaves_out_0(interval: tuple[float, float] | None, sure: bool) -> None:
    assert Change(0.0, interval).sure == sure


def test_an_amount_changes_relative_to_what_it_was() -> None:
    assert relative(150, 100) == Change(0.5)
    assert relative(0, 100) == Change(-1.0)


@pytest.mark.parametrize(("now", "then"), [(None, 100), (100, None), (100, 0)])
def test_what_was_not_there_has_not_changed(now: float | None, then: float | None) -> None:
    assert relative(now, then) is None


def test_a_share_changes_by_points_with_newcombes_interval() -> None:
    change = points(Rate(56, 70), Rate(48, 80))

    assert change is not None
    assert change.by == pytest.approx(0.2)
    assert change.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert change.sure
    assert points(None, Rate(1, 2)) is points(Rate(1, 2), None) is None
