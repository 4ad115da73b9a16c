"""Recording and alerting rules in the stack's Prometheus, and where its alerts go."""

from pathlib import Path

import pytest

from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually
from tests.stack.observed import Prometheus

ALERTMANAGER = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
RECORDING = "groups: [{name: r, interval: 1s, rules: [{record: 'one:sum', expr: vector(1)}]}]\n"
ALERTING = "groups: [{name: a, interval: 1s, rules: [{alert: Always, expr: vector(1)}]}]\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder with a recording rule and, in its folder `alerts`, an alerting rule."""
    (tmp_path / "alerts").mkdir()
    (tmp_path / "recording.yml").write_text(RECORDING, encoding="utf-8")
    (tmp_path / "alerts" / "always.yml").write_text(ALERTING, encoding="utf-8")
    return tmp_path


def names(prometheus: Prometheus) -> set[str]:
    """The rules that a Prometheus has loaded."""
    return {rule["name"] for group in prometheus.ask("rules")["groups"] for rule in group["rules"]}


def test_without_an_alertmanager_only_recording_rules_are_loaded(rules: Path) -> None:
    with Stack(rules=rules) as stack:
        prometheus = Prometheus(stack.prometheus_url)

        assert eventually(lambda: names(prometheus)) == {"one:sum"}
        eventually(lambda: prometheus.values("one:sum"))


def test_an_alert_reaches_the_alertmanager(rules: Path) -> None:
    config = rules / "alertmanager.yaml"
    config.write_text(ALERTMANAGER, encoding="utf-8")

    with Stack(rules=rules, alertmanager=config) as stack:
        alerts = f"{stack.alertmanager_url}/api/v2/alerts"
        (alert,) = eventually(lambda: web.get(alerts).json())

    assert alert["labels"] == {"alertname": "Always"}
