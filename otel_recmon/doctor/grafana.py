"""Checks of a Grafana: data source, dashboards, alert rules, contact point and notification policy."""

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
from otel_recmon.doctor.network import failure_reason, fits_header
from otel_recmon.doctor.target import DoctorError, Target, without_secrets
from otel_recmon.errors import RecmonError
from otel_recmon.findings import Finding, found

TOKEN: Final = "GRAFANA_TOKEN"  # noqa: S105 - a variable's name
_TIMEOUT_S: Final = 10.0
_NOT_GRAFANA: Final = "the answer is not Grafana's"
_UNIT_S: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
Json = Mapping[str, Any]


class GrafanaError(RecmonError):
    """Grafana cannot be examined any further; `finding` has the reason."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.what)
        self.finding = finding


@dataclass
class Grafana:
    """A client for Grafana's HTTP API; `forbidden` collects the paths that the token must not read."""

    url: str
    token: str
    forbidden: list[str] = field(default_factory=list)

    def get(self, path: str) -> tuple[int, Any]:
        """Return the status and the content of an API path; the content is None if the token must not read it.

        Raises:
            GrafanaError: The server is unreachable, refuses the token, or is not a Grafana.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            response = requests.get(f"{self.url.rstrip('/')}/api/{path}", headers=headers, timeout=_TIMEOUT_S)
            content = response.json()
        except ValueError as error:  # the answer is not JSON, or the URL is malformed
            raise self._unusable(_NOT_GRAFANA) from error
        except requests.RequestException as error:
            raise self._unusable(failure_reason(error)) from error
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            reason = "Grafana does not know it" if self.token else "it is not set"
            raise GrafanaError(found("grafana-token-refused", variable=TOKEN, reason=reason))
        if response.status_code == HTTPStatus.FORBIDDEN:
            self.forbidden.append(f"/api/{path}")
            return response.status_code, None
        return response.status_code, content

    def _unusable(self, reason: str) -> GrafanaError:
        return GrafanaError(found("grafana-unreachable", url=without_secrets(self.url), cause=reason))


def reason_to_skip(target: Target) -> str:
    """Return the reason to skip this topic. An empty text means that the topic is examined."""
    return "" if target.grafana else f"set --grafana URL, and a token in {TOKEN}"


def examine(target: Target) -> Iterator[Finding]:
    """Yield the findings about the access to Grafana, and about missing, outdated and failing objects in Grafana.

    Raises:
        DoctorError: The file of --alerts cannot be used.
    """
    config, expected = _expected(target)
    if not fits_header(target.value(TOKEN)):
        yield found("grafana-token-refused", variable=TOKEN, reason="it has characters that a header cannot carry")
        return
    grafana = Grafana(target.grafana, target.value(TOKEN))
    try:
        status, health = grafana.get("health")
        if status != HTTPStatus.OK or not isinstance(health, dict) or "database" not in health:
            raise GrafanaError(found("grafana-unreachable", url=without_secrets(grafana.url), cause=_NOT_GRAFANA))
        yield from _check_datasource(grafana, target, config.deployment.grafana.datasource)
        yield from _check_dashboards(grafana, config)
        yield from _check_rules(grafana, expected)
        yield from _check_notifications(grafana, config.deployment.notifications.slack)
    except GrafanaError as error:
        yield error.finding
    if grafana.forbidden:
        yield found("grafana-token-rights", variable=TOKEN, paths=", ".join(grafana.forbidden))


def _check_datasource(grafana: Grafana, target: Target, uid: str) -> Iterator[Finding]:
    status, source = grafana.get(f"datasources/uid/{uid}")
    if status == HTTPStatus.NOT_FOUND:
        yield found("datasource-missing", uid=uid)
        return
    _, health = grafana.get(f"datasources/uid/{uid}/health")
    if health is not None and health.get("status") != "OK":
        yield found("datasource-down", uid=uid, message=health.get("message", "no reason given"))
    interval = ((source or {}).get("jsonData") or {}).get("timeInterval")
    if target.exports_otlp and interval and _duration_s(interval) * 1000 < target.interval_ms:
        milliseconds = f"{_duration_s(interval) * 1000:g}"
        seconds = f"{target.interval_ms / 1000:g}"
        yield found("datasource-interval", found=interval, seconds=seconds, milliseconds=milliseconds)


def _check_dashboards(grafana: Grafana, config: Config) -> Iterator[Finding]:
    missing, outdated = [], []
    for board in boards(config):
        status, answer = grafana.get(f"dashboards/uid/{board.uid}")
        if status == HTTPStatus.NOT_FOUND:
            missing.append(board.uid)
        elif answer is not None and _panel_queries(answer.get("dashboard") or {}) != _panel_queries(board.json()):
            outdated.append(board.uid)
    if missing:
        yield found("dashboards-missing", names=", ".join(missing))
    if outdated:
        yield found("dashboards-outdated", names=", ".join(outdated))


def _panel_queries(dashboard: Json) -> set[tuple[Any, ...]]:
    """Return the panel id, the panel title and the query of every panel target.

    Doctor compares only these fields, because Grafana adds other fields to a dashboard when it stores the dashboard.
    """
    return {
        (panel.get("id"), panel.get("title"), target.get("expr"))
        for panel in dashboard.get("panels", ())
        for target in panel.get("targets", ({},))
    }


def _expected(target: Target) -> tuple[Config, list[Json]]:
    """Return the settings for Grafana's files, and the alert rules that are generated with these settings."""
    try:
        config = load(target.alerts)
        (group,) = json.loads(rules_file(rules(config)))["groups"]
    except (OSError, ValueError, TuningError) as error:
        raise DoctorError(f"--alerts {target.alerts}: {error}") from error
    return config, list(group["rules"])


def _check_rules(grafana: Grafana, expected: list[Json]) -> Iterator[Finding]:
    _, listed = grafana.get("v1/provisioning/alert-rules")
    if listed is None:
        return
    stored = {rule["uid"]: rule for rule in listed}
    missing = [rule["title"] for rule in expected if rule["uid"] not in stored]
    present = [rule for rule in expected if rule["uid"] in stored]
    outdated = [rule["title"] for rule in present if _firing_condition(stored[rule["uid"]]) != _firing_condition(rule)]
    if missing:
        yield found("rules-missing", names=", ".join(missing))
    if outdated:
        yield found("rules-outdated", names=", ".join(outdated))


def _firing_condition(rule: Json) -> tuple[Any, ...]:
    """Return the queries and limits of a rule, the seconds for which a limit must be crossed, and the pause state.

    Doctor compares only these fields, because Grafana adds other fields to a rule when it stores the rule.
    """
    models = [part.get("model", {}) for part in rule.get("data", ())]
    queries = [model.get("expr") for model in models if "expr" in model]
    limits = [limit.get("evaluator") for model in models for limit in model.get("conditions", ())]
    return queries, limits, _duration_s(rule.get("for", "0s")), rule.get("isPaused", False)


def _check_notifications(grafana: Grafana, slack: str) -> Iterator[Finding]:
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


def _duration_s(duration: str) -> float:
    """Return the seconds of a duration in Grafana's notation, such as ``1h30m``; a number without a unit is seconds."""
    parts = re.findall(r"([\d.]+)(ms|[smhdw]|$)", duration)
    return sum(float(count) * _UNIT_S.get(unit, 1) for count, unit in parts)
