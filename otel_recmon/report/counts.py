"""Counters and histograms of a report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from otel_recmon import catalog
from otel_recmon.catalog import MODEL_VERSION, Metric
from otel_recmon.query.client import Labels

Cell = tuple[str, str]
"""The name of a series, and the value of its label other than the model version ("" if there is none)."""
Counts = Mapping[Cell, float]
COUNT, SUM, BUCKET = "_count", "_sum", "_bucket"
LE: Final = "le"


@dataclass(frozen=True)
class Tracked:
    """A counter, or the series of a histogram with the suffix ``part``."""

    metric: Metric
    part: str = ""

    @property
    def name(self) -> str:
        """The name of the series."""
        return self.metric.prometheus + self.part

    def cell(self, labels: Labels) -> Cell:
        """Return the cell to which a series with these labels adds."""
        label = LE if self.part == BUCKET else self.metric.own.name if self.metric.own else ""
        return self.name, labels.get(label, "")


TRACKED: Final = (
    Tracked(catalog.REQUESTS),
    Tracked(catalog.OUTCOMES),
    Tracked(catalog.SLO_RESPONSES),
    Tracked(catalog.LATENCY, BUCKET),
    Tracked(catalog.LATENCY, SUM),
    Tracked(catalog.IMPRESSIONS),
    Tracked(catalog.ITEMS),
    Tracked(catalog.CLICKED),
    Tracked(catalog.CONVERTED),
    Tracked(catalog.REVENUE, COUNT),
    Tracked(catalog.REVENUE, SUM),
    Tracked(catalog.CACHE_HITS),
    Tracked(catalog.CACHE_MISSES),
)


def version(labels: Labels) -> str:
    """Return the model version of a series; "" if it has none."""
    return labels.get(MODEL_VERSION.name, "")
