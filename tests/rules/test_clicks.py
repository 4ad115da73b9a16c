"""No clicks are a click-through rate of 0 where clicks are counted, and nothing where they are not."""

from pathlib import Path

from tests.rules.cases import SECOND, said
from tests.rules.promtool import Expected, Fires, check, tuned
from tests.rules.traffic import Traffic

NEVER = Traffic(version="v2", ctr=None)
MINUTES = 60


def test_a_version_that_nobody_ever_clicked_fires_where_others_are_clicked(tmp_path: Path) -> None:
    fires = Fires(SECOND, said(SECOND, ": CTR is 0%, and surely below 5%"), "0%", "< 5%")

    check(tmp_path, tuned("CtrLow", {}), [(MINUTES, [Traffic(), NEVER])], [Expected("CtrLow", "30m", [fires])])


def test_a_service_that_restarted_and_was_never_clicked_since_fires_for_a_day(tmp_path: Path) -> None:
    fires = Fires(SECOND, said(SECOND, ": CTR is 0%, and surely below 5%"), "0%", "< 5%")
    restarted = [(MINUTES, [Traffic(job="team/shop")]), (23 * 60, []), (MINUTES, [NEVER])]

    check(tmp_path, tuned("CtrLow", {}), restarted, [Expected("CtrLow", f"{24 * 60 + 30}m", [fires])])


def test_a_service_that_does_not_count_clicks_is_silent(tmp_path: Path) -> None:
    silent = [Expected("CtrLow", f"{minute}m") for minute in range(0, MINUTES, 5)]

    check(tmp_path, tuned("CtrLow", {}), [(MINUTES, [NEVER])], silent)
