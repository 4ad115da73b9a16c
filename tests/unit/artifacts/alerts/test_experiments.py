"""Tests of the alerts about experiments, with different settings."""

from typing import Any

import promql_parser
import pytest

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.alerts.experiments import ALERTS
from otel_recmon.artifacts.alerts.rule import raw
from otel_recmon.artifacts.render.prometheus_rules import recording_file
from otel_recmon.artifacts.settings.thresholds import configured

NAMES = [alert.name for alert in ALERTS]


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_without_minimum_traffic_is_valid_promql(name: str) -> None:
    found = {rule.name: rule for rule in rules(configured({"alerts": {name: {"minimum_traffic": 0}}}))}

    promql_parser.parse(str(found[name].expression(raw)))


def test_the_error_probabilities_come_from_the_settings() -> None:
    settings: list[dict[str, Any]] = [{}, {"experiments": {"harm": 0.01}}, {"experiments": {"mismatch": 0.01}}]
    texts = [{rule.name: str(rule.expression(raw)) for rule in rules(configured(own))} for own in settings]

    changed = [{name for name in NAMES if own[name] != texts[0][name]} for own in texts[1:]]
    assert changed == [{"ArmLosesClicks", "ArmLosesConversions"}, {"SampleRatioMismatch"}]


def test_alerts_with_another_window_have_their_own_recording_rules() -> None:
    own = {"alerts": {"ArmLosesClicks": {"window": "14d"}}}

    recorded = recording_file(rules(configured(own)))

    assert "recmon:experiment_exposures:7d" in recorded
    assert "recmon:experiment_exposures:14d" in recorded
