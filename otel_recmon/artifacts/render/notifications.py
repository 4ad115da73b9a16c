"""Contact points and notification policies for Grafana and Alertmanager. The policies route alerts by severity."""

import json
from collections.abc import Iterator
from textwrap import indent
from typing import Any, Final

from otel_recmon.artifacts.alerts.rule import WATCHDOG
from otel_recmon.artifacts.pages import GENERATED
from otel_recmon.artifacts.render.quoting import scalar
from otel_recmon.artifacts.render.slack_message import COLOR, TEXT, TITLE, grafana_templates
from otel_recmon.artifacts.settings.thresholds import SEVERITIES, Config, NotificationTiming

SLACK_VARIABLE: Final = "SLACK_WEBHOOK_URL"
SWITCH_VARIABLE: Final = "DEAD_MANS_SWITCH_URL"
SLACK_SECRET: Final = "slack-webhook-url"  # noqa: S105 - the name of the file with the secret
SWITCH_SECRET: Final = "dead-mans-switch-url"  # noqa: S105 - the same
TEMPLATES_FILE: Final = "templates/recmon.tmpl"
"""The path of the file with the message templates, relative to the folder of alertmanager.yml."""
_OTHERS: Final = "warning"
"""Alerts without a known severity, such as alerts of other teams, have the message timing of this severity."""


def grafana_file(config: Config) -> str:
    """Return the provisioning file with the contact points, the notification policy and the templates.

    Grafana replaces SLACK_WEBHOOK_URL and DEAD_MANS_SWITCH_URL in the file by the values of these environment
    variables. If one of the two variables is empty, Grafana does not start.
    """
    names, organisation = config.deployment.notifications, {"orgId": config.deployment.grafana.organisation}
    points = {names.slack: _slack(), names.switch: _switch()}
    content = {
        "apiVersion": 1,
        "contactPoints": [
            {**organisation, "name": name, "receivers": [{"uid": name, **receiver}]}
            for name, receiver in points.items()
        ],
        "templates": [{**organisation, "name": "recmon", "template": grafana_templates()}],
        "policies": [{**organisation, **_policy(config)}],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _slack() -> dict[str, Any]:
    settings = {"url": f"${{{SLACK_VARIABLE}}}", "title": TITLE, "text": TEXT, "color": COLOR}
    return {"type": "slack", "disableResolveMessage": False, "settings": settings}


def _switch() -> dict[str, Any]:
    # The switch expects calls while the Watchdog fires. A call when the Watchdog ends would look like a sign of life.
    return {"type": "webhook", "disableResolveMessage": True, "settings": {"url": f"${{{SWITCH_VARIABLE}}}"}}


def _policy(config: Config) -> dict[str, Any]:
    routes = [
        {"receiver": receiver, "object_matchers": [[label, "=", value]], **pace}
        for receiver, label, value, pace in _routes(config)
    ]
    return {**_root(config), "routes": routes}


def _root(config: Config) -> dict[str, Any]:
    return {
        "receiver": config.deployment.notifications.slack,
        "group_by": ["severity"],
        **_timing(config.timing[_OTHERS]),
    }


def _routes(config: Config) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Yield, for each route: the receiver, the name and the value of the label to match, and the intervals."""
    names = config.deployment.notifications
    yield names.switch, "alertname", WATCHDOG, _timing(config.timing["watchdog"])
    for severity in reversed(SEVERITIES):
        yield names.slack, "severity", severity, _timing(config.timing[severity])


def _timing(timing: NotificationTiming) -> dict[str, str]:
    return {
        "group_wait": timing.group_wait,
        "group_interval": timing.group_interval,
        "repeat_interval": timing.repeat_interval,
    }


def alertmanager_file(config: Config) -> str:
    """Return the text of the configuration file of Alertmanager. The policy is the same as in Grafana."""
    return _ALERTMANAGER.format(
        root=_lines(_root(config)),
        routes="\n".join(
            indent(f"- receiver: {scalar(receiver)}\n{_lines({'matchers': [f'{label}={value}'], **pace})}", "    ")
            for receiver, label, value, pace in _routes(config)
        ),
        generated=GENERATED,
        slack=scalar(config.deployment.notifications.slack),
        switch=scalar(config.deployment.notifications.switch),
        templates=TEMPLATES_FILE,
        secrets=config.general.secrets,
        slack_secret=SLACK_SECRET,
        switch_secret=SWITCH_SECRET,
        title=TITLE,
        text=TEXT,
        color=COLOR,
    )


def _lines(table: dict[str, Any]) -> str:
    return "\n".join(f"  {key}: {json.dumps(value)}" for key, value in table.items())


_ALERTMANAGER: Final = """\
{generated}
#
# Use this file if Prometheus evaluates the alerts instead of Grafana. The policy and the messages are the same as in
# Grafana. Tested with Alertmanager 0.31. Alertmanager does not read environment variables, so two files have the URLs
# (api_url_file, url_file). Alertmanager reads the files again for every message. If a file is missing, it sends no
# message and increases alertmanager_notifications_failed_total.

route:
{root}
  routes:
{routes}

receivers:
  - name: {slack}
    slack_configs:
      - api_url_file: {secrets}/{slack_secret}
        send_resolved: true
        timeout: 10s # without it, a request that hangs would block the next attempt
        title: '{title}'
        text: '{text}'
        color: '{color}'
        fallback: '{title}'

  # The dead man's switch expects calls while alerting works. A call when the Watchdog ends would look like a sign of
  # life.
  - name: {switch}
    webhook_configs:
      - url_file: {secrets}/{switch_secret}
        send_resolved: false
        timeout: 10s

templates: [{templates}]
"""
