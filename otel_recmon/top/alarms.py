"""Which thresholds of the alerts are crossed at a moment, and which alerts cannot be judged from where we look."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.alerts.rule import WATCHDOG, AlertRule, raw
from otel_recmon.artifacts.promql import IDENTITY, TERM, Matcher
from otel_recmon.artifacts.render.prometheus_rules import condition
from otel_recmon.artifacts.settings.thresholds import seconds
from otel_recmon.query.client import Labels
from otel_recmon.query.sources import FAILURES, Source

SEVERITIES: Final = ("critical", "warning", "info")
"""The gravest first."""


@dataclass(frozen=True)
class Finding:
    """A threshold that is crossed: of which alert, for what, by which value."""

    rule: AlertRule
    labels: Labels
    value: float

    @property
    def text(self) -> str:
        """What the alert would say, and of what."""
        subject = ", ".join(value for label, value in self.labels.items() if label not in IDENTITY)
        return f"{subject}: {self.rule.summary(self.value)}" if subject else self.rule.summary(self.value)


@dataclass(frozen=True)
class Judgement:
    """What is crossed, the gravest first, and the names of the alerts that nobody can judge from here."""

    findings: tuple[Finding, ...] = ()
    judged: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    reason: str = ""


def switched_on(rules: Iterable[AlertRule]) -> list[AlertRule]:
    """Return the alerts that are switched on, but for the one that always fires."""
    return [rule for rule in rules if rule.tuning.enabled and rule.name != WATCHDOG]


def judged(source: Source, rules: Sequence[AlertRule], matchers: tuple[Matcher, ...], at: float) -> Judgement:
    """Ask the conditions of the alerts, for one service, at a moment."""
    known = [rule for rule in rules if source.whole or _shown(rule, source.period(at).seconds)]
    others = tuple(rule.name for rule in rules if rule not in known)
    if not known:
        return Judgement(undecided=others)
    terms = {rule.name: condition(rule, raw, matchers) for rule in known}
    try:
        crossed = list(source.instant(str(promql.tagged(terms)), at))
    except FAILURES as error:
        return Judgement(undecided=tuple(rule.name for rule in rules), reason=str(error))
    named = {rule.name: rule for rule in known}
    findings = [
        Finding(named[one.labels[TERM]], {name: value for name, value in one.labels.items() if name != TERM}, one.value)
        for one in crossed
    ]
    return Judgement(tuple(sorted(findings, key=_gravity)), tuple(named), others)


def _shown(rule: AlertRule, seen_s: float) -> bool:
    """Say whether a page can show what an alert looks at.

    It knows neither the past nor other programs. Of a budget, how long it burns is what matters; other alerts
    guard themselves against too little traffic.
    """
    if rule.alert.against or rule.tuning.offset or not rule.alert.signal.metrics:
        return False
    return not rule.tuning.short_window or seen_s >= seconds(rule.tuning.window)


def _gravity(finding: Finding) -> tuple[int, str, list[str]]:
    return SEVERITIES.index(finding.rule.severity), finding.rule.name, sorted(finding.labels.values())
