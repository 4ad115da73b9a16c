"""Each alert fires for its problem, and only for it."""

from pathlib import Path

import pytest

from tests.rules.cases import CASES, Case
from tests.rules.promtool import Expected, check, tuned
from tests.unit.artifacts.known import ALERTS

AFTER = 5
HOUR = 60
"""In which `few` makes three requests."""
ALWAYS = {"Watchdog"}
NOT_BY_REQUESTS = {"ServiceSilent", "TelemetryLost", "CollectorQueueFilling", "LabelsOverflowing", "PluginFailing"}
NOT_BY_REQUESTS |= {"MessagesLost", "ModelStale", "ModelVeryStale", "ModelNotLoaded"}


def each(*, but: set[str] | None = None) -> pytest.MarkDecorator:
    """Run for each alert but some."""
    cases = [case for case in CASES if case.alert not in (but or set())]
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.alert)


def expectations(case: Case) -> list[Expected]:
    first = case.breaks + case.noticed + case.hold
    moments = [Expected(case.alert, f"{first}m", [case.fires])]
    return [Expected(case.alert, f"{first - 1}m"), *moments] if case.hold else moments


def silence(case: Case, minutes: int) -> list[Expected]:
    return [Expected(case.alert, f"{minute}m") for minute in range(0, minutes, 5)]


def test_every_alert_has_a_case() -> None:
    assert sorted(case.alert for case in CASES) == sorted(alert.name for alert in ALERTS)


@each()
def test_an_alert_fires_after_its_hold_time_and_not_before(case: Case, tmp_path: Path) -> None:
    phases = [*case.before, (case.noticed + case.hold + AFTER, case.broken)]

    check(tmp_path, tuned(case.alert, case.own), phases, expectations(case))


@each(but=ALWAYS)
def test_an_alert_is_silent_without_a_problem(case: Case, tmp_path: Path) -> None:
    minutes = case.breaks + case.noticed + case.hold + AFTER

    check(tmp_path, tuned(case.alert, case.own), [(minutes, case.well)], silence(case, minutes))


@each(but=ALWAYS | NOT_BY_REQUESTS)
def test_an_alert_is_silent_for_three_bad_requests(case: Case, tmp_path: Path) -> None:
    assert case.low
    minutes = case.breaks + HOUR

    check(
        tmp_path,
        tuned(case.alert, case.own),
        [*(case.before_low or case.before), (HOUR, case.low)],
        silence(case, minutes),
    )


@each(but=ALWAYS)
def test_an_alert_is_silent_without_series(case: Case, tmp_path: Path) -> None:
    check(tmp_path, tuned(case.alert, case.own), [(HOUR, [])], silence(case, HOUR))
