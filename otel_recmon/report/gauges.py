"""Mean and maximum of a gauge in a period, over all samples of all processes."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from otel_recmon.catalog import MODEL_VERSION
from otel_recmon.query.client import Prometheus
from otel_recmon.report.counts import version
from otel_recmon.report.period import Period
from otel_recmon.report.rises import pieces


@dataclass
class GaugeSamples:
    """The sum, the number and the maximum of the samples of a gauge, by model version."""

    sums: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    samples: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    greatest: defaultdict[str, float] = field(default_factory=lambda: defaultdict(lambda: -math.inf))

    def mean(self, of: str) -> float | None:
        """Return the mean for a model version, or for all versions if ``of`` is ""; None without samples."""
        samples = sum(count for each, count in self.samples.items() if of in ("", each))
        return sum(total for each, total in self.sums.items() if of in ("", each)) / samples if samples else None

    def most(self, of: str) -> float | None:
        """Return the maximum for a model version, or for all versions if ``of`` is ""; None without samples."""
        return max((value for each, value in self.greatest.items() if of in ("", each)), default=None)


def gauge_samples(prometheus: Prometheus, selector: str, hours: Sequence[Period]) -> GaugeSamples:
    """Query the samples of a gauge.

    Raises:
        PrometheusError: If Prometheus does not answer.
    """
    read = GaugeSamples()
    for piece in pieces(hours):
        window = f"{selector}[{piece.window_ms}ms]"
        for into, over, function in ((read.sums, "sum", "sum_over_time"), (read.samples, "sum", "count_over_time")):
            for series in prometheus.ranged(_by_version(over, function, window), *piece.asked):
                into[version(series.labels)] += math.fsum(value for _, value in series.samples)
        for series in prometheus.ranged(_by_version("max", "max_over_time", window), *piece.asked):
            of = version(series.labels)
            read.greatest[of] = max(read.greatest[of], *(value for _, value in series.samples))
    return read


def _by_version(over: str, function: str, window: str) -> str:
    return f"{over} by ({MODEL_VERSION.name}) ({function}({window}))"
