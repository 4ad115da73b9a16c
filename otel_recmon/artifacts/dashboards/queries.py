"""What panels ask: signals over time or over the page's whole range, narrowed by the page's variables."""

from dataclasses import dataclass
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.artifacts.promql import IDENTITY, Expr, Matcher, QueryScope, equal
from otel_recmon.artifacts.settings.deployment import Deployment
from otel_recmon.artifacts.signals.kinds import Limit, Limits, Signal, Volume

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
WHILE, WHOLE = "$__rate_interval", "$__range"
"""The windows: what a point of a line stands for, and all that the page shows."""
RARE: Final = "2m"
"""The least time between two points where events are rare; each stands for a little more than that."""
TURN, HOUR = "5m", "1h"
"""The same for what sketches count, and where they look back too far for less."""
WEEK: Final = "7d"
NARROWING: Final = (catalog.MODEL_VERSION.name, catalog.VARIANT.name, catalog.SURFACE.name)
"""The labels that a page can be narrowed by, each with a variable of its name."""


@dataclass(frozen=True)
class Query:
    """An expression, and what its series are called."""

    expr: Expr
    legend: str
    instant: bool = False
    form: str = "time_series"
    exemplars: bool = False

    def target(self, reference: str) -> dict[str, Any]:
        """Return it as a panel has it."""
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
    """What the panels of a page are made with.

    Attributes:
        matchers: The conditions that the page's variables set.
        deployment: The settings of the deployment.
        limits: The limits that alerts set to signals.
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

    def scope(self, window: str, *apart: str) -> QueryScope:
        """Return the scope of a window, with services apart."""
        asked = self.deployment.services
        narrowed = (*self.matchers, *asked.matchers)
        return QueryScope(window, (*IDENTITY, *apart), narrowed, elsewhere=asked.pipeline_matchers)

    def line(self, signal: Signal, *apart: str, legend: str = "", back: str = "") -> Query:
        """Ask for a signal over time, as a line for each value of the labels."""
        scope = self.scope(WHILE, *apart)
        return Query(signal.expression(scope.ago(back)), legend or named(*apart) or signal.title)

    def now(self, signal: Signal, *apart: str, legend: str = "") -> Query:
        """Ask for what a signal was over the page's whole range."""
        expression = signal.expression(self.scope(WHOLE, *apart))
        return Query(expression, legend or named(*apart) or signal.title, instant=True)

    def since(self, signal: Signal, legend: str) -> Query:
        """Ask for a signal over time, each point of which looks back by the page's whole range."""
        return Query(signal.expression(self.scope(WHOLE)), legend)

    def count(self, volume: Volume, *apart: str, legend: str = "") -> Query:
        """Ask for how many there were over the page's whole range."""
        expression = volume.count(self.scope(WHOLE, *apart))
        return Query(expression, legend or named(*apart) or volume.title, instant=True)

    def total(self, volume: Volume) -> Query:
        """Ask for how many there were over the page's whole range: 0, not nothing, where none have come for a while."""
        return Query(volume.total(self.scope(WHOLE)), volume.title, instant=True)

    def buckets(self, signal: Signal) -> Query:
        """Ask for the buckets of a histogram over time, with the traces of some values."""
        return Query(signal.expression(self.scope(WHILE)), named("le"), form="heatmap", exemplars=True)

    def unnarrowed(self, signal: Signal) -> tuple[str, ...]:
        """Return the variables of the page that the signal cannot be narrowed by."""
        asked = {matcher.label for matcher in self.matchers} & set(NARROWING)
        return tuple(label for label in NARROWING if label in asked - set(signal.labels))


def named(*labels: str) -> str:
    """Return the name of a series by its labels."""
    return " ".join(f"{{{{{label}}}}}" for label in labels)


_SERVICE: Final = (equal("job", "$service"), equal("deployment_environment_name", "$environment"))
ONE_SERVICE: Final = (*_SERVICE, *(Matcher(label, "=~", f"${label}") for label in NARROWING))
"""The conditions of a page about one service."""
EXPERIMENT: Final = (*_SERVICE, *(Matcher(label, "=~", f"${label}") for label in NARROWING if label != "variant"))
"""The same with all variants of the service."""
FLEET: Final = (Matcher("job", "=~", "$service"), Matcher("deployment_environment_name", "=~", "$environment"))
"""The conditions of a page about several services."""
