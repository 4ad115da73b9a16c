"""History of one page of metrics: snapshots of all series, and the increases of the counters."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.samples import Sample

from otel_recmon.query.vectors import Vector
from otel_recmon.stats.histogram import rise

MOST_SNAPSHOTS: Final = 200
"""The largest number of snapshots in a history, spread evenly over its time."""
STARTED: Final = "process_start_time_seconds"
"""The series with the start time of the process. Not every exporter has this series."""


@dataclass(frozen=True)
class Snapshot:
    """The series of a page at one time.

    Attributes:
        at: The time of the reading, in seconds since 1970. If a snapshot stands for the start of the process, the
            time of the start; NaN if the start is unknown.
        values: The values of the series, by name and labels.
        increases: The total increase of each series up to this snapshot. A restart of the process does not reset the
            total.
    """

    at: float
    values: Mapping[str, Vector] = field(default_factory=dict)
    increases: Mapping[str, Vector] = field(default_factory=dict)


@dataclass(frozen=True)
class Span:
    """The time between two snapshots. With ``since_start``, the first snapshot is the start of the process."""

    first: Snapshot
    last: Snapshot
    since_start: bool = False

    @property
    def seconds(self) -> float:
        """The length in seconds; NaN if the start of the process is unknown."""
        return self.last.at - self.first.at

    def increase(self, name: str) -> Vector:
        """Return the increase of each series called ``name``."""
        before = self.first.increases.get(name, {})
        after = self.last.increases.get(name, {})
        return {labels: increase - before.get(labels, 0.0) for labels, increase in after.items()}


class History:
    """The snapshots of one page in the last ``keep_s`` seconds."""

    def __init__(self, keep_s: float) -> None:
        self.keep_s = keep_s
        self._snapshots: list[Snapshot] = []
        self._last_values: dict[str, Vector] = defaultdict(dict)
        self._increases: dict[str, Vector] = defaultdict(dict)

    def add(self, at: float, samples: Iterable[Sample]) -> None:
        """Add the samples of a page. ``at`` is the time of the reading, in seconds since 1970."""
        values: dict[str, Vector] = defaultdict(dict)
        for sample in samples:
            labels = frozenset((name, value) for name, value in sample.labels.items() if value)
            values[sample.name][labels] = sample.value
        self._add_increases(values)
        increases = {name: dict(vector) for name, vector in self._increases.items()}
        self._snapshots.append(Snapshot(at, values, increases))
        self._thin_out(at)

    def span(self, at: float, window_s: float) -> Span | None:
        """Return the window of ``window_s`` seconds before the time ``at``, or the whole history if that is shorter.

        The result is None if the history has no snapshot from which the window can start. With a single snapshot, the
        window starts at the start of the process.
        """
        snapshots = [snapshot for snapshot in self._snapshots if snapshot.at <= at]
        if not snapshots:
            return None
        *earlier, last = snapshots
        if len(self._snapshots) == 1:
            return Span(Snapshot(_started(last)), last, since_start=True)
        return Span(min(earlier, key=lambda one: abs(one.at - (at - window_s))), last) if earlier else None

    def _add_increases(self, values: Mapping[str, Vector]) -> None:
        for name, vector in values.items():
            last, increases = self._last_values[name], self._increases[name]
            for labels, value in vector.items():
                increases[labels] = increases.get(labels, 0.0) + rise(last.get(labels, 0.0), value)
                last[labels] = value

    def _thin_out(self, now: float) -> None:
        """Drop snapshots that are too old. Drop the second newest snapshot if it is too close to its predecessor."""
        snapshots = self._snapshots
        if len(snapshots) > 2 and snapshots[-2].at - snapshots[-3].at < self.keep_s / MOST_SNAPSHOTS:
            del snapshots[-2]
        while len(snapshots) > 2 and snapshots[1].at <= now - self.keep_s:
            del snapshots[0]


def _started(snapshot: Snapshot) -> float:
    return next(iter(snapshot.values.get(STARTED, {}).values()), math.nan)
