"""What can be broken in the demo: each fault with its cause, what shows it, and the alerts that it must raise."""

import difflib
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from otel_recmon import catalog, definitions
from otel_recmon import formatting as write
from otel_recmon.definitions import Definition
from otel_recmon.demo.audience import EVERYBODY, Audience
from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.figures import read
from otel_recmon.demo.scrape import Exposition

_BURNS: Final = ("BudgetBurnHour", "BudgetBurnSixHours", "BudgetBurnDay", "BudgetBurnThreeDays")
WITH_CACHE: Final = "otel_recmon.demo.observed:app"
"""The recommender that says what its cache does."""
NOWHERE: Final = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
"""An address at which no Collector is."""

Read = Callable[[Exposition, int], float]
"""Reads a figure, given what a service exports and how many requests were logged; NaN where there is none."""


@dataclass(frozen=True)
class Sign:
    """A figure that shows a fault: how it is read and written, and on which side of a limit it is then."""

    name: str
    read: Read
    write: Callable[[float], str]
    side: str
    limit: float

    def seen(self, exposition: Exposition, logged: int) -> bool:
        """Say whether the figure is where the fault puts it."""
        beyond = {"above": operator.gt, "below": operator.lt}[self.side]
        return bool(beyond(self.read(exposition, logged), self.limit))

    def told(self, exposition: Exposition, logged: int) -> str:
        """Return the figure and its limit in words."""
        value = self.write(self.read(exposition, logged))
        return f"{self.name}: {value} (a fault where {self.side} {self.write(self.limit)})"


@dataclass(frozen=True)
class Fault:
    """One cause.

    Attributes:
        cause: What is broken, and where, in a line.
        alerts: What it must raise, with the demo's own settings, once it lasts.
        sign: The figure of the demo that shows it.
        audience: How people behave; the recommender itself breaks where it knows the fault's name.
        app: What is served, where it is not the recommender alone.
        model_age_hours: How old the model is, where that is the fault.
        variables: What else the service is told.
    """

    cause: str
    alerts: tuple[str, ...]
    sign: Sign
    audience: Audience = EVERYBODY
    app: str = ""
    model_age_hours: float | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def exports(self) -> bool:
        """Whether its metrics arrive anywhere."""
        return not self.variables.keys() & NOWHERE.keys()


def _defined(of: Definition, text: Callable[[float], str], side: str, limit: float) -> Sign:
    """Return the sign that a figure is beyond a limit."""
    return Sign(of.title, lambda seen, _: _known(read(seen).value(of)), text, side, limit)


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _slowest(seen: Exposition, _: int) -> float:
    return (seen.quantile(0.95, catalog.LATENCY) or (0.0, 0.0))[1]


def _age(seen: Exposition, _: int) -> float:
    return _known(seen.value(catalog.STALENESS))


def _arrived(seen: Exposition, logged: int) -> float:
    return seen.total(catalog.REQUESTS) / logged if logged else math.nan


def _overflow(seen: Exposition, _: int) -> float:
    return seen.total(catalog.OVERFLOW)


_ARRIVED: Final = Sign("Logged requests that are counted", _arrived, write.share, "below", 0.5)

FAULTS: Final[Mapping[str, Fault]] = {
    "slow-ranker": Fault(
        "one ranking in five takes 0.8 s",
        ("LatencyHigh", *_BURNS),
        Sign("Latency, P95, at most", _slowest, write.latency, "above", 0.5),
    ),
    "errors": Fault(
        "one request in five fails with status 500",
        ("ErrorRateHigh", *_BURNS),
        _defined(definitions.ERROR_RATE, write.share, "above", 0.01),
    ),
    "cache-outage": Fault(
        "the cache finds nothing",
        ("CacheHitRateBelowUsual",),
        _defined(definitions.CACHE_HIT_RATE, write.share, "below", 0.5),
        app=WITH_CACHE,
    ),
    "fallback": Fault(
        "one answer in three is the fallback's",
        ("FallbackShareHigh", *_BURNS),
        _defined(definitions.FALLBACK_SHARE, write.share, "above", 0.1),
    ),
    "empty-slates": Fault(
        "one answer in six is empty",
        ("EmptyShareHigh", *_BURNS),
        _defined(definitions.EMPTY_SHARE, write.share, "above", 0.05),
    ),
    "popularity-collapse": Fault(
        "everybody is shown the three items that were shown most, all of one category",
        ("DiversityBelowUsual", "DiversityLow", "CategoryVanished", "CategoryTakingOver"),
        _defined(definitions.PROCESS_DIVERSITY, write.fraction, "below", 0.3),
    ),
    "stale-model": Fault(
        "the model was trained 80 hours ago",
        ("ModelStale", "ModelVeryStale"),
        Sign(definitions.STALENESS.title, _age, write.age, "above", 72.0),
        model_age_hours=80.0,
    ),
    "ctr-drop": Fault(
        "people click on a tenth of what they clicked on",
        ("CtrLow", "CtrBelowUsual", "RevenueBelowUsual"),
        _defined(definitions.CTR, write.share, "below", 0.007),
        Audience(clicking=0.1),
    ),
    "conversion-drop": Fault(
        "people buy a tenth of what they bought",
        ("ConversionRateBelowUsual", "RevenueBelowUsual"),
        _defined(definitions.CONVERSION_RATE, write.share, "below", 0.1),
        Audience(buying=0.1),
    ),
    "traffic-drop": Fault(
        "a fifth of the people come",
        ("TrafficBelowUsual",),
        _ARRIVED,
        Audience(arriving=0.2),
    ),
    "score-drift": Fault(
        "the model's scores are turned round: 1 minus what they were",
        ("ScoresDrifted",),
        _defined(definitions.MEAN_SCORE, write.fraction, "above", 0.5),
    ),
    "label-flood": Fault(
        "the service names each request's id as the variant",
        ("LabelsOverflowing",),
        Sign(definitions.OVERFLOW.title, _overflow, write.count, "above", 0),
    ),
    "exporter-outage": Fault(
        "the service sends its metrics to where no Collector is; needs --stack",
        ("ServiceSilent", "TrafficBelowUsual"),
        _ARRIVED,
        variables=NOWHERE,
    ),
}
"""By name, which the recommender knows where it is the recommender that breaks."""
LIST: Final = "list"
"""What is asked for instead of a name, to see them."""


def named(name: str) -> Fault:
    """Return the fault of a name.

    Raises:
        DemoError: There is none.
    """
    if name not in FAULTS:
        near = max(FAULTS, key=lambda known: difflib.SequenceMatcher(None, name, known).ratio())
        raise DemoError(f"there is no fault {name!r}: did you mean {near}? --fault {LIST} says what there is")
    return FAULTS[name]


def listed() -> str:
    """Return every fault with its cause and its alerts."""
    return "\n".join(f"{name}: {fault.cause}\n    raises {', '.join(fault.alerts)}" for name, fault in FAULTS.items())
