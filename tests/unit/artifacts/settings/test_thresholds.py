"""Tests of the alert settings: defaults, overrides by a file, and invalid values."""

from pathlib import Path
from typing import Any

import pytest

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.settings.thresholds import TuningError, configured, load, seconds
from tests.unit.artifacts.known import ALERTS


def test_each_alert_has_settings_and_nothing_else_has() -> None:
    assert list(load().alerts) == [alert.name for alert in ALERTS]


def test_a_file_overrides_only_the_settings_that_it_contains(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[alerts.CtrLow]\nthreshold = 0.0025\nfor = "30s"\n', encoding="utf-8")

    own, default = load(file), load()

    assert (own.alerts["CtrLow"].threshold, own.alerts["CtrLow"].hold) == (0.0025, "30s")
    assert own.alerts["CtrLow"].window == default.alerts["CtrLow"].window
    assert {name: own.alerts[name] for name in own.alerts if name != "CtrLow"} == {
        name: default.alerts[name] for name in default.alerts if name != "CtrLow"
    }


def test_an_alert_without_default_threshold_becomes_a_rule_with_one(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[alerts.CoverageLow]\nthreshold = 20\nenabled = true\n", encoding="utf-8")

    assert {rule.name for rule in rules(load(file))} - {rule.name for rule in rules(load())} == {"CoverageLow"}


def test_the_retrain_period_sets_the_thresholds_of_the_model_age() -> None:
    alerts = configured({"general": {"retrain_period": "12h"}}).alerts

    assert (alerts["ModelStale"].threshold, alerts["ModelVeryStale"].threshold) == (24, 48)


def test_an_explicit_threshold_overrides_the_retrain_period() -> None:
    own = {"general": {"retrain_period": "12h"}, "alerts": {"ModelStale": {"threshold": 30}}}

    assert configured(own).alerts["ModelStale"].threshold == 30


def test_a_duration_is_converted_to_seconds() -> None:
    assert [seconds(text) for text in ("30s", "5m", "2h", "1d", "1w")] == [30, 300, 7200, 86_400, 604_800]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"genral": {}}, "genral is not known: did you mean general?"),
        ({"general": {"intervall": "1m"}}, "general.intervall is not known: did you mean general.interval?"),
        ({"alerts": {"CtrLw": {}}}, "alerts.CtrLw is not known: did you mean alerts.CtrLow?"),
        (
            {"alerts": {"CtrLow": {"treshold": 1}}},
            "alerts.CtrLow.treshold is not known: did you mean alerts.CtrLow.threshold?",
        ),
        (
            {"alerts": {"CtrLow": {"threshold": "5%"}}},
            "alerts.CtrLow.threshold = '5%' is not usable: expected a number",
        ),
        ({"alerts": {"CtrLow": {"enabled": 1}}}, "alerts.CtrLow.enabled = 1 is not usable: expected true or false"),
        ({"alerts": {"CtrLow": 5}}, "CtrLow = 5 is not usable: expected a table"),
        (
            {"alerts": {"CtrLow": {"for": "5 minutes"}}},
            "alerts.CtrLow.for = '5 minutes' is not usable: expected a duration such as 30s, 5m, 1h or 1d",
        ),
        (
            {"alerts": {"CtrLow": {"severity": "bad"}}},
            "alerts.CtrLow.severity = 'bad' is not usable: expected one of info, warning, critical",
        ),
        (
            {"alerts": {"CtrLow": {"minimum_traffic": -1}}},
            "minimum_traffic = -1 is not usable: expected a number of at least 0",
        ),
        ({"general": {"objective": 99.0}}, "general.objective = 99.0 is not usable: expected a share between 0 and 1"),
        ({"general": {"sure": 0}}, "general.sure = 0 is not usable: expected a number of standard errors greater"),
        ({"baseline": {"sure": -1}}, "baseline.sure = -1 is not usable: expected a number of standard errors"),
        ({"baseline": {"days": 0}}, "baseline.days = 0 is not usable: expected an integer of at least 1"),
        ({"baseline": {"weeks": -1}}, "baseline.weeks = -1 is not usable: expected an integer of at least 0"),
        ({"baseline": {"day": ""}}, "baseline.day = '' is not usable: expected a duration"),
        ({"experiments": {"harm": 5}}, "experiments.harm = 5 is not usable: expected a probability between 0 and 1"),
        ({"experiments": {"mismatch": 0}}, "experiments.mismatch = 0 is not usable: expected a probability"),
        ({"experiments": {"events": 0}}, "experiments.events = 0 is not usable: expected a number greater than 0"),
        ({"alerts": {"CoverageLow": {"enabled": True}}}, "alerts.CoverageLow is enabled but has no threshold"),
    ],
)
def test_an_invalid_setting_is_refused_with_a_description_of_valid_ones(own: dict[str, Any], message: str) -> None:
    with pytest.raises(TuningError) as refused:
        configured(own)

    assert message in str(refused.value)
