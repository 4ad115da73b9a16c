"""A click-through rate without clicks: 0 if the service counts clicks, and no value otherwise."""

from pathlib import Path

from tests.rules.cases import SECOND, summary_of
from tests.rules.promtool import Expected, Fires, check, tuned
from tests.rules.traffic import Traffic

NEVER = Traffic(version="v2", ctr=None)
MINUTES = 60


def test_a_version_without_clicks_fires_if_other_versions_have_clicks(tmp_path: Path) -> None:
    fires = Fires(SECOND, summary_of(SECOND, ": the click-through rate is 0% (limit 5%)"), "0%", "< 5%")

    check(tmp_path, tuned("CtrLow", {}), [(MINUTES, [Traffic(), NEVER])], [Expected("CtrLow", "30m", [fires])])


def test_a_service_without_clicks_since_its_restart_fires_for_a_day(tmp_path: Path) -> None:
    fires = Fires(SECOND, summary_of(SECOND, ": the click-through rate is 0% (limit 5%)"), "0%", "< 5%")
    restarted = [(MINUTES, [Traffic(job="team/shop")]), (23 * 60, []), (MINUTES, [NEVER])]

    check(tmp_path, tuned("CtrLow", {}), restarted, [Expected("CtrLow", f"{24 * 60 + 30}m", [fires])])


def test_a_service_that_does_not_count_clicks_is_silent(tmp_path: Path) -> None:
    silent = [Expected("CtrLow", f"{minute}m") for minute in range(0, MINUTES, 5)]

    check(tmp_path, tuned("CtrLow", {}), [(MINUTES, [NEVER])], silent)
