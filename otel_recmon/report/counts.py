"""The counters and histograms from which a report is computed."""

from collections.abc import Mapping
from typing import Final

from otel_recmon import catalog, definitions
from otel_recmon.catalog import MODEL_VERSION
from otel_recmon.definitions import BUCKET, SUM, Count
from otel_recmon.query.client import LabelMap

Cell = tuple[str, str]
"""The name of a series, and the value of its label other than the model version ("" if there is none)."""
Counts = Mapping[Cell, float]
LATENCY: Final = Count("latency", "Latency", catalog.LATENCY.brief, catalog.LATENCY, part=BUCKET)
LATENCY_SUM: Final = Count("latency_sum", "Latency", catalog.LATENCY.brief, catalog.LATENCY, part=SUM)
READ: Final = (
    definitions.REQUESTS,
    definitions.OUTCOMES,
    definitions.RATED,
    LATENCY,
    LATENCY_SUM,
    definitions.IMPRESSIONS,
    definitions.ITEMS,
    definitions.CLICKS,
    definitions.CONVERSIONS,
    definitions.SALES,
    definitions.REVENUE,
    definitions.CACHE_HITS,
    definitions.CACHE_MISSES,
)


def cell(count: Count, labels: LabelMap) -> Cell:
    """Return the cell to which a series with these labels belongs."""
    return count.series, labels.get(count.own, "")


def version(labels: LabelMap) -> str:
    """Return the model version of a series; "" if it has none."""
    return labels.get(MODEL_VERSION.name, "")
