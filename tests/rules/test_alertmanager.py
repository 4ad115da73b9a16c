"""The configuration of Alertmanager at the checkout's top, as amtool reads it."""

from pathlib import Path

import pytest

from otel_recmon.artifacts.alerts import rules_of
from otel_recmon.artifacts.notifications import SLACK, SWITCH
from otel_recmon.artifacts.rule import AlertRule
from tests.rules.amtool import ran

CONFIG = Path(__file__).parents[2] / "prometheus" / "alertmanager.yml"


def test_it_is_valid_and_finds_its_templates() -> None:
    assert " - 1 templates\n" in ran("check-config", str(CONFIG))


@pytest.mark.parametrize("rule", rules_of(), ids=lambda rule: rule.name)
def test_every_alert_goes_to_slack_but_the_watchdog(rule: AlertRule) -> None:
    labels = (f"alertname={rule.name}", f"severity={rule.severity}")

    receiver = ran("config", "routes", "test", f"--config.file={CONFIG}", *labels).strip()

    assert receiver == (SWITCH if rule.name == "Watchdog" else SLACK)


def test_an_alert_of_others_goes_to_slack_too() -> None:
    assert ran("config", "routes", "test", f"--config.file={CONFIG}", "alertname=DiskFull").strip() == SLACK
