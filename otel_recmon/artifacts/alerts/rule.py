"""The definition of an alert, and the alert rule that is made from a definition and its settings."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from otel_recmon.artifacts.pages import PREFIX
from otel_recmon.artifacts.promql import IDENTITY, Expr, Matcher, QueryScope
from otel_recmon.artifacts.settings.thresholds import Config, Tuning
from otel_recmon.artifacts.signals.kinds import Limit, Limits, Signal, Unit
from otel_recmon.catalog import MODEL_VERSION

RecordAs = Callable[[str, Expr], Expr]
"""A function that takes a name and an expensive expression. It records the expression and returns the recorded series,
or it returns the expression unchanged."""
WATCHDOG: Final = "Watchdog"
"""The name of the alert that always fires."""


class Comparison(Enum):
    """A comparison of a value with a threshold: its operator in PromQL, and its name in Grafana."""

    ABOVE = (">", "gt")
    BELOW = ("<", "lt")
    AT_LEAST = (">=", "gte")
    AT_MOST = ("<=", "lte")
    EQUAL = ("==", "eq")

    @property
    def operator(self) -> str:
        """The operator in PromQL."""
        return self.value[0]

    @property
    def evaluator(self) -> str:
        """The evaluator in Grafana."""
        return self.value[1]


class ValueFormat(Enum):
    """A format for values, in two forms: a template in which %s is the value, and a function that formats a number."""

    SHARE = ("{{ humanizePercentage %s }}", lambda value: f"{value * 100:.4g}%")
    DURATION = ('{{ printf "%%.3g" %s }} s', lambda value: f"{value:.3g} s")
    HOURS = ('{{ printf "%%.1f" %s }} h', lambda value: f"{value:.1f} h")
    TIMES = ('{{ printf "%%.3g" %s }}', lambda value: f"{value:.3g}")
    PERCENT = ('{{ printf "%%.3g" %s }}%%', lambda value: f"{value:.3g}%")

    def template(self, value: str) -> str:
        """Return a template that formats a template variable, such as ".Value"."""
        return str(self.value[0]) % value

    def constant(self, value: float) -> str:
        """Return a number as a text in this format."""
        return str(self.value[1](value))


_FORMATS: Final = {
    Unit.SHARE: ValueFormat.SHARE,
    Unit.SECONDS: ValueFormat.DURATION,
    Unit.HOURS: ValueFormat.HOURS,
    Unit.PERCENT: ValueFormat.PERCENT,
}


_FOR_PEOPLE: Final = ("warning", "critical")
"""The severities of alerts that people read. The severity info is for machines, such as a dead man's switch."""


@dataclass(frozen=True)
class Context:
    """The input of an alert's expression.

    Attributes:
        tuning: The settings of the alert.
        config: All settings.
        record: A function that records an expensive expression under a name.
        matchers: Additional label matchers, which limit the expression to some services.
    """

    tuning: Tuning
    config: Config
    record: RecordAs
    matchers: tuple[Matcher, ...] = ()

    @property
    def scope(self) -> QueryScope:
        """The scope of the queries: the window of the alert, grouped by service and model version."""
        services = self.config.deployment.services
        labels, matchers = (*IDENTITY, MODEL_VERSION.name), (*self.matchers, *services.matchers)
        return QueryScope(self.tuning.window, labels, matchers, elsewhere=services.pipeline_matchers)

    @property
    def threshold(self) -> float:
        """The threshold, in the unit of the signal."""
        assert self.tuning.threshold is not None  # noqa: S101 - only alerts with a threshold have rules
        return self.tuning.threshold


@dataclass(frozen=True)
class Alert:
    """The definition of an alert, independent of its settings.

    Attributes:
        name: The name in CamelCase, which is also the heading of the alert's section in the runbook.
        signal: The signal that the alert watches. The alert links to the panel of this signal.
        comparison: The comparison of the value with the threshold. If the comparison stays true, the alert fires.
        summary: One line for people. It may contain {value}, {threshold}, {window} and {offset}. In a message, the
            summary follows the subject, such as the service and the model version.
        action: The first step for the person who is called, in one line.
        value: A function that returns the expression of the value. If there is too little data, the expression has no
            result.
        by: The labels of the series that the expression returns.
        value_format: The format of the value. The default is the format of the signal's unit.
        traffic: A name for the events that the minimum traffic of the alert counts, such as "requests".
        against: The reference of a relative value, such as "compared with the control". Empty for an absolute value.
    """

    name: str
    signal: Signal
    comparison: Comparison
    summary: str
    action: str
    value: Callable[[Context], Expr]
    by: tuple[str, ...] = (*IDENTITY, MODEL_VERSION.name)
    value_format: ValueFormat | None = None
    traffic: str = "requests"
    against: str = ""


@dataclass(frozen=True)
class AlertRule:
    """An alert with its settings."""

    alert: Alert
    tuning: Tuning
    config: Config

    @property
    def name(self) -> str:
        """The name of the alert, which is also the value of its label `alertname`."""
        return self.alert.name

    @property
    def uid(self) -> str:
        """The uid in Grafana. It depends only on the name of the alert and the setting `grafana.uid_prefix`."""
        return self.config.deployment.grafana.uid(PREFIX + re.sub("([A-Z])", r"-\1", self.name).lower())

    @property
    def threshold(self) -> float:
        """The threshold, in the unit of the signal."""
        return Context(self.tuning, self.config, raw).threshold

    @property
    def hold(self) -> str:
        """The time for which the condition must hold before the alert fires."""
        return self.tuning.hold

    @property
    def severity(self) -> str:
        """The severity: info, warning or critical."""
        return self.tuning.severity

    @property
    def labels(self) -> dict[str, str]:
        """The labels that the rule adds to the labels of the series."""
        return {"severity": self.severity, **self.config.deployment.labels}

    @property
    def minimum_traffic(self) -> float:
        """The minimum number of events (see `Alert.traffic`) in the window. With fewer events, the alert is silent."""
        return self.tuning.minimum_traffic

    @property
    def window(self) -> str:
        """The window of the value: the window of the alert or, if the alert has none, the window of the baseline."""
        return self.tuning.window or self.config.baseline.window

    @property
    def runbook(self) -> str:
        """The address of the alert's section in the runbook."""
        return f"{self.config.general.runbook}#{self.name.lower()}"

    @property
    def dashboard(self) -> str:
        """The uid of the dashboard that contains the alert's panel."""
        return self.config.deployment.grafana.uid(self.alert.signal.page.uid)

    @property
    def panel(self) -> str:
        """The address of the alert's panel in Grafana."""
        return f"{self.config.general.grafana}/d/{self.dashboard}?viewPanel={self.alert.signal.panel}"

    def expression(self, record: RecordAs, matchers: tuple[Matcher, ...] = ()) -> Expr:
        """Return the PromQL of the value that is compared with the threshold."""
        return self.alert.value(Context(self.tuning, self.config, record, matchers))

    def summary(self, value: float) -> str:
        """Return the summary of the alert for a given value, without the subject."""
        return self._summary(value_format(self.alert).constant(value))

    def annotations(self, value: str) -> dict[str, str]:
        """Return the annotations of the rule.

        Args:
            value: The template variable that contains the value, such as ".Value". Grafana and Prometheus use different
                variables.
        """
        form = value_format(self.alert)
        template = form.template(value)
        return {
            "summary": f"{self._subject}{self._summary(template)}",
            "description": self.alert.action,
            "value": template,
            "threshold": f"{self.alert.comparison.operator} {form.constant(self.threshold)}",
            "runbook_url": self.runbook,
            "panel_url": self.panel,
        }

    def _summary(self, value: str) -> str:
        threshold = value_format(self.alert).constant(self.threshold)
        return self.alert.summary.format(
            value=value, threshold=threshold, window=self.window, offset=self.tuning.offset
        )

    @property
    def _subject(self) -> str:
        return subject(self.alert.by) + (": " if self.alert.by else "")


def limits(rules: Iterable[AlertRule]) -> Limits:
    """Return the thresholds that panels show, by the name of the signal.

    Only the thresholds of enabled alerts for people are included. A relative threshold, such as 20 % below the
    baseline, is left out, because its unit differs from the unit of the panel.
    """
    found: dict[str, list[Limit]] = defaultdict(list)
    for rule in rules:
        if rule.tuning.enabled and rule.severity in _FOR_PEOPLE and not rule.alert.against:
            below = rule.alert.comparison in (Comparison.BELOW, Comparison.AT_MOST)
            found[rule.alert.signal.name].append(Limit(rule.name, rule.threshold, rule.severity, below))
    return {name: tuple(sorted(each, key=lambda limit: limit.value)) for name, each in found.items()}


SUBJECTS: Final = {
    "job": "%s",
    "deployment_environment_name": " (%s)",
    "model_version": ", model %s",
    "experiment": ", experiment %s",
    "variant": ", arm %s",
    "position": ", position %s",
    "category": ", category %s",
    "label": ", label %s",
    "site": ", %s",
}
"""The text of each label in the subject of an alert. %s is the value of the label. The order is that of the subject."""


def subject(labels: Iterable[str], written: str = "{{ . }}") -> str:
    """Return the template of an alert's subject, such as "team/shop (prod), model v2".

    Args:
        labels: The labels that the alert may have. A label that the alert does not have is left out of the subject.
        written: The template for the value of a label.
    """
    return "".join(f"{{{{ with .Labels.{label} }}}}{SUBJECTS[label] % written}{{{{ end }}}}" for label in labels)


def value_format(alert: Alert) -> ValueFormat:
    """Return the format of an alert's value and threshold."""
    return alert.value_format or _FORMATS.get(alert.signal.unit, ValueFormat.TIMES)


def raw(name: str, expression: Expr) -> Expr:  # noqa: ARG001 - a RecordAs has this parameter
    """Return an expression unchanged, without recording the expression."""
    return expression
