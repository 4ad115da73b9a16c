"""Alerting rules for Prometheus, and recording rules for expensive expressions of the alerting rules."""

import json
from collections.abc import Iterable, Sequence
from textwrap import indent
from typing import Any, Final

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.alerts.rule import AlertRule, RecordAs
from otel_recmon.artifacts.pages import GENERATED
from otel_recmon.artifacts.promql import Expr, Matcher

Json = dict[str, Any]
PREFIX: Final = "recmon:"
"""The prefix of the names of recorded series."""
VALUE: Final = ".Value"
"""The name of the value of a rule in the templates of Prometheus."""


class RecordingRules:
    """The recording rules of some alerts.

    While an alert builds its expression, the alert calls this object for each expensive part of the expression.

    Attributes:
        expressions: The recorded expressions, by the names of the recorded series.
    """

    def __init__(self) -> None:
        self.expressions: dict[str, Expr] = {}

    def __call__(self, name: str, expression: Expr) -> Expr:
        """Record an expression, and return the selector of the recorded series.

        Raises:
            ValueError: Another expression is already recorded under this name.
        """
        series = PREFIX + name
        if self.expressions.setdefault(series, expression) != expression:
            raise ValueError(f"{series} would record two different expressions")
        return Expr(series)


def condition(rule: AlertRule, record: RecordAs, matchers: tuple[Matcher, ...] = ()) -> Expr:
    """Return the expression of an alerting rule.

    The expression has a result for each combination of labels that meets the condition of the alert.
    """
    return promql.compared(rule.expression(record, matchers), rule.alert.comparison.operator, rule.threshold)


def recording_group(rules: Iterable[AlertRule]) -> Json:
    """Return the rule group with the recording rules of all enabled alerts."""
    record, enabled = RecordingRules(), _enabled(rules)
    for rule in enabled:
        condition(rule, record)
    records = [{"record": name, "expr": expression.text} for name, expression in record.expressions.items()]
    return _group("recmon", enabled, records)


def alerting_group(rules: Iterable[AlertRule]) -> Json:
    """Return the rule group with the alerting rules of all enabled alerts."""
    record, enabled = RecordingRules(), _enabled(rules)
    return _group("recmon-alerts", enabled, [_alert(rule, record) for rule in enabled])


def recording_file(rules: Iterable[AlertRule]) -> str:
    """Return the text of the file with the recording rules of all enabled alerts."""
    return _file(_RECORDING, recording_group(rules))


def alerting_file(rules: Iterable[AlertRule]) -> str:
    """Return the text of the file with the alerting rules of all enabled alerts."""
    return _file(_ALERTING, alerting_group(rules))


def _enabled(rules: Iterable[AlertRule]) -> list[AlertRule]:
    return [rule for rule in rules if rule.tuning.enabled]


def _group(name: str, rules: Sequence[AlertRule], content: list[Json]) -> Json:
    return {"name": name, "interval": rules[0].config.general.interval if rules else "1m", "rules": content}


def _alert(rule: AlertRule, record: RecordAs) -> Json:
    return {
        "alert": rule.name,
        "expr": condition(rule, record).text,
        "for": rule.hold,
        "labels": rule.labels,
        "annotations": rule.annotations(VALUE),
    }


def _file(head: str, group: Json) -> str:
    body = indent("\n\n".join(map(_to_yaml, group["rules"])), " " * 6)
    listed = f"\n{body}" if body else " []"
    return f"{head}\ngroups:\n  - name: {group['name']}\n    interval: {group['interval']}\n    rules:{listed}\n"


def _to_yaml(rule: Json) -> str:
    """Return a rule as an item of a YAML list. The expression is a YAML block."""
    (kind, name), (_, expression), *more = rule.items()
    # The 2 is the indentation of the block. An expression can begin with spaces, so YAML cannot infer the indentation.
    lines = [f"- {kind}: {json.dumps(name)}", "  expr: |-2", indent(expression, "    ")]
    for key, value in more:
        if isinstance(value, str):
            lines.append(f"  {key}: {value}")
        else:
            lines += [f"  {key}:", *(f"    {inner}: {json.dumps(text)}" for inner, text in value.items())]
    return "\n".join(lines)


_RECORDING: Final = f"""{GENERATED}
#
# Recording rules for the expensive expressions of the alerting rules: baselines and long windows. Prometheus can load
# this file without the alerting rules.
"""
_ALERTING: Final = f"""{GENERATED}
#
# The same alerts as in Grafana. This file has no disabled alerts, because Prometheus cannot pause a rule.
"""
