"""Runs the rules in promtool, and compares the firing alerts."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.render.prometheus_rules import alerting_file, recording_file
from otel_recmon.artifacts.settings.thresholds import configured
from otel_recmon.stack import binaries
from tests.rules.traffic import Phase, input_series
from tests.speed import scaled

FLOORS = {"DiversityLow": {"threshold": 0.5}, "CoverageLow": {"threshold": 20.0}}


@dataclass(frozen=True)
class Fires:
    """A firing alert: its labels, and the annotations that depend on the value."""

    labels: Mapping[str, str]
    summary: str
    value: str
    threshold: str


@dataclass(frozen=True)
class Expected:
    """The expected firing instances of one alert at a time."""

    alert: str
    at: str
    fires: Sequence[Fires] = ()


def tuned(only: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with only one alert enabled."""
    names = configured({}).alerts
    alerts = {name: {"enabled": name == only} for name in names}
    for name, settings in {**FLOORS, **own.get("alerts", {})}.items():
        alerts[name] |= settings
    return {**own, "alerts": alerts}


def check(folder: Path, settings: Mapping[str, Any], phases: Sequence[Phase], expected: Sequence[Expected]) -> None:
    """Assert that exactly the expected alerts fire, in phases whose steps are minutes."""
    check_series(folder, settings, input_series(phases), expected)


def check_series(
    folder: Path,
    settings: Mapping[str, Any],
    series: Sequence[Mapping[str, str]],
    expected: Sequence[Expected],
    step: str = "1m",
) -> None:
    """Assert that exactly the expected alerts fire."""
    found = rules(configured(settings))
    (folder / "recording.yml").write_text(recording_file(found), encoding="utf-8")
    (folder / "alerting.yml").write_text(alerting_file(found), encoding="utf-8")
    fixed = {
        rule.name: {"description": rule.alert.action, "runbook_url": rule.runbook, "panel_url": rule.panel}
        for rule in found
    }
    labels = {rule.name: rule.labels for rule in found}
    test = {
        "rule_files": ["recording.yml", "alerting.yml"],
        "evaluation_interval": step,
        "group_eval_order": ["recmon", "recmon-alerts"],
        "tests": [
            {
                "interval": step,
                "input_series": series,
                "alert_rule_test": [
                    {
                        "eval_time": one.at,
                        "alertname": one.alert,
                        "exp_alerts": [_alert(fires, labels[one.alert], fixed[one.alert]) for fires in one.fires],
                    }
                    for one in expected
                ],
            }
        ],
    }
    (folder / "test.yml").write_text(json.dumps(test), encoding="utf-8")
    program = binaries.find("promtool")
    assert program, binaries.install_hint("promtool")
    command: list[str | Path] = [program, "test", "rules", folder / "test.yml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=scaled(300), check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _alert(fires: Fires, labels: Mapping[str, str], fixed: Mapping[str, str]) -> dict[str, Any]:
    annotations = {"summary": fires.summary, "value": fires.value, "threshold": fires.threshold, **fixed}
    return {"exp_labels": {**labels, **fires.labels}, "exp_annotations": annotations}
