"""Alerts with the settings of a deployment: its services alone, the usual texts, its labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.rules.cases import CASES, Case
from tests.rules.promtool import Expected, check, tuned
from tests.rules.traffic import Doing, Phase, Traffic

LABELS = {"labels": {"team": "recommendations", "area": "Search: ads & more"}}
NAMES = {
    "grafana": {"uid_prefix": "shop"},
    "general": {"grafana": "https://grafana.example", "runbook": "https://wiki.example/runbook"},
}
OURS = {
    "services": {
        "selector": 'job=~"team/.*", deployment_environment_name!~"staging|dev-\\\\d+"',
        "pipeline": 'job=~"otelcol|alertmanager"',
    }
}
THEIRS = {"services": {"selector": 'job=~"elsewhere/.*"', "pipeline": 'job=~"elsewhere/.*"'}}
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
NARROWED = [case for case in CASES if case.alert != "Watchdog"]


def elsewhere(doing: Sequence[Doing]) -> list[Doing]:
    """The same things happening to another service, too."""
    return [*doing, *(replace(one, job="elsewhere/shop") for one in doing if isinstance(one, Traffic))]


def story(case: Case) -> list[Phase]:
    return [*case.before, (case.noticed + case.hold + 5, case.broken)]


def fires(case: Case) -> str:
    return f"{case.breaks + case.noticed + case.hold}m"


@EACH
def test_an_alert_fires_for_the_selected_services_and_for_no_other(case: Case, tmp_path: Path) -> None:
    settings: dict[str, Any] = {**tuned(case.alert, case.own), **LABELS, **NAMES, **OURS}
    phases = [(steps, elsewhere(doing)) for steps, doing in story(case)]

    check(tmp_path, settings, phases, [Expected(case.alert, fires(case), [case.fires])])


@pytest.mark.parametrize("case", NARROWED, ids=lambda case: case.alert)
def test_an_alert_is_silent_if_the_selector_excludes_the_service(case: Case, tmp_path: Path) -> None:
    check(tmp_path, {**tuned(case.alert, case.own), **THEIRS}, story(case), [Expected(case.alert, fires(case))])
