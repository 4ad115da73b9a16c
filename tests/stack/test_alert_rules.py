"""Grafana's alerts and Prometheus's, asked the same of a real Prometheus: each service broken in a way of its own."""

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.render.grafana_rules import rules_file
from otel_recmon.artifacts.render.prometheus_rules import alerting_file, recording_file
from otel_recmon.artifacts.settings.thresholds import configured
from otel_recmon.stack import Stack, binaries
from tests.rules.cases import CASES, HOUR_AS_DAY, HOURS_AS_DAYS, Case
from tests.rules.promtool import FLOORS
from tests.rules.traffic import Collector, Doing, Experiment, Phase, Traffic, input_series, openmetrics
from tests.speed import eventually, scaled
from tests.stack.observed import Prometheus
from tests.unit.artifacts.grafana import Labels, query, verdict

ENOUGH = 3
"""Minutes for which a condition has held, and will hold while the test runs."""
HEALTHY = "team/healthy"
PIPELINE = ("TelemetryLost", "CollectorQueueFilling", "MessagesLost")
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)


def settings() -> dict[str, Any]:
    """Everything on and at once, what is usual being hours ago."""
    names = configured({}).alerts
    alerts: dict[str, dict[str, Any]] = {name: {"enabled": True, "for": "0s"} for name in names}
    for own in (HOUR_AS_DAY["alerts"], FLOORS):
        for name, values in own.items():
            alerts[name] |= values
    return {"general": {"interval": "10s"}, **HOURS_AS_DAYS, "alerts": alerts}


def job(case: Case) -> str:
    return case.fires.labels["job"] if case.alert in PIPELINE else f"team/{case.alert}"


def renamed(doing: Sequence[Doing], name: str) -> list[Doing]:
    """The traffic of the shop, as that of another service."""
    return [replace(one, job=name) for one in doing if isinstance(one, Traffic | Experiment)]


def story(case: Case) -> list[Phase]:
    """What happened to the service that is broken in this way."""
    phases = [*case.before, (case.noticed + ENOUGH, case.broken)]
    return [(steps, renamed(doing, job(case))) for steps, doing in phases]


def stories() -> Iterator[list[Phase]]:
    """What happened to each service, to the Collector and to the Alertmanager."""
    longest = max(case.breaks for case in CASES) + 60
    yield [(longest, [Traffic(job=HEALTHY), Experiment(job=HEALTHY)])]
    yield [(30, [Collector(queued=0.75, lost=60, given_up=1)])]
    yield from (story(case) for case in CASES if case.alert not in (*PIPELINE, "Watchdog"))


def fill(data: Path, now: int) -> None:
    """Write what happened until now as a Prometheus keeps it."""
    data.parent.mkdir(parents=True)
    text = data.with_suffix(".txt")
    lines = []
    for phases in stories():
        steps = sum(length for length, _ in phases)
        lines.append(openmetrics(input_series(phases), now - (steps - 1) * 60).removesuffix("# EOF\n"))
    text.write_text("".join(lines) + "# EOF\n", encoding="utf-8")
    program = binaries.find("promtool")
    assert program, binaries.install_hint("promtool")
    command: list[str | Path] = [program, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=720h"]
    subprocess.run([*command, text, data], check=True, capture_output=True, timeout=scaled(120))


@dataclass(frozen=True)
class Evaluated:
    """A Prometheus that has evaluated the rules, and Grafana's rules, by name."""

    prometheus: Prometheus
    grafana: dict[str, Any]

    def ask(self, alert: str) -> dict[Labels, float]:
        """What Grafana's query returns."""
        return self.prometheus.values(query(self.grafana[alert]))

    def grafanas(self, alert: str) -> set[Labels]:
        """The series that Grafana would alert on."""
        return verdict(self.grafana[alert], self.ask(alert))

    def firing(self, alert: str) -> set[Labels]:
        """The series that Prometheus alerts on."""
        found = (one["labels"] for one in self.prometheus.ask("alerts")["alerts"])
        own = {"alertname", "severity"}
        return {frozenset((k, v) for k, v in one.items() if k not in own) for one in found if one["alertname"] == alert}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluated]:
    """A real Prometheus after a day in which each service broke in its way."""
    folder = tmp_path_factory.mktemp("alerts")
    found = rules(configured(settings()))
    (folder / "rules").mkdir()
    (folder / "rules" / "recording.yml").write_text(recording_file(found), encoding="utf-8")
    (folder / "rules" / "alerting.yml").write_text(alerting_file(found), encoding="utf-8")
    fill(folder / "stack" / "prometheus" / "data", int(time.time()))
    with Stack(directory=folder / "stack", rules=folder / "rules") as stack:
        prometheus = Prometheus(stack.prometheus_url)
        eventually(lambda: {a["labels"]["alertname"] for a in prometheus.ask("alerts")["alerts"]} >= {"CtrBelowUsual"})
        listed = json.loads(rules_file(found))["groups"][0]["rules"]
        yield Evaluated(prometheus, {rule["title"]: rule for rule in listed})


@EACH
def test_grafana_and_prometheus_alert_on_the_same_services(case: Case, evaluated: Evaluated) -> None:
    broken = {**case.fires.labels, **({"job": job(case)} if case.fires.labels else {})}

    assert frozenset(broken.items()) in evaluated.grafanas(case.alert)
    eventually(lambda: evaluated.grafanas(case.alert) == evaluated.firing(case.alert))


@EACH
def test_neither_alerts_on_the_healthy_service(case: Case, evaluated: Evaluated) -> None:
    alerting = evaluated.grafanas(case.alert) | evaluated.firing(case.alert)

    assert not [labels for labels in alerting if ("job", HEALTHY) in labels]


def test_the_healthy_service_is_judged_at_all(evaluated: Evaluated) -> None:
    assert [labels for labels in evaluated.ask("LatencyHigh") if ("job", HEALTHY) in labels]
