"""A Collector, a Prometheus and an Alertmanager that run on what was exported with nearly every setting changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.render.files import exported, parts_of
from otel_recmon.artifacts.settings.thresholds import configured
from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually
from tests.stack.observed import Prometheus, service
from tests.unit.artifacts.exports import EVERY_KNOB

WATCHDOG = {"enabled": True, "threshold": 0.0, "for": "0s"}
SELECTOR = {"selector": 'job=~"team/.*"'}
SETTINGS: dict[str, Any] = {
    **EVERY_KNOB,
    "services": {**EVERY_KNOB["services"], **SELECTOR},
    "general": {**EVERY_KNOB["general"], "interval": "10s"},
    "alerts": {**EVERY_KNOB["alerts"], "Watchdog": {**EVERY_KNOB["alerts"]["Watchdog"], **WATCHDOG}},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("export")
    for name, text in exported(configured(SETTINGS), parts_of("files")).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    config = folder / "prometheus" / "alertmanager.yml"
    with Stack(files=folder, rules=folder / "prometheus" / "rules", alertmanager=config) as running:
        yield running


def test_metrics_go_through_it(stack: Stack) -> None:
    with service(stack) as exporting:
        exporting.meter.create_counter("recommendation.requests", "{request}").add(1, {"model_version": "v1"})
        exporting.export()

        assert eventually(lambda: Prometheus(stack.prometheus_url).values("recommendation_requests_total == 1"))


def test_every_rule_that_is_on_is_evaluated_without_an_error(stack: Stack) -> None:
    def evaluated() -> dict[str, str]:
        groups = Prometheus(stack.prometheus_url).ask("rules")["groups"]
        found = [rule for group in groups for rule in group["rules"] if rule["type"] == "alerting"]
        return {rule["name"]: rule["health"] for rule in found}

    wanted = {rule.name: "ok" for rule in rules(configured(SETTINGS)) if rule.tuning.enabled}
    eventually(lambda: evaluated() == wanted)


def test_an_alert_reaches_alertmanager_with_the_labels_of_the_settings(stack: Stack) -> None:
    alerts = f"{stack.alertmanager_url}/api/v2/alerts"

    (alert,) = eventually(lambda: web.get(alerts).json())

    assert alert["labels"] == {
        "alertname": "Watchdog",
        "severity": "warning",
        "team": "recommendations",
        "area": "Search: ads & more",
    }
    assert alert["annotations"]["runbook_url"] == "https://wiki.example/runbook?id=7#watchdog"
    assert alert["annotations"]["panel_url"].startswith(
        "https://grafana.example/sub/d/shop-eu-prod-telemetry?viewPanel="
    )
    assert [receiver["name"] for receiver in alert["receivers"]] == ["shop_switch"]
