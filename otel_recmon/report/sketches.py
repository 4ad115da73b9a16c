"""Numbers of distinct ids in a period, from sketches merged over all processes and the whole period."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from otel_recmon.catalog import MODEL_VERSION, REGISTER
from otel_recmon.query.client import Prometheus
from otel_recmon.report.counts import version
from otel_recmon.report.period import Period
from otel_recmon.report.rises import pieces
from otel_recmon.stats.sketch import estimate


@dataclass(frozen=True)
class Distinct:
    """A merged sketch by model version: the maximum of each register (a cell of a sketch) over processes and time."""

    registers: Mapping[str, Mapping[str, int]]

    def count(self, of: str) -> float | None:
        """Estimate the distinct ids of a model version, or of all versions if ``of`` is ""; None without a sketch."""
        highest: defaultdict[str, int] = defaultdict(int)
        for each, registers in self.registers.items():
            for register, rank in registers.items() if of in ("", each) else ():
                highest[register] = max(highest[register], rank)
        return estimate(list(highest.values())) if highest else None


def distinct(prometheus: Prometheus, selector: str, hours: Sequence[Period]) -> Distinct:
    """Query the sketches. They also contain the ids of the five to ten minutes before the period.

    Raises:
        PrometheusError: If Prometheus does not answer.
    """
    registers: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for piece in pieces(hours):
        window = f"{selector}[{piece.window_ms * len(piece.hours)}ms]"
        query = f"max by ({MODEL_VERSION.name}, {REGISTER.name}) (max_over_time({window}))"
        for series in prometheus.instant(query, piece.asked[1]):
            highest, register = registers[version(series.labels)], series.labels.get(REGISTER.name, "")
            highest[register] = max(highest[register], int(series.value))
    return Distinct(registers)
