"""The tables of docs/scaling.md and docs/sketches.md: the series of one process, and the load of a fleet."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.docs.reference import table
from otel_recmon.catalog import MAX_SERIES, Attribute, Kind, Metric
from otel_recmon.recording.sketches import room
from otel_recmon.recording.store import MAX_SETS
from otel_recmon.stats.sketch import error

EXAMPLE: Final = {
    "model_version": 2,
    "variant": 2,
    "surface": 3,
    "category": 20,
    "stage": 3,
    "version": 1,
    "register": 0,  # sketches are off by default
    "experiment": 1,
    "role": 1,  # each arm has one role
    "action": 0,  # only for services whose clients report more than clicks and conversions
    # Series with these labels exist only after an error.
    "reason": 0,
    "site": 0,
    "label": 0,
}
"""The number of values of each label in a process of medium size. Any other label has all values of its fixed set."""
FLEET: Final = 10_000
"""The number of processes of the example fleet."""
DAYS: Final = 40
"""The retention of the example fleet, in days; the default of prometheus.retention."""


@dataclass(frozen=True)
class Measured:
    """The results of benchmarks/pipeline_cost.py.

    Attributes:
        points: The number of data points that one core of a Collector processes per second.
        samples: The number of samples that one core of Prometheus stores per second.
        size: The size of a sample on Prometheus's disk, in bytes.
    """

    points: float
    samples: float
    size: float


SEEN: Final = Measured(points=110_000, samples=240_000, size=1.69)
"""The medians of a run on two shared x86-64 cores, with Collector 0.155 and Prometheus 3.16."""
_SPLITS: Final = (catalog.MODEL_VERSION, catalog.VARIANT, catalog.SURFACE)


def series(metric: Metric, values: Mapping[str, int]) -> int:
    """Return the number of series of a metric in one process.

    The number of combinations of model version, variant and surface is at most MAX_SETS. The number of combinations of
    all labels is at most MAX_SERIES.

    Args:
        metric: The metric.
        values: The number of values of each label. If a label with a fixed set of values is left out, all values of the
            set are counted.

    Raises:
        ValueError: The number of values of a label is unknown.
    """
    numbers = {attribute.name: _number(attribute, values) for attribute in (*metric.attributes, *_SPLITS)}
    sets = min(prod(numbers[label] for label in metric.labels if label in _split_names()), MAX_SETS)
    own = prod(numbers[label] for label in metric.labels if label not in _split_names())
    return min(sets * own, MAX_SERIES) * series_each(metric)


def _number(attribute: Attribute, values: Mapping[str, int]) -> int:
    number = values.get(attribute.name, len(attribute.values) or None)
    if number is None:
        msg = f"the number of values of {attribute.name} is unknown: add it to EXAMPLE in {__name__}"
        raise ValueError(msg)
    return number


def series_each(metric: Metric) -> int:
    """Return the number of series of one label combination.

    A histogram has one series for each bucket, and the series +Inf, _sum and _count.
    """
    return len(metric.buckets) + 3 if metric.kind is Kind.HISTOGRAM else 1


def most(metric: Metric) -> int:
    """Return the number of series of a metric in one process if every label has its cap of values and `_other`."""
    return series(metric, {a.name: a.cap + 1 for a in (*metric.attributes, *_SPLITS) if a.cap})


def capacity_table() -> str:
    """Return the table of the number of series of one process: formula, example and maximum."""
    rows = [(f"`{m.prometheus}`", _formula(m), str(series(m, EXAMPLE)), f"{most(m):,}") for m in catalog.METRICS]
    total = ("all", "", f"{sum(series(m, EXAMPLE) for m in catalog.METRICS):,}", "")
    return table(("metric", "series", "example", "maximum"), [*rows, total]) + _BOUNDS


_BOUNDS: Final = f"""
The limits hold for each process. A process counts at most {MAX_SETS} combinations of model version, variant and
surface. Each of its metrics has at most {MAX_SERIES:,} label combinations. For each label combination, a histogram has
one series per bucket and three other series: `+Inf`, `_sum` and `_count`.
"""


def fleet_table(measured: Measured = SEEN) -> str:
    """Return the table of the load of FLEET example processes, with one row per export interval."""
    points = sum(series(m, EXAMPLE) // series_each(m) for m in catalog.METRICS)
    samples = sum(series(m, EXAMPLE) for m in catalog.METRICS)
    rows = [_fleet_row(seconds, FLEET * points / seconds, FLEET * samples / seconds, measured) for seconds in (15, 60)]
    head = ("export interval", "Collectors", "store", "samples per second", f"disk for {DAYS} days")
    return f"{FLEET:,} processes, each with {points:,} data points ({samples:,} samples) per export:\n\n" + table(
        head, rows
    )


def sketches_table() -> str:
    """Return the table of the accuracy and the cost of sketches, with one row per number of registers."""
    sizes = [2**bits for bits in range(4, len(catalog.REGISTERS).bit_length())]
    rows = [
        (f"{size}", f"{error(size):.1%}", f"{room(size) - 1}", f"{2 * size}", f"{2 * size * room(size):,}")
        for size in sizes
    ]
    head = ("registers", "standard error", "model versions", "series per version", "series per process, at most")
    return table(head, rows)


def _fleet_row(seconds: int, points: float, samples: float, measured: Measured) -> tuple[str, ...]:
    terabytes = samples * measured.size * DAYS * 86_400 / 1e12
    return (
        f"{seconds} s",
        f"{points / measured.points:.1f} cores",
        f"{samples / measured.samples:.1f} cores",
        f"{samples:,.0f}",
        f"{terabytes:.1f} TB",
    )


def _formula(metric: Metric) -> str:
    factors = [_factor(a) for a in (*metric.attributes, *(_SPLITS[1:] if metric.splits else ()))]
    return " x ".join([*factors, *([str(series_each(metric))] if series_each(metric) > 1 else [])]) or "1"


def _factor(attribute: Attribute) -> str:
    return str(len(attribute.values)) if attribute.values and attribute.name not in EXAMPLE else attribute.name


def _split_names() -> set[str]:
    return {attribute.name for attribute in _SPLITS}
