"""Evaluation of the alert conditions at one time: crossed thresholds, and alerts that the source cannot evaluate."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.alerts.rule import WATCHDOG, AlertRule, raw
from otel_recmon.artifacts.promql import IDENTITY, TERM, Matcher
from otel_recmon.artifacts.render.prometheus_rules import condition
from otel_recmon.artifacts.settings.thresholds import seconds
from otel_recmon.errors import RecmonError
from otel_recmon.query.client import LabelMap, Series
from otel_recmon.query.sources import MetricsSource

SEVERITIES: Final = ("critical", "warning", "info")
"""From the most to the least severe."""


@dataclass(frozen=True)
class Crossing:
    """A crossed threshold: the alert, the labels of the series that crosses it, and the value of the series."""

    rule: AlertRule
    labels: LabelMap
    value: float

    @property
    def text(self) -> str:
        """The label values of the series (except those of the service), then the text of the alert with the value."""
        subject = ", ".join(value for label, value in self.labels.items() if label not in IDENTITY)
        return f"{subject}: {self.rule.summary(self.value)}" if subject else self.rule.summary(self.value)


@dataclass(frozen=True)
class Judgement:
    """The result of an evaluation of alerts.

    Attributes:
        crossings: The crossed thresholds, the most severe first.
        judged: The names of the evaluated alerts.
        undecided: The names of the alerts that the source cannot evaluate.
        reason: The error that prevented the evaluation of all alerts; empty if there was none.
    """

    crossings: tuple[Crossing, ...] = ()
    judged: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    reason: str = ""


def switched_on(rules: Iterable[AlertRule]) -> list[AlertRule]:
    """Return the enabled alerts, without the watchdog, which always fires."""
    return [rule for rule in rules if rule.tuning.enabled and rule.name != WATCHDOG]


def judged(source: MetricsSource, rules: Sequence[AlertRule], matchers: tuple[Matcher, ...], at: float) -> Judgement:
    """Evaluate the conditions of alerts for one service, in one query."""
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
    """Return True if the page of a process is enough to evaluate an alert.

    A page has neither a history nor the metrics of other programs. So the result is False for alerts that compare with
    an earlier time, and for alerts on the Collector. ``seen_s``, the window of the figures in
    seconds, must cover the long window of a burn-rate alert. The expressions of the other alerts require a minimum of
    traffic themselves.
    """
    if rule.alert.against or rule.tuning.offset or not rule.alert.signal.metrics:
        return False
    return not rule.tuning.short_window or seen_s >= seconds(rule.tuning.window)


def _severity(crossing: Crossing) -> tuple[int, str, list[str]]:
    return SEVERITIES.index(crossing.rule.severity), crossing.rule.name, sorted(crossing.labels.values())
