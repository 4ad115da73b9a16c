"""How many series a process has, and what a fleet comes to, from the catalog: what docs/scaling.md shows."""

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
    "register": 0,  # there only where sketches are asked for
    "experiment": 1,
    "role": 1,  # each arm has its own
    # There only when something went wrong.
    "reason": 0,
    "site": 0,
    "label": 0,
}
"""How many values the labels of a process have that is neither small nor large; closed sets have all of theirs."""
FLEET: Final = 10_000
DAYS: Final = 40


@dataclass(frozen=True)
class Measured:
    """What benchmarks/pipeline_cost.py measures.

    Attributes:
        points: Data points a second through one core of a Collector.
        samples: Samples a second into one core of Prometheus.
        size: Bytes a sample on disk.
    """

    points: float
    samples: float
    size: float


SEEN: Final = Measured(points=110_000, samples=240_000, size=1.69)
"""The medians of a run on two shared x86-64 cores."""
_SPLITS: Final = (catalog.MODEL_VERSION, catalog.VARIANT, catalog.SURFACE)


def series(metric: Metric, values: Mapping[str, int]) -> int:
    """The series of a metric in one process, where the labels have that many values.

    A closed set that is not among `values` has all of its own. The number of combinations of model version, variant and
    surface is bounded, and so is that of all labels; a histogram has a series for each bucket, +Inf, sum and count.

    Raises:
        ValueError: Nothing says how many values a label has.
    """
    numbers = {attribute.name: _number(attribute, values) for attribute in (*metric.attributes, *_SPLITS)}
    sets = min(prod(numbers[label] for label in metric.labels if label in _split_names()), MAX_SETS)
    own = prod(numbers[label] for label in metric.labels if label not in _split_names())
    return min(sets * own, MAX_SERIES) * series_each(metric)


def _number(attribute: Attribute, values: Mapping[str, int]) -> int:
    number = values.get(attribute.name, len(attribute.values) or None)
    if number is None:
        msg = f"say how many values of {attribute.name} there are, in EXAMPLE of {__name__} for the documentation"
        raise ValueError(msg)
    return number


def series_each(metric: Metric) -> int:
    """The series of one combination of labels."""
    return len(metric.buckets) + 3 if metric.kind is Kind.HISTOGRAM else 1


def most(metric: Metric) -> int:
    """The series of a metric in one process, whatever a client sends: every cap reached, and `_other` beside it."""
    return series(metric, {a.name: a.cap + 1 for a in (*metric.attributes, *_SPLITS) if a.cap})


def capacity_table() -> str:
    """The series of one process: the formula, an example and the bound."""
    rows = [(f"`{m.prometheus}`", _formula(m), str(series(m, EXAMPLE)), f"{most(m):,}") for m in catalog.METRICS]
    total = ("all", "", f"{sum(series(m, EXAMPLE) for m in catalog.METRICS):,}", "")
    return table(("metric", "series", "example", "at most"), [*rows, total]) + _BOUNDS


_BOUNDS: Final = f"""
There are at most {MAX_SETS} combinations of model version, variant and surface, and at most {MAX_SERIES:,} label
combinations per metric. A histogram has a series per bucket and three more (`+Inf`, `_sum` and `_count`) for each.
"""


def fleet_table(measured: Measured = SEEN) -> str:
    """What a fleet of processes like the example comes to, by how often it exports."""
    points = sum(series(m, EXAMPLE) // series_each(m) for m in catalog.METRICS)
    samples = sum(series(m, EXAMPLE) for m in catalog.METRICS)
    rows = [_fleet_row(seconds, FLEET * points / seconds, FLEET * samples / seconds, measured) for seconds in (15, 60)]
    head = ("export interval", "Collectors", "store", "samples per second", f"disk for {DAYS} days")
    return f"{FLEET:,} processes, each with {points:,} data points ({samples:,} samples) per export:\n\n" + table(
        head, rows
    )


def sketches_table() -> str:
    """How exact sketches are, and what they cost, by the number of their registers."""
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
