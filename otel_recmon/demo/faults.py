"""Faults that the demo can inject. Each has a cause, a figure that shows the fault, and alerts that must fire."""

import difflib
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from otel_recmon import catalog, definitions
from otel_recmon import formatting as write
from otel_recmon.definitions import Definition
from otel_recmon.demo.audience import AS_LOGGED, Audience
from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.figures import read_figures
from otel_recmon.demo.scrape import Exposition

_BURNS: Final = ("BudgetBurnHour", "BudgetBurnSixHours", "BudgetBurnDay", "BudgetBurnThreeDays")
CACHE_APP: Final = "otel_recmon.demo.instrumented_recommender:app"
"""The recommender that records its cache lookups."""
NO_COLLECTOR: Final = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
"""The variable with an address without a Collector: the discard port, on which no server listens."""

ReadFigure = Callable[[Exposition, int], float]
"""A function that computes a figure from the metrics and the number of logged requests; NaN is an unknown figure."""


@dataclass(frozen=True)
class Indicator:
    """A figure that shows a fault.

    Attributes:
        name: The name of the figure in the output.
        read: A function that computes the figure from the metrics.
        write: A function that formats the figure.
        side: The side of the limit on which a value shows the fault: ``above`` or ``below``.
        limit: The limit between normal and faulty values.
    """

    name: str
    read: ReadFigure
    write: Callable[[float], str]
    side: str
    limit: float

    def shows_fault(self, exposition: Exposition, logged: int) -> bool:
        """Return True if the figure is on the faulty side of the limit; ``logged`` is the number of logged requests."""
        beyond = {"above": operator.gt, "below": operator.lt}[self.side]
        return bool(beyond(self.read(exposition, logged), self.limit))

    def describe(self, exposition: Exposition, logged: int) -> str:
        """Return the name, the value and the limit of the figure as text."""
        value = self.write(self.read(exposition, logged))
        return f"{self.name}: {value} (fault: {self.side} {self.write(self.limit)})"


@dataclass(frozen=True)
class Fault:
    """One fault: in the behaviour of the users, in the set-up of the service, or in the recommender.

    Attributes:
        cause: The cause, in one line.
        alerts: The names of the alerts that a lasting fault must raise under the alert settings of the demo.
        indicator: The figure of the demo that shows the fault.
        audience: The behaviour of the users under this fault.
        app: The application to serve, such as ``CACHE_APP``; empty for the unchanged recommender.
        model_age_hours: The simulated age of the model, in hours; None for the default of the demo.
        variables: Additional environment variables of the service.
    """

    cause: str
    alerts: tuple[str, ...]
    indicator: Indicator
    audience: Audience = AS_LOGGED
    app: str = ""
    model_age_hours: float | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def exports(self) -> bool:
        """True if the metrics of the service reach a backend."""
        return not self.variables.keys() & NO_COLLECTOR.keys()


def _defined(of: Definition, text: Callable[[float], str], side: str, limit: float) -> Indicator:
    """Return the indicator whose figure is the definition ``of``."""
    return Indicator(of.title, lambda seen, _: _known(read_figures(seen).value(of)), text, side, limit)


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _latency_p95(seen: Exposition, _: int) -> float:
    """Return the upper bound of the latency bucket with the 95th percentile, in seconds; 0 without data."""
    return (seen.quantile(0.95, catalog.LATENCY) or (0.0, 0.0))[1]


def _age(seen: Exposition, _: int) -> float:
    return _known(seen.value(catalog.STALENESS))


def _counted_share(seen: Exposition, logged: int) -> float:
    return seen.total(catalog.REQUESTS) / logged if logged else math.nan


def _overflow(seen: Exposition, _: int) -> float:
    return seen.total(catalog.OVERFLOW)


_COUNTED_SHARE: Final = Indicator("Share of logged requests counted", _counted_share, write.share, "below", 0.5)

FAULTS: Final[Mapping[str, Fault]] = {
    "slow-ranker": Fault(
        "one ranking in five takes 0.8 s",
        ("LatencyHigh", *_BURNS),
        Indicator("Latency, P95, upper bound", _latency_p95, write.latency, "above", 0.5),
    ),
    "errors": Fault(
        "one request in five fails with status 500",
        ("ErrorRateHigh", *_BURNS),
        _defined(definitions.ERROR_RATE, write.share, "above", 0.01),
    ),
    "cache-outage": Fault(
        "the cache never hits",
        ("CacheHitRateBelowUsual",),
        _defined(definitions.CACHE_HIT_RATE, write.share, "below", 0.5),
        app=CACHE_APP,
    ),
    "fallback": Fault(
        "one response in three is a fallback",
        ("FallbackShareHigh", *_BURNS),
        _defined(definitions.FALLBACK_SHARE, write.share, "above", 0.1),
    ),
    "empty-slates": Fault(
        "one response in six is empty",
        ("EmptyShareHigh", *_BURNS),
        _defined(definitions.EMPTY_SHARE, write.share, "above", 0.05),
    ),
    "popularity-collapse": Fault(
        "all users get the same three most popular items, all of one category",
        ("DiversityBelowUsual", "DiversityLow", "CategoryVanished", "CategoryTakingOver"),
        _defined(definitions.PROCESS_DIVERSITY, write.fraction, "below", 0.3),
    ),
    "stale-model": Fault(
        "the model was trained 80 hours ago",
        ("ModelStale", "ModelVeryStale"),
        Indicator(definitions.STALENESS.title, _age, write.age, "above", 72.0),
        model_age_hours=80.0,
    ),
    "ctr-drop": Fault(
        "users make only a tenth of the logged clicks",
        ("CtrLow", "CtrBelowUsual", "RevenueBelowUsual"),
        _defined(definitions.CTR, write.share, "below", 0.007),
        Audience(clicking=0.1),
    ),
    "conversion-drop": Fault(
        "users make only a tenth of the purchases",
        ("ConversionRateBelowUsual", "RevenueBelowUsual"),
        _defined(definitions.CONVERSION_RATE, write.share, "below", 0.1),
        Audience(buying=0.1),
    ),
    "traffic-drop": Fault(
        "only a fifth of the users arrive",
        ("TrafficBelowUsual",),
        _COUNTED_SHARE,
        Audience(arriving=0.2),
    ),
    "score-drift": Fault(
        "the model's scores are inverted: 1 minus the score",
        ("ScoresDrifted",),
        _defined(definitions.MEAN_SCORE, write.fraction, "above", 0.5),
    ),
    "label-flood": Fault(
        "the service uses the id of each request as the variant",
        ("LabelsOverflowing",),
        Indicator(definitions.OVERFLOW.title, _overflow, write.count, "above", 0),
    ),
    "exporter-outage": Fault(
        "the service exports its metrics to an address without a Collector; needs --stack",
        ("ServiceSilent", "TrafficBelowUsual"),
        _COUNTED_SHARE,
        variables=NO_COLLECTOR,
    ),
}
"""Faults by name. ``recommender.py`` uses the same names for the faults that it injects itself."""
LIST_ALL: Final = "list"
"""The value of --fault that prints all faults."""


def find_fault(name: str) -> Fault:
    """Return the fault called ``name``.

    Raises:
        DemoError: There is no such fault.
    """
    if name not in FAULTS:
        near = max(FAULTS, key=lambda known: difflib.SequenceMatcher(None, name, known).ratio())
        raise DemoError(f"there is no fault {name!r}: did you mean {near}? --fault {LIST_ALL} prints all faults")
    return FAULTS[name]


def list_faults() -> str:
    """Return the text of `--fault list`: every fault with its cause and its alerts."""
    return "\n".join(f"{name}: {fault.cause}\n    raises {', '.join(fault.alerts)}" for name, fault in FAULTS.items())
