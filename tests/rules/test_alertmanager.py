"""The configuration of Alertmanager, shipped and with every setting changed, as amtool reads it."""

from pathlib import Path

import pytest

from otel_recmon.artifacts.alerts.rule import AlertRule
from tests.rules.amtool import ran
from tests.rules.test_files import written
from tests.unit.artifacts.exports import EACH_EXPORT, EXPORTS, Export

EACH_ALERT = pytest.mark.parametrize(
    ("name", "rule"),
    [
        pytest.param(name, rule, id=f"{name}.{rule.name}")
        for name, one in EXPORTS.items()
        for rule in one.rules.values()
    ],
)


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The file of each export, among the others of it."""
    folders = {name: written(export, tmp_path_factory.mktemp("export")) for name, export in EXPORTS.items()}
    return {name: f"{folder / 'prometheus' / 'alertmanager.yml'}" for name, folder in folders.items()}


@EACH_EXPORT
def test_the_configuration_is_valid_with_its_templates(export: Export, tmp_path: Path) -> None:
    config = written(export, tmp_path) / "prometheus" / "alertmanager.yml"

    assert " - 1 templates\n" in ran("check-config", str(config))


@EACH_ALERT
def test_every_alert_but_the_watchdog_is_routed_to_slack(configs: dict[str, str], name: str, rule: AlertRule) -> None:
    labels = [f'{label}="{value}"' for label, value in {"alertname": rule.name, **rule.labels}.items()]

    receiver = ran("config", "routes", "test", f"--config.file={configs[name]}", *labels).strip()

    names = EXPORTS[name].config.deployment.notifications
    assert receiver == (names.switch if rule.name == "Watchdog" else names.slack)


@pytest.mark.parametrize("name", EXPORTS)
def test_an_alert_of_other_rules_is_routed_to_slack(configs: dict[str, str], name: str) -> None:
    receiver = ran("config", "routes", "test", f"--config.file={configs[name]}", "alertname=DiskFull").strip()

    assert receiver == EXPORTS[name].config.deployment.notifications.slack
