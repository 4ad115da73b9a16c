"""Alert rules for Grafana's provisioning. A rule has a threshold and an instant query without recording rules."""

import json
from collections.abc import Iterable
from typing import Any, Final

from otel_recmon.artifacts.alerts.rule import AlertRule, raw
from otel_recmon.artifacts.pages import PREFIX
from otel_recmon.artifacts.settings.thresholds import TuningError, seconds

VALUE: Final = ".Values.A.Value"
"""The name of the value of a rule in the templates of Grafana. `A` is the refId of the query."""
EXPRESSION: Final = "__expr__"
_QUERY, _CONDITION = "A", "B"
_INTERVAL_STEP_S: Final = 10
"""Grafana accepts only evaluation intervals that are multiples of 10 s."""
_LOOK_BACK_S: Final = 600
"""The time range, in seconds, of the query of a rule whose alert has no window.

An instant query reads only the end of its time range.
"""


def rules_file(rules: Iterable[AlertRule]) -> str:
    """Return the text of the provisioning file with all alert rules. The rules of disabled alerts are paused.

    Raises:
        TuningError: Grafana does not support the evaluation interval.
    """
    listed = list(rules)
    content = {"apiVersion": 1, "groups": [_group(listed)]}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _group(rules: list[AlertRule]) -> dict[str, Any]:
    interval, grafana = rules[0].config.general.interval, rules[0].config.deployment.grafana
    if seconds(interval) % _INTERVAL_STEP_S:
        raise TuningError(
            f"general.interval = {interval!r} is not usable: Grafana evaluates in steps of {_INTERVAL_STEP_S}s"
        )
    return {
        "orgId": grafana.organisation,
        "name": grafana.uid(PREFIX),
        "folder": grafana.alert_folder,
        "interval": interval,
        "rules": [_rule(rule) for rule in rules],
    }


def _rule(rule: AlertRule) -> dict[str, Any]:
    signal = rule.alert.signal
    # Grafana makes the link to the panel from __dashboardUid__ and __panelId__.
    annotations = {key: text for key, text in rule.annotations(VALUE).items() if key != "panel_url"}
    return {
        "uid": rule.uid,
        "title": rule.name,
        "condition": _CONDITION,
        "data": [_query(rule), _threshold(rule)],
        "dashboardUid": rule.dashboard,
        "panelId": signal.panel,
        "noDataState": "OK",  # an expression has no result if there is too little data
        "execErrState": "Error",
        "for": rule.hold,
        "annotations": {**annotations, "__dashboardUid__": rule.dashboard, "__panelId__": str(signal.panel)},
        "labels": rule.labels,
        "isPaused": not rule.tuning.enabled,
        **_notification_settings(rule.config.deployment.notifications.contact_point),
    }


def _notification_settings(contact_point: str) -> dict[str, Any]:
    return {"notification_settings": {"receiver": contact_point}} if contact_point else {}


def _query(rule: AlertRule) -> dict[str, Any]:
    return {
        "refId": _QUERY,
        "datasourceUid": rule.config.deployment.grafana.datasource,
        "relativeTimeRange": {"from": seconds(rule.tuning.window) if rule.tuning.window else _LOOK_BACK_S, "to": 0},
        "model": {
            "refId": _QUERY,
            "expr": str(rule.expression(raw)),
            "instant": True,
            "range": False,
            "editorMode": "code",
        },
    }


def _threshold(rule: AlertRule) -> dict[str, Any]:
    evaluator = {"type": rule.alert.comparison.evaluator, "params": [rule.threshold]}
    return {
        "refId": _CONDITION,
        "datasourceUid": EXPRESSION,
        "relativeTimeRange": {"from": 0, "to": 0},
        "model": {
            "refId": _CONDITION,
            "type": "threshold",
            "datasource": {"type": EXPRESSION, "uid": EXPRESSION},
            "expression": _QUERY,
            "conditions": [{"evaluator": evaluator}],
        },
    }
