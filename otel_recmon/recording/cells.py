"""The counts of each label set. Recording increments these plain numbers, and each export reads them.

An increment costs the same with every exporter. The SDK's own counters would check and hash the attributes at every
call.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_recmon import catalog
from otel_recmon.recording.labels import ExportedSeries, Labels
from otel_recmon.stats.quality import Windows
from otel_recmon.values import BEYOND_INDEX, LAST_POSITION


@dataclass(slots=True)
class Model:
    """The state of one model version.

    A diversity or coverage that the service reports replaces the value that is computed from ``windows``.
    """

    windows: Windows
    updated_at: float | None = None
    catalog_size: int | None = None
    pushed_diversity: float | None = None
    pushed_coverage: float | None = None

    def diversity_now(self) -> float | None:
        """Return the diversity, 0 to 1. If none was reported, return None before the first slate with categories."""
        if self.pushed_diversity is not None:
            return self.pushed_diversity
        return self.windows.diversity()

    def coverage_now(self, catalog_size: int | None) -> float | None:
        """Return the catalog coverage, 0 to 100. ``catalog_size`` applies to versions without a size of their own.

        If no coverage was reported, return None before the first recommended item or without a catalog size.
        """
        size = self.catalog_size or catalog_size
        if self.pushed_coverage is not None:
            return self.pushed_coverage
        return self.windows.coverage(size) if size else None

    def gini_now(self, catalog_size: int | None) -> float | None:
        """Return the Gini index, 0 to 1. ``catalog_size`` applies to versions without a size of their own.

        Return None before the first recommended item, without a catalog size, or for a catalog of one item.
        """
        size = self.catalog_size or catalog_size
        return self.windows.gini(size) if size else None


@dataclass(slots=True)
class Cells:
    """The counts of one label set. The caller holds the store's lock."""

    labels: Labels
    attributes: dict[str, str]
    model: Model
    used: float
    requests: list[int] = field(default_factory=lambda: [0] * len(catalog.STATUSES))
    outcomes: list[int] = field(default_factory=lambda: [0] * len(catalog.OUTCOMES_))
    slo: list[int] = field(default_factory=lambda: [0] * len(catalog.GOODNESS))
    lengths: list[int] = field(default_factory=lambda: [0] * (LAST_POSITION + 1))
    shown: list[int] = field(default_factory=lambda: [0] * len(catalog.POSITIONS))
    clicks: list[int] = field(default_factory=lambda: [0] * len(catalog.POSITIONS))
    conversions: int = 0
    items: dict[str, int] = field(default_factory=dict)
    candidates: dict[str, int] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)
    stages: dict[str, dict[str, str]] = field(default_factory=dict)
    exported: dict[tuple[str, str], ExportedSeries] = field(default_factory=dict)
    histograms: dict[str, Any] = field(default_factory=dict)
    """The ``BoundHistogram`` of each histogram that has a value with these labels, by metric name."""

    def show(self, length: int) -> None:
        """Count one impression at each of the positions 1 to ``length``.

        For speed, this method increments the number of slates of this length, and no count per position. At each
        export, ``impressions`` computes the number of impressions at each position.
        """
        if length > LAST_POSITION:
            self.shown[BEYOND_INDEX] += length - LAST_POSITION
            length = LAST_POSITION
        self.lengths[length] += 1

    def show_at(self, positions: Iterable[int]) -> None:
        """Count one impression at each of ``positions``, which are indexes in ``catalog.POSITIONS``."""
        for position in positions:
            self.shown[position] += 1

    def drop(self, values: Mapping[str, set[str]]) -> None:
        """Remove the counts of label values that no longer count against the caps of their labels.

        ``values`` has the values of each label, by the name of the label.
        """
        counts: tuple[tuple[catalog.Attribute, catalog.Metric, dict[str, int]], ...] = (
            (catalog.CATEGORY, catalog.ITEMS, self.items),
            (catalog.ACTION, catalog.ACTIONS, self.actions),
            (catalog.STAGE, catalog.CANDIDATES, self.candidates),
        )
        for label, metric, counted in counts:
            for value in values[label.name]:
                counted.pop(value, None)
                self.exported.pop((metric.name, value), None)
        for stage in values[catalog.STAGE.name]:
            self.stages.pop(stage, None)

    def impressions(self) -> list[int]:
        """Return the number of impressions at each of the positions 1 to 10, 11+ and unknown."""
        counts = list(self.shown)
        reaching = 0
        for place in range(LAST_POSITION, 0, -1):
            reaching += self.lengths[place]
            counts[place - 1] += reaching
        return counts


def _touched(values: Sequence[str], counts: Sequence[int]) -> Iterable[tuple[str, int]]:
    return ((value, count) for value, count in zip(values, counts, strict=True) if count)


COUNTS: dict[catalog.Metric, Callable[[Cells], Iterable[tuple[str, int]]]] = {
    catalog.REQUESTS: lambda cells: zip(catalog.STATUSES, cells.requests, strict=True),
    catalog.OUTCOMES: lambda cells: _touched(catalog.OUTCOMES_, cells.outcomes),
    catalog.SLO_RESPONSES: lambda cells: zip(catalog.GOODNESS, cells.slo, strict=True),
    catalog.IMPRESSIONS: lambda cells: _touched(catalog.POSITIONS, cells.impressions()),
    catalog.CLICKED: lambda cells: _touched(catalog.POSITIONS, cells.clicks),
    catalog.CONVERTED: lambda cells: _touched(("",), (cells.conversions,)),
    catalog.ITEMS: lambda cells: cells.items.items(),
    catalog.ACTIONS: lambda cells: cells.actions.items(),
    catalog.CANDIDATES: lambda cells: cells.candidates.items(),
}
"""For each counter with the label ``model_version``: a function that returns (value of the other label, count) pairs.

The value is "" if the counter has no other label.
"""
