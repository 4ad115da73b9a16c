"""The alerts as Prometheus's rules, and the recording rules of what is expensive in them."""

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
"""What the names of recorded series begin with."""
VALUE: Final = ".Value"
"""What stands for the value in Prometheus's templates."""


class Recorded:
    """Records expressions: to be given to rules, and then asked for what they recorded."""

    def __init__(self) -> None:
        """Begin with nothing recorded."""
        self.expressions: dict[str, Expr] = {}

    def __call__(self, name: str, expression: Expr) -> Expr:
        """Return the series that an expression is recorded as."""
        series = PREFIX + name
        if self.expressions.setdefault(series, expression) != expression:
            msg = f"{series} stands for two expressions"
            raise ValueError(msg)
        return Expr(series)


def condition(rule: AlertRule, record: RecordAs, matchers: tuple[Matcher, ...] = ()) -> Expr:
    """Return the expression that has something where the alert is to fire."""
    return promql.compared(rule.expression(record, matchers), rule.alert.comparison.operator, rule.threshold)


def recording_group(rules: Iterable[AlertRule]) -> Json:
    """Return the recording rules that the alerting rules of those switched on look at, as Prometheus reads them."""
    record, enabled = Recorded(), _enabled(rules)
    for rule in enabled:
        condition(rule, record)
    records = [{"record": name, "expr": expression.text} for name, expression in record.expressions.items()]
    return _group("recmon", enabled, records)


def alerting_group(rules: Iterable[AlertRule]) -> Json:
    """Return the alerting rules of those switched on, as Prometheus reads them."""
    record, enabled = Recorded(), _enabled(rules)
    return _group("recmon-alerts", enabled, [_alert(rule, record) for rule in enabled])


def recording_file(rules: Iterable[AlertRule]) -> str:
    """Return the file of the recording rules."""
    return _file(_RECORDING, recording_group(rules))


def alerting_file(rules: Iterable[AlertRule]) -> str:
    """Return the file of the alerting rules."""
    return _file(_ALERTING, alerting_group(rules))


def _enabled(rules: Iterable[AlertRule]) -> list[AlertRule]:
    return [rule for rule in rules if rule.tuning.enabled]


def _group(name: str, rules: Sequence[AlertRule], made: list[Json]) -> Json:
    return {"name": name, "interval": rules[0].config.general.interval if rules else "1m", "rules": made}


def _alert(rule: AlertRule, record: RecordAs) -> Json:
    return {
        "alert": rule.name,
        "expr": condition(rule, record).text,
        "for": rule.hold,
        "labels": rule.labels,
        "annotations": rule.annotations(VALUE),
    }


def _file(head: str, group: Json) -> str:
    body = indent("\n\n".join(map(_written, group["rules"])), " " * 6)
    listed = f"\n{body}" if body else " []"
    return f"{head}\ngroups:\n  - name: {group['name']}\n    interval: {group['interval']}\n    rules:{listed}\n"


def _written(rule: Json) -> str:
    """Return a rule as an item of a list in YAML, with its expression on lines of its own."""
    (kind, name), (_, expression), *more = rule.items()
    lines = [f"- {kind}: {json.dumps(name)}", "  expr: |-2", indent(expression, "    ")]
    for key, value in more:
        if isinstance(value, str):
            lines.append(f"  {key}: {value}")
        else:
            lines += [f"  {key}:", *(f"    {inner}: {json.dumps(text)}" for inner, text in value.items())]
    return "\n".join(lines)


_RECORDING: Final = f"""{GENERATED}
#
# What is expensive in the alerting rules: what is usual, and long windows. Without those it does no harm.
"""
_ALERTING: Final = f"""{GENERATED}
#
# The same alerts as Grafana's. Those that are switched off are not here: Prometheus has no pause.
"""
