"""An alert: what it says, and what its settings make of it; rendered by others for Grafana, Prometheus and people."""

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
    """How a value compares with the threshold: PromQL's operator, and Grafana's word for it."""

    ABOVE = (">", "gt")
    BELOW = ("<", "lt")
    AT_LEAST = (">=", "gte")
    AT_MOST = ("<=", "lte")
    EQUAL = ("==", "eq")

    @property
    def operator(self) -> str:
        """PromQL's."""
        return self.value[0]

    @property
    def evaluator(self) -> str:
        """Grafana's."""
        return self.value[1]


class Shown(Enum):
    """How a value is written: a template with %s for where it stands, and the same for a constant."""

    SHARE = ("{{ humanizePercentage %s }}", lambda value: f"{value * 100:.4g}%")
    DURATION = ('{{ printf "%%.3g" %s }} s', lambda value: f"{value:.3g} s")
    HOURS = ('{{ printf "%%.1f" %s }} h', lambda value: f"{value:.1f} h")
    TIMES = ('{{ printf "%%.3g" %s }}', lambda value: f"{value:.3g}")
    PERCENT = ('{{ printf "%%.3g" %s }}%%', lambda value: f"{value:.3g}%")

    def template(self, value: str) -> str:
        """Return the template that writes what `value` stands for."""
        return str(self.value[0]) % value

    def constant(self, value: float) -> str:
        """Return a constant in the same form."""
        return str(self.value[1](value))


_SHOWN: Final = {
    Unit.SHARE: Shown.SHARE,
    Unit.SECONDS: Shown.DURATION,
    Unit.HOURS: Shown.HOURS,
    Unit.PERCENT: Shown.PERCENT,
}


_FOR_PEOPLE: Final = ("warning", "critical")
"""The severities of alerts that somebody looks at."""


@dataclass(frozen=True)
class Context:
    """What the expression of an alert is made with; `matchers` narrow it to some of the services."""

    tuning: Tuning
    config: Config
    record: RecordAs
    matchers: tuple[Matcher, ...] = ()

    @property
    def scope(self) -> QueryScope:
        """The alert's window, with services and model versions apart."""
        asked = self.config.deployment.services
        apart, narrowed = (*IDENTITY, MODEL_VERSION.name), (*self.matchers, *asked.matchers)
        return QueryScope(self.tuning.window, apart, narrowed, elsewhere=asked.pipeline_matchers)

    @property
    def threshold(self) -> float:
        """The threshold."""
        assert self.tuning.threshold is not None  # noqa: S101 - a rule is only made of an alert that has one
        return self.tuning.threshold


@dataclass(frozen=True)
class Alert:
    """What an alert is, whatever its settings.

    Attributes:
        name: CamelCase; also the heading of its section in the runbook.
        signal: What it looks at; its panel is the alert's.
        comparison: How the value compares with the threshold when the alert fires.
        summary: One line with {value}, {threshold}, {window} and {back}; what it is about is put in front of it.
        value: The expression of the value, which is nothing where the alert cannot or should not judge.
        by: The labels of its series.
        shown: How the value is written; by default as the signal's unit has it.
        traffic: What its minimum traffic counts.
        against: What the value is relative to, where it is a change.
    """

    name: str
    signal: Signal
    comparison: Comparison
    summary: str
    value: Callable[[Context], Expr]
    by: tuple[str, ...] = (*IDENTITY, MODEL_VERSION.name)
    shown: Shown | None = None
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
        """CamelCase; the alertname."""
        return self.alert.name

    @property
    def uid(self) -> str:
        """Grafana's identifier, which stays the same as long as the name does."""
        return self.config.deployment.grafana.uid(PREFIX + re.sub("([A-Z])", r"-\1", self.name).lower())

    @property
    def threshold(self) -> float:
        """The threshold, in the unit of the value."""
        return Context(self.tuning, self.config, raw).threshold

    @property
    def hold(self) -> str:
        """How long the comparison must hold."""
        return self.tuning.hold

    @property
    def severity(self) -> str:
        """How urgent it is: info, warning or critical."""
        return self.tuning.severity

    @property
    def labels(self) -> dict[str, str]:
        """The labels that it adds to those of its series."""
        return {"severity": self.severity, **self.config.deployment.labels}

    @property
    def minimum_traffic(self) -> float:
        """The count within the window below which it is silent."""
        return self.tuning.minimum_traffic

    @property
    def runbook(self) -> str:
        """Where its section of the runbook is."""
        return f"{self.config.general.runbook}#{self.name.lower()}"

    @property
    def dashboard(self) -> str:
        """The uid of the page that its signal is on."""
        return self.config.deployment.grafana.uid(self.alert.signal.page.uid)

    @property
    def panel(self) -> str:
        """Where the panel of its signal is in Grafana."""
        return f"{self.config.general.grafana}/d/{self.dashboard}?viewPanel={self.alert.signal.panel}"

    def expression(self, record: RecordAs, matchers: tuple[Matcher, ...] = ()) -> Expr:
        """Return the value's PromQL, to be compared with the threshold."""
        return self.alert.value(Context(self.tuning, self.config, record, matchers))

    def told(self, value: float) -> str:
        """Return what the alert says of a value, but for what it is about."""
        return self._text(shown(self.alert).constant(value))

    def annotations(self, value: str) -> dict[str, str]:
        """Return what the alert tells people.

        Args:
            value: What stands for the value in the templates of whoever evaluates the rule.
        """
        form = shown(self.alert)
        said = form.template(value)
        return {
            "summary": f"{self._subject}{self._text(said)}",
            "value": said,
            "threshold": f"{self.alert.comparison.operator} {form.constant(self.threshold)}",
            "runbook_url": self.runbook,
            "panel_url": self.panel,
        }

    def _text(self, said: str) -> str:
        """Return the summary of a value that is written already."""
        threshold, tuning = shown(self.alert).constant(self.threshold), self.tuning
        return self.alert.summary.format(value=said, threshold=threshold, window=tuning.window, back=tuning.back)

    @property
    def _subject(self) -> str:
        return subject(self.alert.by) + (": " if self.alert.by else "")


def limits(rules: Iterable[AlertRule]) -> Limits:
    """Return the limits that the alerts for people set to the values of their signals.

    An alert that is switched off sets none, nor does one on a change, such as one against what is usual.
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
"""How a label is written where it says what an alert is about, in this order."""


def subject(labels: Iterable[str], written: str = "{{ . }}") -> str:
    """Return the template that says what an alert is about: those of the labels that it has.

    Args:
        labels: Names of labels that an alert may have.
        written: The template that writes a label's value.
    """
    return "".join(f"{{{{ with .Labels.{label} }}}}{SUBJECTS[label] % written}{{{{ end }}}}" for label in labels)


def shown(alert: Alert) -> Shown:
    """Return how the value and the threshold of an alert are written."""
    return alert.shown or _SHOWN.get(alert.signal.unit, Shown.TIMES)


def raw(name: str, expression: Expr) -> Expr:  # noqa: ARG001 - the name is for those who record
    """Record nothing: return the expression on raw series."""
    return expression
