"""The comparison of exported figures with the same figures recomputed from the data."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from otel_recmon import catalog
from otel_recmon.demo.figures import Figures, read_figures, recompute
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.traffic import MODEL_VERSIONS, POSITIONS, SURFACES, Slate
from otel_recmon.stats.intervals import Rate


class Section(Enum):
    """The section of the table that a figure belongs to."""

    BUSINESS = "Business"
    TECHNICAL = "Technical"
    QUALITY = "Quality"


Value = int | float | None | Rate | Mapping[str, int]


@dataclass(frozen=True)
class Measure:
    """One figure of the comparison.

    Attributes:
        section: Its section of the table.
        name: Its name in the table; two leading spaces indent it below the figure before it.
        value: A function that takes it from the figures.
        write: A function that formats it.
        simulated: True if it depends on simulated data.
    """

    section: Section
    name: str
    value: Callable[[Figures], Value]
    write: Callable[[Value], str]
    simulated: bool = False

    def agrees(self, read: Figures, data: Figures) -> bool:
        """Return True if both have the same value; fractions may differ by rounding, a relative 1e-9."""
        one, other = self.value(read), self.value(data)
        if isinstance(one, float) and isinstance(other, float):
            return math.isclose(one, other, rel_tol=1e-9) or (math.isnan(one) and math.isnan(other))
        return one == other


NOTHING: Final = "-"


def number(value: Value) -> str:
    """Write a whole number with its thousands apart."""
    return f"{value:,}" if isinstance(value, int) else NOTHING


def dollars(value: Value) -> str:
    """Write cents as dollars."""
    return f"${value // 100:,}.{value % 100:02}" if isinstance(value, int) else NOTHING


def share(value: Value) -> str:
    """Write a rate in percent."""
    return percent(value.value) if isinstance(value, Rate) else NOTHING


def interval(value: Value) -> str:
    """Write the 95 % interval of a rate in percent."""
    if not isinstance(value, Rate) or not value.trials:
        return NOTHING
    low, high = value.interval
    return f"{100 * low:.2f}-{100 * high:.2f} %"


def percent(value: float) -> str:
    """Write a share in percent."""
    return NOTHING if math.isnan(value) else f"{100 * value:.2f} %"


def fraction(value: Value) -> str:
    """Write a number with four decimals."""
    return f"{value:.4f}" if isinstance(value, float) and not math.isnan(value) else NOTHING


def covered(value: Value) -> str:
    """Write a number of percent."""
    return f"{value:.1f} %" if isinstance(value, float) else NOTHING


def kinds(value: Value) -> str:
    """Write the number of distinct keys; `Measure.agrees` compares the counts of all of them."""
    return number(len(value)) if isinstance(value, Mapping) else NOTHING


def _at(counts: Callable[[Figures], Mapping[str, int]], label: str) -> Callable[[Figures], int]:
    return lambda figures: counts(figures).get(label, 0)


def _by_position(counts: Callable[[Figures], Mapping[str, int]]) -> Iterable[Measure]:
    for position in POSITIONS:
        yield Measure(Section.BUSINESS, f"  at position {position}", _at(counts, str(position)), number)


MEASURES: Final = (
    Measure(Section.BUSINESS, "Requests answered", lambda f: f.requests, number),
    Measure(Section.BUSINESS, "Items shown", lambda f: f.shown, number),
    *_by_position(lambda f: f.impressions),
    Measure(Section.BUSINESS, "Clicks", lambda f: f.clicked, number),
    *_by_position(lambda f: f.clicks),
    Measure(Section.BUSINESS, "CTR (clicks/request)", lambda f: f.ctr, share),
    Measure(Section.BUSINESS, "  95 % interval", lambda f: f.ctr, interval),
    Measure(Section.BUSINESS, "Clicks/item shown", lambda f: f.item_ctr, share),
    Measure(Section.BUSINESS, "Conversions", lambda f: f.conversions, number, simulated=True),
    Measure(Section.BUSINESS, "Conversions/click", lambda f: f.conversion_rate, share, simulated=True),
    Measure(Section.BUSINESS, "Revenue", lambda f: f.revenue_cents, dollars, simulated=True),
    Measure(Section.TECHNICAL, "Failed requests", lambda f: f.failed, number),
    Measure(Section.TECHNICAL, "Error rate", lambda f: f.error_rate, share),
    Measure(Section.TECHNICAL, "Rejected requests", lambda f: f.rejected, number),
    Measure(Section.QUALITY, "Full slates", _at(lambda f: f.outcomes, catalog.SERVED), number),
    Measure(Section.QUALITY, "Partial slates", _at(lambda f: f.outcomes, catalog.PARTIAL), number),
    Measure(Section.QUALITY, "Other outcomes", lambda f: _others(f.outcomes), number),
    Measure(Section.QUALITY, "Mean list length", lambda f: f.mean_list_length, fraction),
    Measure(Section.QUALITY, "Mean top score", lambda f: f.top_score, fraction),
    Measure(Section.QUALITY, "Categories shown", lambda f: f.categories, kinds),
    Measure(Section.QUALITY, "Diversity", lambda f: f.diversity, fraction),
    Measure(Section.QUALITY, "Coverage", lambda f: f.coverage, covered),
)
"""All figures that can be recomputed from the data."""


def _others(outcomes: Mapping[str, int]) -> int:
    return sum(count for outcome, count in outcomes.items() if outcome not in (catalog.SERVED, catalog.PARTIAL))


@dataclass(frozen=True)
class Pair:
    """The figures of one policy, or of one surface of it: read from the metrics, and recomputed from the data."""

    read: Figures
    data: Figures

    def differing(self) -> tuple[str, ...]:
        """Return the names of the figures that differ."""
        return tuple(measure.name.strip() for measure in MEASURES if not measure.agrees(self.read, self.data))


@dataclass(frozen=True)
class Result:
    """The result of the comparison: figures by policy, by policy and surface, and the plugin's own error counts."""

    policies: Mapping[str, Pair]
    surfaces: Mapping[tuple[str, str], Pair]
    own: Mapping[str, int]
    broken: bool = False
    """True if something is broken on purpose, so that figures differ as expected."""

    @property
    def compared(self) -> int:
        """The number of compared figures."""
        return len(MEASURES) * (len(self.policies) + len(self.surfaces)) + len(self.own)

    def differing(self) -> tuple[str, ...]:
        """Return the names of all figures that differ, with their policy and surface."""
        pairs = dict(self.policies)
        pairs |= {f"{policy} on {surface}": pair for (policy, surface), pair in self.surfaces.items()}
        differences = [f"{where}: {name}" for where, pair in pairs.items() for name in pair.differing()]
        return (*differences, *(name for name, count in self.own.items() if count))


OWN: Final = {
    "failures inside the plugin": catalog.ERRORS,
    "values set aside": catalog.DROPPED,
    "labels over their cap": catalog.OVERFLOW,
}
"""Name in the output -> the plugin's own counter, which must be 0."""


def compare(slates: Sequence[Slate], exposition: Exposition, catalog_size: int, *, broken: bool = False) -> Result:
    """Compare the metrics that were read after all slates were sent with the figures of these slates."""
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
    return Result(policies, surfaces, {name: int(exposition.total(metric)) for name, metric in OWN.items()}, broken)


def labels(policy: str) -> dict[str, str]:
    """Return the labels of the series of a policy."""
    return {catalog.MODEL_VERSION.name: MODEL_VERSIONS[policy], catalog.VARIANT.name: policy}
