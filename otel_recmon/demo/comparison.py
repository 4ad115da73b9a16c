"""The comparison of exported figures with the same figures recomputed from the data."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final

from otel_recmon import catalog, definitions
from otel_recmon import formatting as write
from otel_recmon.definitions import Count, Definition
from otel_recmon.demo.figures import read_figures, recompute
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.traffic import MODEL_VERSIONS, POSITIONS, SURFACES, Slate
from otel_recmon.report.figures import Figures
from otel_recmon.stats.intervals import Rate


class Section(Enum):
    """The section of the table that a figure belongs to."""

    BUSINESS = "Business"
    TECHNICAL = "Technical"
    QUALITY = "Quality"


Value = float | None | Rate | Mapping[str, float]


@dataclass(frozen=True)
class Measure:
    """One figure of the comparison.

    Attributes:
        section: The section of the table that prints the figure.
        name: The name in the table. Two leading spaces indent the name below the previous figure.
        value: A function that takes all figures of a policy, and returns the value of this figure.
        write: A function that formats the value as text.
        simulated: True if the value depends on simulated data.
    """

    section: Section
    name: str
    value: Callable[[Figures], Value]
    write: Callable[[Any], str]
    simulated: bool = False

    def agrees(self, read: Figures, data: Figures) -> bool:
        """Return True if ``read`` and ``data`` have the same value of this figure, up to rounding (1e-9, relative)."""
        one, other = self.value(read), self.value(data)
        if isinstance(one, float) and isinstance(other, float):
            return math.isclose(one, other, rel_tol=1e-9)
        return one == other


def interval(rate: Rate | None) -> str:
    """Format the 95 % interval of a share."""
    return write.interval(*rate.interval) if rate else write.UNKNOWN


def _kinds(counts: Mapping[str, float]) -> str:
    """Return the number of label values that have a count, as text. The demo compares the count of each label value."""
    return write.count(len(counts))


def _labelled(of: Count, label: str) -> Callable[[Figures], float]:
    return lambda figures: figures.by_label(of).get(label, 0.0)


def _by_position(of: Count) -> Iterable[Measure]:
    for position in POSITIONS:
        yield Measure(Section.BUSINESS, f"  at position {position}", _labelled(of, str(position)), write.count)


def _measure(section: Section, of: Definition, text: Callable[[float | None], str], name: str = "") -> Measure:
    return Measure(section, name or of.title, lambda figures: figures.value(of), text, of in _SIMULATED)


_SIMULATED: Final = (definitions.CONVERSIONS, definitions.CONVERSION_RATE, definitions.REVENUE)
_business, _technical, _quality = (partial(_measure, section) for section in Section)
MEASURES: Final = (
    _business(definitions.SUCCESSES, write.count),
    _business(definitions.IMPRESSIONS, write.count),
    *_by_position(definitions.IMPRESSIONS),
    _business(definitions.CLICKS, write.count),
    *_by_position(definitions.CLICKS),
    _business(definitions.CTR, write.share),
    Measure(Section.BUSINESS, "  95 % interval", lambda figures: figures.rate(definitions.CTR), interval),
    _business(definitions.ITEM_CTR, write.share),
    _business(definitions.CONVERSIONS, write.count),
    _business(definitions.CONVERSION_RATE, write.share),
    _business(definitions.REVENUE, write.money, f"{definitions.REVENUE.title}, USD"),
    _technical(definitions.FAILURES, write.count),
    _technical(definitions.ERROR_RATE, write.share),
    _technical(definitions.REJECTED, write.count),
    Measure(Section.QUALITY, "Full slates", _labelled(definitions.OUTCOMES, catalog.SERVED), write.count),
    Measure(Section.QUALITY, "Partial slates", _labelled(definitions.OUTCOMES, catalog.PARTIAL), write.count),
    Measure(Section.QUALITY, "Other outcomes", lambda figures: _others(figures.outcomes), write.count),
    _quality(definitions.LIST_LENGTH, write.number),
    _quality(definitions.MEAN_SCORE, write.fraction),
    Measure(Section.QUALITY, "Categories shown", lambda figures: figures.by_label(definitions.ITEMS), _kinds),
    _quality(definitions.PROCESS_DIVERSITY, write.fraction, "Diversity"),
    _quality(definitions.COVERAGE, write.percent, "Coverage"),
)
"""All figures that can be recomputed from the data."""


def _others(outcomes: Mapping[str, int]) -> float:
    return sum(float(count) for outcome, count in outcomes.items() if outcome not in catalog.GOOD_OUTCOMES)


@dataclass(frozen=True)
class Pair:
    """The figures of a policy, or of a policy on one surface, from both sources: the metrics and the data."""

    read: Figures
    data: Figures

    def differing(self) -> tuple[str, ...]:
        """Return the names of the figures that differ between the metrics and the data."""
        return tuple(measure.name.strip() for measure in MEASURES if not measure.agrees(self.read, self.data))


@dataclass(frozen=True)
class Result:
    """The figures by policy, the figures by policy and surface, and the counts of problems inside the plugin."""

    policies: Mapping[str, Pair]
    surfaces: Mapping[tuple[str, str], Pair]
    own: Mapping[str, int]
    broken: bool = False
    """True if the demo injected a fault. Figures are then expected to differ."""

    @property
    def compared(self) -> int:
        """The number of compared figures."""
        return len(MEASURES) * (len(self.policies) + len(self.surfaces)) + len(self.own)

    def differing(self) -> tuple[str, ...]:
        """Return the names of all figures that differ, with policy and surface, and of the problem counts above 0."""
        pairs = dict(self.policies)
        pairs |= {f"{policy} on {surface}": pair for (policy, surface), pair in self.surfaces.items()}
        differences = [f"{where}: {name}" for where, pair in pairs.items() for name in pair.differing()]
        return (*differences, *(name for name, count in self.own.items() if count))


OWN: Final = (definitions.PLUGIN_ERRORS, definitions.DROPPED, definitions.OVERFLOW)
"""The counters of problems inside the plugin. The counters must be 0."""


def compare(slates: Sequence[Slate], exposition: Exposition, catalog_size: int, *, broken: bool = False) -> Result:
    """Compare the exported metrics with the figures recomputed from the slates.

    The metrics must have been read after the last slate was sent.
    """
    sent = {policy: [slate for slate in slates if slate.policy == policy] for policy in MODEL_VERSIONS}
    policies = {
        policy: Pair(read_figures(exposition, **labels(policy)), recompute(own, catalog_size))
        for policy, own in sent.items()
    }
    surfaces = {
        (policy, surface): Pair(
            read_figures(exposition, surface=surface, **labels(policy)),
            recompute([slate for slate in own if slate.surface == surface]),
        )
        for policy, own in sent.items()
        for surface in SURFACES
    }
    own = {of.title.lower(): int(exposition.total(of.metric)) for of in OWN}
    return Result(policies, surfaces, own, broken)


def labels(policy: str) -> dict[str, str]:
    """Return the labels that select the series of a policy."""
    return {catalog.MODEL_VERSION.name: MODEL_VERSIONS[policy], catalog.VARIANT.name: policy}
