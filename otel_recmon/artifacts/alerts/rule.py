"""The definition of an alert, and the rule that its settings make of it."""

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
"""Given a name and an expensive expression, returns the series that a rule records it as, or the expression itself."""
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
    """A format for values: as a template in which %s stands for the value, and as a function of a number."""

    SHARE = ("{{ humanizePercentage %s }}", lambda value: f"{value * 100:.4g}%")
    DURATION = ('{{ printf "%%.3g" %s }} s', lambda value: f"{value:.3g} s")
    HOURS = ('{{ printf "%%.1f" %s }} h', lambda value: f"{value:.1f} h")
    TIMES = ('{{ printf "%%.3g" %s }}', lambda value: f"{value:.3g}")
    PERCENT = ('{{ printf "%%.3g" %s }}%%', lambda value: f"{value:.3g}%")

    def template(self, value: str) -> str:
        """Return the template for a value, such as ".Value"."""
        return str(self.value[0]) % value

    def constant(self, value: float) -> str:
        """Return a number in this format."""
        return str(self.value[1](value))


_FORMATS: Final = {
    Unit.SHARE: ValueFormat.SHARE,
    Unit.SECONDS: ValueFormat.DURATION,
    Unit.HOURS: ValueFormat.HOURS,
    Unit.PERCENT: ValueFormat.PERCENT,
}


_FOR_PEOPLE: Final = ("warning", "critical")
"""The severities of alerts that people read; info is for machines, such as a dead man's switch."""


@dataclass(frozen=True)
class Context:
    """The input of an alert's expression.

    Attributes:
        tuning: The settings of the alert.
        config: All settings.
        record: Records an expensive expression under a name.
        matchers: More matchers, which narrow the expression to some services.
    """

    tuning: Tuning
    config: Config
    record: RecordAs
    matchers: tuple[Matcher, ...] = ()

    @property
    def scope(self) -> QueryScope:
        """The window of the alert, by service and model version."""
        services = self.config.deployment.services
        labels, matchers = (*IDENTITY, MODEL_VERSION.name), (*self.matchers, *services.matchers)
        return QueryScope(self.tuning.window, labels, matchers, elsewhere=services.pipeline_matchers)

    @property
    def threshold(self) -> float:
        """The threshold, in the unit of the signal."""
        assert self.tuning.threshold is not None  # noqa: S101 - a rule is only made of an alert that has one
        return self.tuning.threshold


@dataclass(frozen=True)
class Alert:
    """The definition of an alert, independent of its settings.

    Attributes:
        name: The name in CamelCase, which is also the heading of its section in the runbook.
        signal: The signal of the value; its panel is linked from the alert.
        comparison: The comparison of the value with the threshold that makes the alert fire.
        summary: One line for people, with {value}, {threshold}, {window} and {offset}. The subject, such as the service
            and the model version, is put before it.
        action: The first step for the person who is called, in one sentence.
        value: Returns the expression of the value. It has no result where there is too little data to judge.
        by: The labels of its series.
        value_format: The format of the value; by default that of the signal's unit.
        traffic: The things that its minimum traffic counts.
        against: The reference of a relative value, such as "compared with the control"; empty for an absolute value.
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
        """The name of the alert, which is its label `alertname`."""
        return self.alert.name

    @property
    def uid(self) -> str:
        """The uid in Grafana, which depends on the name and the prefix of the settings only."""
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
        """The labels that the alert has besides those of its series."""
        return {"severity": self.severity, **self.config.deployment.labels}

    @property
    def minimum_traffic(self) -> float:
        """The count within the window below which the alert is silent."""
        return self.tuning.minimum_traffic

    @property
    def window(self) -> str:
        """The window of the value: that of the alert, or that of the baseline."""
        return self.tuning.window or self.config.baseline.window

    @property
    def runbook(self) -> str:
        """The address of its section in the runbook."""
        return f"{self.config.general.runbook}#{self.name.lower()}"

    @property
    def dashboard(self) -> str:
        """The uid of the dashboard with its panel."""
        return self.config.deployment.grafana.uid(self.alert.signal.page.uid)

    @property
    def panel(self) -> str:
        """The address of its panel in Grafana."""
        return f"{self.config.general.grafana}/d/{self.dashboard}?viewPanel={self.alert.signal.panel}"

    def expression(self, record: RecordAs, matchers: tuple[Matcher, ...] = ()) -> Expr:
        """Return the PromQL of the value that is compared with the threshold."""
        return self.alert.value(Context(self.tuning, self.config, record, matchers))

    def summary(self, value: float) -> str:
        """Return the summary for a value, without the subject."""
        return self._summary(value_format(self.alert).constant(value))

    def annotations(self, value: str) -> dict[str, str]:
        """Return the annotations of the rule.

        Args:
            value: The name of the value in templates of the program that evaluates the rule, such as ".Value".
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

    These are the thresholds of the enabled alerts for people. A relative threshold, such as one against the baseline,
    has another unit than the panel of its signal and is left out.
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
"""The text of each label in the subject of an alert, in the order of the subject."""


def subject(labels: Iterable[str], written: str = "{{ . }}") -> str:
    """Return the template of an alert's subject, such as "team/shop (prod), model v2".

    Args:
        labels: The labels that the alert may have. Those that it lacks are left out of the subject.
        written: The template for the value of a label.
    """
    return "".join(f"{{{{ with .Labels.{label} }}}}{SUBJECTS[label] % written}{{{{ end }}}}" for label in labels)


def value_format(alert: Alert) -> ValueFormat:
    """Return the format of an alert's value and threshold."""
    return alert.value_format or _FORMATS.get(alert.signal.unit, ValueFormat.TIMES)


def raw(name: str, expression: Expr) -> Expr:  # noqa: ARG001 - the name is for callers that record
    """Return an expression as it is, on raw series, without recording it."""
    return expression
