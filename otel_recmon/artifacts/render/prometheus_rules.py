"""The alerts as Prometheus's rules, and the recording rules of what is expensive in them."""

import json
from collections.abc import Iterable, Mapping
from textwrap import indent
from typing import Final

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.alerts.rule import AlertRule, Keep
from otel_recmon.artifacts.pages import GENERATED
from otel_recmon.artifacts.promql import Expr, Matcher

PREFIX: Final = "recmon:"
"""What the names of recorded series begin with."""
VALUE: Final = ".Value"
"""What stands for the value in Prometheus's templates."""


class Recorded:
    """Keeps expressions as recorded series; to be handed to rules as what they keep with."""

    def __init__(self) -> None:
        """Begin with nothing recorded."""
        self.expressions: dict[str, Expr] = {}

    def __call__(self, name: str, expression: Expr) -> Expr:
        """Return the series that an expression is recorded as."""
        record = PREFIX + name
        if self.expressions.setdefault(record, expression) != expression:
            msg = f"{record} stands for two expressions"
            raise ValueError(msg)
        return Expr(record)


def condition(rule: AlertRule, keep: Keep, matchers: tuple[Matcher, ...] = ()) -> Expr:
    """Return the expression that has something where the alert is to fire."""
    return promql.compared(rule.expression(keep, matchers), rule.alert.comparison.operator, rule.threshold)


def recording_file(rules: Iterable[AlertRule]) -> str:
    """Return the recording rules that the alerting rules of those switched on look at."""
    keep, enabled = Recorded(), _enabled(rules)
    for rule in enabled:
        condition(rule, keep)
    records = [_rule("record", name, expression, {}) for name, expression in keep.expressions.items()]
    return _file(_RECORDING, "recmon", _interval(enabled), records)


def alerting_file(rules: Iterable[AlertRule]) -> str:
    """Return the alerting rules of those switched on."""
    keep, enabled = Recorded(), _enabled(rules)
    return _file(_ALERTING, "recmon-alerts", _interval(enabled), [_alert(rule, keep) for rule in enabled])


def _enabled(rules: Iterable[AlertRule]) -> list[AlertRule]:
    return [rule for rule in rules if rule.tuning.enabled]


def _interval(rules: list[AlertRule]) -> str:
    return rules[0].config.general.interval if rules else "1m"


def _alert(rule: AlertRule, keep: Recorded) -> str:
    more: dict[str, str | Mapping[str, str]] = {
        "for": rule.hold,
        "labels": rule.labels,
        "annotations": rule.annotations(VALUE),
    }
    return _rule("alert", rule.name, condition(rule, keep), more)


def _rule(kind: str, name: str, expression: Expr, more: Mapping[str, str | Mapping[str, str]]) -> str:
    lines = [f"{kind}: {json.dumps(name)}", "expr: |-2", indent(expression.text, "  ")]
    for key, value in more.items():
        if isinstance(value, str):
            lines.append(f"{key}: {value}")
        else:
            lines += [f"{key}:", *(f"  {inner}: {json.dumps(text)}" for inner, text in value.items())]
    first, *rest = lines
    return "\n".join((f"- {first}", *(indent(line, "  ") for line in rest)))


def _file(head: str, group: str, interval: str, rules: list[str]) -> str:
    body = indent("\n\n".join(rules), " " * 6)
    listed = f"\n{body}" if rules else " []"
    return f"{head}\ngroups:\n  - name: {group}\n    interval: {interval}\n    rules:{listed}\n"


_RECORDING: Final = f"""{GENERATED}
#
# What is expensive in the alerting rules: what is usual, and long windows. Without those it does no harm.
"""
_ALERTING: Final = f"""{GENERATED}
#
# The same alerts as Grafana's. Those that are switched off are not here: Prometheus has no pause.
"""
