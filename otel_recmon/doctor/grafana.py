"""What Grafana has: the data source, the dashboards, the alert rules, and somebody to tell."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import requests

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.render.files import boards
from otel_recmon.artifacts.render.grafana_rules import rules_file
from otel_recmon.artifacts.settings.thresholds import Config, TuningError, load
from otel_recmon.doctor.network import cause, sendable
from otel_recmon.doctor.target import DoctorError, Patient, bare
from otel_recmon.findings import Finding, found

TOKEN: Final = "GRAFANA_TOKEN"  # noqa: S105 - the name of the variable that has it
_TIMEOUT_S: Final = 10.0
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
Json = Mapping[str, Any]


class GrafanaError(RuntimeError):
    """Nothing more can be asked; the finding says why."""

    def __init__(self, finding: Finding) -> None:
        """Keep the finding."""
        super().__init__(finding.what)
        self.finding = finding


@dataclass
class Grafana:
    """A Grafana, asked over its HTTP API; what the token may not read is remembered."""

    url: str
    token: str
    forbidden: list[str] = field(default_factory=list)

    def get(self, path: str) -> tuple[int, Any]:
        """Return the status and the content of an answer; None where it may not be read.

        Raises:
            GrafanaError: It cannot be reached, does not know the token, or is no Grafana.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            response = requests.get(f"{self.url.rstrip('/')}/api/{path}", headers=headers, timeout=_TIMEOUT_S)
            content = response.json()
        except ValueError as error:  # a page, or no URL
            raise self._unusable("it answers as no Grafana does") from error
        except requests.RequestException as error:
            raise self._unusable(cause(error)) from error
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            reason = "it knows no such token" if self.token else "it is not set"
            raise GrafanaError(found("grafana-token-refused", variable=TOKEN, reason=reason))
        if response.status_code == HTTPStatus.FORBIDDEN:
            self.forbidden.append(f"/api/{path}")
            return response.status_code, None
        return response.status_code, content

    def _unusable(self, words: str) -> GrafanaError:
        return GrafanaError(found("grafana-unreachable", url=bare(self.url), cause=words))


def skipped(patient: Patient) -> str:
    """Return why there is nothing to examine; empty where there is something."""
    return "" if patient.grafana else f"name it with --grafana URL, and a token in {TOKEN}"


def examine(patient: Patient) -> Iterator[Finding]:
    """Find what is missing or old in Grafana.

    Raises:
        DoctorError: The file with one's own thresholds cannot be read.
    """
    config, expected = _expected(patient)
    if not sendable(patient.value(TOKEN)):
        yield found("grafana-token-refused", variable=TOKEN, reason="it has characters that no header can have")
        return
    grafana = Grafana(patient.grafana, patient.value(TOKEN))
    try:
        status, health = grafana.get("health")
        if status != HTTPStatus.OK or not isinstance(health, dict) or "database" not in health:
            raise GrafanaError(
                found("grafana-unreachable", url=bare(grafana.url), cause="it answers as no Grafana does")
            )
        yield from _datasource(grafana, patient, config.deployment.grafana.datasource)
        yield from _dashboards(grafana, config)
        yield from _rules(grafana, expected)
        yield from _telling(grafana, config.deployment.notifications.slack)
    except GrafanaError as error:
        yield error.finding
    if grafana.forbidden:
        yield found("grafana-token-rights", variable=TOKEN, paths=", ".join(grafana.forbidden))


def _datasource(grafana: Grafana, patient: Patient, uid: str) -> Iterator[Finding]:
    status, source = grafana.get(f"datasources/uid/{uid}")
    if status == HTTPStatus.NOT_FOUND:
        yield found("datasource-missing", uid=uid)
        return
    _, health = grafana.get(f"datasources/uid/{uid}/health")
    if health is not None and health.get("status") != "OK":
        yield found("datasource-down", uid=uid, message=health.get("message", "it does not say why"))
    interval = ((source or {}).get("jsonData") or {}).get("timeInterval")
    if patient.pushes and interval and _seconds(interval) * 1000 < patient.interval_ms:
        milliseconds = f"{_seconds(interval) * 1000:g}"
        seconds = f"{patient.interval_ms / 1000:g}"
        yield found("datasource-interval", found=interval, seconds=seconds, milliseconds=milliseconds)


def _dashboards(grafana: Grafana, config: Config) -> Iterator[Finding]:
    missing, old = [], []
    for board in boards(config):
        status, answer = grafana.get(f"dashboards/uid/{board.uid}")
        if status == HTTPStatus.NOT_FOUND:
            missing.append(board.uid)
        elif answer is not None and _asked(answer.get("dashboard") or {}) != _asked(board.json()):
            old.append(board.uid)
    if missing:
        yield found("dashboards-missing", names=", ".join(missing))
    if old:
        yield found("dashboards-outdated", names=", ".join(old))


def _asked(dashboard: Json) -> set[tuple[Any, ...]]:
    """Return what the panels of a dashboard ask; Grafana adds to all else when it stores one."""
    return {
        (panel.get("id"), panel.get("title"), target.get("expr"))
        for panel in dashboard.get("panels", ())
        for target in panel.get("targets", ({},))
    }


def _expected(patient: Patient) -> tuple[Config, list[Json]]:
    """Return the settings that Grafana's files were made with, and the alert rules among them."""
    try:
        config = load(patient.alerts)
        (group,) = json.loads(rules_file(rules(config)))["groups"]
    except (OSError, ValueError, TuningError) as error:
        raise DoctorError(f"--alerts {patient.alerts}: {error}") from error
    return config, list(group["rules"])


def _rules(grafana: Grafana, expected: list[Json]) -> Iterator[Finding]:
    _, listed = grafana.get("v1/provisioning/alert-rules")
    if listed is None:
        return
    there = {rule["uid"]: rule for rule in listed}
    missing = [rule["title"] for rule in expected if rule["uid"] not in there]
    old = [rule["title"] for rule in expected if rule["uid"] in there and _fires(there[rule["uid"]]) != _fires(rule)]
    if missing:
        yield found("rules-missing", names=", ".join(missing))
    if old:
        yield found("rules-outdated", names=", ".join(old))


def _fires(rule: Json) -> tuple[Any, ...]:
    """Return when a rule fires; Grafana adds to all else when it stores one."""
    models = [part.get("model", {}) for part in rule.get("data", ())]
    asked = [model.get("expr") for model in models if "expr" in model]
    limits = [limit.get("evaluator") for model in models for limit in model.get("conditions", ())]
    return asked, limits, _seconds(rule.get("for", "0s")), rule.get("isPaused", False)


def _telling(grafana: Grafana, slack: str) -> Iterator[Finding]:
    _, points = grafana.get("v1/provisioning/contact-points")
    if points is not None and slack not in {point.get("name") for point in points}:
        yield found("contact-point-missing", name=slack)
        return
    _, policy = grafana.get("v1/provisioning/policies")
    if policy is not None and slack not in _receivers(policy):
        yield found("policy-elsewhere", name=slack)


def _receivers(policy: Json) -> set[str]:
    inner = (_receivers(route) for route in policy.get("routes") or ())
    return {policy.get("receiver", "")}.union(*inner)


def _seconds(duration: str) -> float:
    """Return a duration as Grafana writes it, such as ``1h30m``, in seconds; a bare number is seconds."""
    parts = re.findall(r"([\d.]+)(ms|[smhdw]|$)", duration)
    return sum(float(count) * _UNITS.get(unit, 1) for count, unit in parts)
