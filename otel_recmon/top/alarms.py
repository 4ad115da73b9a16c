"""Which thresholds of the alerts are crossed at a moment, and which alerts cannot be judged from where we look."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.alerts.definitions import WATCHDOG
from otel_recmon.artifacts.alerts.rule import AlertRule, raw
from otel_recmon.artifacts.promql import IDENTITY, TERM, Matcher
from otel_recmon.artifacts.render.prometheus_rules import condition
from otel_recmon.artifacts.settings.thresholds import seconds
from otel_recmon.errors import RecmonError
from otel_recmon.query.client import LabelMap, Series
from otel_recmon.query.sources import MetricsSource

SEVERITIES: Final = ("critical", "warning", "info")
"""The most severe first."""


@dataclass(frozen=True)
class Crossing:
    """A threshold that is crossed: the alert, the labels and the value."""

    rule: AlertRule
    labels: LabelMap
    value: float

    @property
    def text(self) -> str:
        """The text of the alert, after the labels that it is about."""
        subject = ", ".join(value for label, value in self.labels.items() if label not in IDENTITY)
        return f"{subject}: {self.rule.told(self.value)}" if subject else self.rule.told(self.value)


@dataclass(frozen=True)
class Judgement:
    """The crossed thresholds, the most severe first, and the alerts that cannot be judged from this source."""

    crossings: tuple[Crossing, ...] = ()
    judged: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    reason: str = ""


def switched_on(rules: Iterable[AlertRule]) -> list[AlertRule]:
    """Return the alerts that are switched on, but for the one that always fires."""
    return [rule for rule in rules if rule.tuning.enabled and rule.name != WATCHDOG.name]


def judged(source: MetricsSource, rules: Sequence[AlertRule], matchers: tuple[Matcher, ...], at: float) -> Judgement:
    """Ask the conditions of the alerts, for one service, at a moment."""
    known = [rule for rule in rules if source.whole or _shown(rule, source.lookback(at).seconds)]
    others = tuple(rule.name for rule in rules if rule not in known)
    if not known:
        return Judgement(undecided=others)
    terms = {rule.name: condition(rule, raw, matchers) for rule in known}
    try:
        crossed = list(source.instant(str(promql.tagged(terms)), at))
    except RecmonError as error:
        return Judgement(undecided=tuple(rule.name for rule in rules), reason=str(error))
    named = {rule.name: rule for rule in known}
    crossings = [_crossing(named, one) for one in crossed]
    return Judgement(tuple(sorted(crossings, key=_severity)), tuple(named), others)


def _crossing(rules: Mapping[str, AlertRule], series: Series) -> Crossing:
    labels = dict(series.labels)
    return Crossing(rules[labels.pop(TERM)], labels, series.value)


def _shown(rule: AlertRule, seen_s: float) -> bool:
    """Say whether a page can show what an alert looks at.

    It knows neither the past nor other programs. Of a budget, how long it burns is what matters; other alerts
    guard themselves against too little traffic.
    """
    if rule.alert.against or rule.tuning.back or not rule.alert.signal.metrics:
        return False
    return not rule.tuning.short_window or seen_s >= seconds(rule.tuning.window)


def _severity(crossing: Crossing) -> tuple[int, str, list[str]]:
    return SEVERITIES.index(crossing.rule.severity), crossing.rule.name, sorted(crossing.labels.values())
