"""Queries of panels, filtered by the variables of the dashboard."""

from dataclasses import dataclass
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.artifacts.promql import IDENTITY, Expr, Matcher, QueryScope, equal
from otel_recmon.artifacts.settings.deployment import Deployment
from otel_recmon.artifacts.signals.kinds import Limit, Limits, Signal, Volume

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
RATE_WINDOW, TIME_RANGE = "$__rate_interval", "$__range"
"""Grafana's macros for two windows: the window of one point of a line, and the time range of the dashboard."""
RARE_EVENTS_STEP: Final = "2m"
"""The minimum step (time between two points) for lines of rare events. The window of a point is longer than a step."""
SKETCH_STEP: Final = "5m"
"""The minimum step for lines from sketches. Processes start a new sketch every five minutes (docs/sketches.md)."""
SKETCH_RATIO_STEP: Final = "1h"
"""The minimum step for lines of a counter divided by an estimate from sketches.

The estimate includes five to ten minutes before the window, and the counter does not. So the ratio over a window of a
few minutes would be far too low.
"""
WEEK: Final = "7d"
FILTER_LABELS: Final = (catalog.MODEL_VERSION.name, catalog.VARIANT.name, catalog.SURFACE.name)
"""The labels that users can filter a dashboard by. Each label has a variable of the same name."""


@dataclass(frozen=True)
class Query:
    """A query of a panel: an expression, and the legend of its series."""

    expr: Expr
    legend: str
    instant: bool = False
    form: str = "time_series"
    exemplars: bool = False

    def target(self, reference: str) -> dict[str, Any]:
        """Return the query in Grafana's JSON model."""
        return {
            "refId": reference,
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": str(self.expr),
            "legendFormat": self.legend,
            "instant": self.instant,
            "range": not self.instant,
            "format": self.form,
            "exemplar": self.exemplars,
        }


@dataclass(frozen=True)
class PageView:
    """The filters, the settings and the thresholds that all panels of a dashboard share.

    Attributes:
        matchers: The label matchers with the variables of the dashboard.
        deployment: The settings of the deployment.
        limits: The thresholds of the alerts. The key is the ``name`` of a ``Signal``.
    """

    matchers: tuple[Matcher, ...]
    deployment: Deployment
    limits: Limits

    @property
    def money(self) -> str:
        """Grafana's name for the currency as a unit."""
        return self.deployment.services.money

    def limits_of(self, signal: Signal) -> tuple[Limit, ...]:
        """Return the limits of a signal, the lowest first."""
        return self.limits.get(signal.name, ())

    def scope(self, window: str, *labels: str) -> QueryScope:
        """Return the scope of a query: the window, the filters of the dashboard, and the labels of the result.

        The result is always by service, and also by the given labels.
        """
        asked = self.deployment.services
        narrowed = (*self.matchers, *asked.matchers)
        return QueryScope(window, (*IDENTITY, *labels), narrowed, elsewhere=asked.pipeline_matchers)

    def over_time(self, signal: Signal, *labels: str, legend: str = "", offset: str = "") -> Query:
        """Return the query for a signal over time, with one line for each combination of label values."""
        scope = self.scope(RATE_WINDOW, *labels)
        return Query(signal.expression(scope.ago(offset)), legend or legend_of(*labels) or signal.title)

    def over_range(self, signal: Signal, *labels: str, legend: str = "") -> Query:
        """Return the query for a signal over the whole time range. A gauge has its latest value."""
        expression = signal.expression(self.scope(TIME_RANGE, *labels))
        return Query(expression, legend or legend_of(*labels) or signal.title, instant=True)

    def trailing_range(self, signal: Signal, legend: str) -> Query:
        """Return the query for a signal over time. The window of each point is as long as the whole time range."""
        return Query(signal.expression(self.scope(TIME_RANGE)), legend)

    def count(self, volume: Volume, *labels: str, legend: str = "") -> Query:
        """Return the query that counts the events in the time range. Without events, there is no result."""
        expression = volume.count(self.scope(TIME_RANGE, *labels))
        return Query(expression, legend or legend_of(*labels) or volume.title, instant=True)

    def total(self, volume: Volume) -> Query:
        """Return the query that counts the events in the time range; 0 for a known service without such events."""
        return Query(volume.total(self.scope(TIME_RANGE)), volume.title, instant=True)

    def buckets(self, signal: Signal) -> Query:
        """Return the query for the buckets of a histogram over time, with exemplars."""
        return Query(signal.expression(self.scope(RATE_WINDOW)), legend_of("le"), form="heatmap", exemplars=True)

    def ignored_filters(self, signal: Signal) -> tuple[str, ...]:
        """Return the filter labels of the dashboard that the signal does not have."""
        asked = {matcher.label for matcher in self.matchers} & set(FILTER_LABELS)
        return tuple(label for label in FILTER_LABELS if label in asked - set(signal.labels))


def legend_of(*labels: str) -> str:
    """Return the template of a legend that consists of the values of the labels."""
    return " ".join(f"{{{{{label}}}}}" for label in labels)


_SERVICE: Final = (equal("job", "$service"), equal("deployment_environment_name", "$environment"))
ONE_SERVICE: Final = (*_SERVICE, *(Matcher(label, "=~", f"${label}") for label in FILTER_LABELS))
"""The matchers of a dashboard for one service."""
EXPERIMENT: Final = (*_SERVICE, *(Matcher(label, "=~", f"${label}") for label in FILTER_LABELS if label != "variant"))
"""The matchers of the dashboard for experiments, which shows all variants of one service."""
FLEET: Final = (Matcher("job", "=~", "$service"), Matcher("deployment_environment_name", "=~", "$environment"))
"""The matchers of a dashboard for several services."""
