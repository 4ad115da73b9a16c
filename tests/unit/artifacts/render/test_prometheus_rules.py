"""The rules for Prometheus: enabled alerts only, recorded once, with the same conditions as in Grafana."""

import re
from typing import Any

import promql_parser
import pytest
import yaml

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.alerts.rule import AlertRule, Comparison, raw
from otel_recmon.artifacts.promql import Expr
from otel_recmon.artifacts.render.prometheus_rules import (
    PREFIX,
    RecordingRules,
    alerting_file,
    condition,
    recording_file,
)
from otel_recmon.artifacts.settings.thresholds import configured
from tests.unit.artifacts.exports import CHANGED, DEFAULT, EACH_EXPORT, EXPORTS, Export
from tests.unit.artifacts.selectors import too_wide

RULES = DEFAULT.rules


def loaded(text: str) -> dict[str, dict[str, Any]]:
    """The rules of a file, by name."""
    (group,) = yaml.safe_load(text)["groups"]
    return {rule.get("alert") or rule["record"]: rule for rule in group["rules"]}


@EACH_EXPORT
def test_a_disabled_alert_is_missing(export: Export) -> None:
    enabled = [name for name, rule in export.rules.items() if rule.tuning.enabled]

    assert list(loaded(export.files["prometheus/rules/alerts/recmon.yml"])) == enabled


def test_without_enabled_alerts_the_files_are_valid() -> None:
    off = rules(configured({"alerts": {name: {"enabled": False} for name in RULES}}))

    assert (loaded(alerting_file(off)), loaded(recording_file(off))) == ({}, {})


@EACH_EXPORT
def test_every_recorded_series_that_an_alert_uses_is_recorded(export: Export) -> None:
    alerting = export.files["prometheus/rules/alerts/recmon.yml"]
    looked_at = {word for word in re.split(r"[\s()]+", alerting) if word.startswith(PREFIX)}

    assert looked_at == set(loaded(export.files["prometheus/rules/recmon.yml"]))


@EACH_EXPORT
@pytest.mark.parametrize("name", ["recmon.yml", "alerts/recmon.yml"])
def test_every_expression_is_narrowed_to_the_services(export: Export, name: str) -> None:
    for rule in loaded(export.files[f"prometheus/rules/{name}"]).values():
        wide = too_wide(promql_parser.parse(rule["expr"]), export.config.deployment.services)
        assert [text for text in wide if not text.startswith(PREFIX)] == []


def test_a_rule_has_the_labels_of_the_settings() -> None:
    rule = loaded(CHANGED.files["prometheus/rules/alerts/recmon.yml"])["FallbackShareHigh"]

    assert rule["labels"] == {"severity": "critical", "team": "recommendations", "area": "Search: ads & more"}


def test_a_rule_has_the_condition_duration_severity_and_annotations() -> None:
    rule = loaded(alerting_file(RULES.values()))["ModelStale"]

    assert (rule["for"], rule["labels"]) == ("15m", {"severity": "warning"})
    assert rule["annotations"] == RULES["ModelStale"].annotations(".Value")
    assert rule["expr"] == str(condition(RULES["ModelStale"], RecordingRules()))


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(rule, id=f"{name}.{rule.name}")
        for name, export in EXPORTS.items()
        for rule in export.rules.values()
    ],
)
def test_a_recorded_series_stands_for_the_expression_in_grafana(rule: AlertRule) -> None:
    record = RecordingRules()
    text = str(rule.expression(record))

    for name, expression in record.expressions.items():
        assert name in text
        assert "".join(str(expression).split()) in "".join(str(rule.expression(raw)).split())
    promql_parser.parse(text)


def test_a_name_cannot_record_two_expressions() -> None:
    record = RecordingRules()
    record("a", Expr("1"))

    with pytest.raises(ValueError, match="recmon:a would record two different expressions"):
        record("a", Expr("2"))


def test_comparisons_have_the_same_meaning_in_grafana() -> None:
    assert {comparison.operator: comparison.evaluator for comparison in Comparison} == {
        ">": "gt",
        "<": "lt",
        ">=": "gte",
        "<=": "lte",
        "==": "eq",
    }
