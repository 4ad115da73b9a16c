"""The exported files, validated by their programs: with the defaults, and with every setting changed."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from otel_recmon.stack import binaries
from otel_recmon.stack.files import FILES
from tests.speed import scaled
from tests.unit.artifacts.exports import CHANGED, EACH_EXPORT, Export

LINTED = ("check", "rules", "--lint=all", "--lint-fatal")


def accepted(program: str, *arguments: str | Path) -> str:
    """Run a program, assert that it exits with 0, and return its output."""
    found = binaries.find(program)
    assert found, binaries.install_hint(program)
    checked = subprocess.run([found, *arguments], capture_output=True, text=True, timeout=scaled(60), check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return checked.stdout


def written(export: Export, folder: Path) -> Path:
    """The folder with all files of an export."""
    for name, text in export.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["recmon.yml", "alerts/recmon.yml"])
def test_promtool_accepts_the_shipped_rules(name: str) -> None:
    accepted("promtool", *LINTED, FILES / "prometheus" / "rules" / name)


@pytest.mark.parametrize("name", ["recmon.yml", "alerts/recmon.yml"])
def test_promtool_accepts_rules_with_changed_settings(name: str, tmp_path: Path) -> None:
    accepted("promtool", *LINTED, written(CHANGED, tmp_path) / "prometheus" / "rules" / name)


@EACH_EXPORT
def test_prometheus_accepts_its_configuration_with_all_rule_files(export: Export, tmp_path: Path) -> None:
    output = accepted("promtool", "check", "config", written(export, tmp_path) / "prometheus" / "prometheus.yml")

    assert f"SUCCESS: {1 + export.config.deployment.prometheus.alerting} rule file" in output


@EACH_EXPORT
def test_the_collector_accepts_its_configuration(export: Export, tmp_path: Path) -> None:
    accepted("otelcol", "validate", "--config", written(export, tmp_path) / "collector-config.yaml")


@EACH_EXPORT
def test_promtool_accepts_the_groups_of_the_operator(export: Export, tmp_path: Path) -> None:
    """Prometheus gets them from the operator as a file."""
    (text,) = (text for text in export.objects.values() if "kind: PrometheusRule" in text)
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps(yaml.safe_load(text)["spec"]), encoding="utf-8")

    accepted("promtool", *LINTED, file)
