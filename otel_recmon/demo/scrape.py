"""What a service exports: the series of one look at it, added up by label, and where to look."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Protocol

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from otel_recmon.catalog import Metric


class Exposition:
    """The series of one look, by their names in Prometheus; ``origin`` says where they were read."""

    def __init__(self, samples: Iterable[Sample], origin: str) -> None:
        """Take the last value of each series."""
        self.origin = origin
        self._samples: dict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            self._samples[sample.name].append(sample)

    def __iter__(self) -> Iterator[Sample]:
        """Yield them all."""
        return chain.from_iterable(self._samples.values())

    def total(self, metric: Metric, suffix: str = "", **labels: str) -> float:
        """Return the sum of a metric's series that carry the labels; 0 where there is none."""
        return sum(sample.value for sample in self._matching(metric, suffix, labels))

    def value(self, metric: Metric, **labels: str) -> float | None:
        """Return the value of the one series with the labels; None where there is none."""
        return next((sample.value for sample in self._matching(metric, "", labels)), None)

    def by(self, metric: Metric, label: str, suffix: str = "", **labels: str) -> dict[str, float]:
        """Return the sums by the values of ``label``, without those that are 0."""
        sums: dict[str, float] = defaultdict(float)
        for sample in self._matching(metric, suffix, labels):
            sums[sample.labels.get(label, "")] += sample.value
        return {value: total for value, total in sums.items() if total}

    def quantile(self, quantile: float, metric: Metric, **labels: str) -> tuple[float, float] | None:
        """Return the bounds of the bucket that the quantile lies in; None where nothing was recorded."""
        sums: dict[float, float] = defaultdict(float)
        for sample in self._matching(metric, "_bucket", labels):
            sums[float(sample.labels["le"])] += sample.value
        bounds = sorted(sums)
        if not bounds or not sums[bounds[-1]]:
            return None
        wanted = quantile * sums[bounds[-1]]
        return next((lower, upper) for lower, upper in pairwise([0.0, *bounds]) if sums[upper] >= wanted)

    def _matching(self, metric: Metric, suffix: str, labels: Mapping[str, str]) -> Iterator[Sample]:
        for sample in self._samples.get(metric.prometheus + suffix, ()):
            if labels.items() <= sample.labels.items():
                yield sample


class ExpositionSource(Protocol):
    """Where the demo reads the metrics of its service: on its page, or in Prometheus."""

    async def now(self, client: ClientSession) -> Exposition:
        """Return what is there now."""

    async def settled(self, client: ClientSession) -> Exposition:
        """Return what is there once everything that was counted so far is."""


@dataclass(frozen=True)
class ExpositionPage:
    """The page with the metrics of one process."""

    url: str

    async def now(self, client: ClientSession) -> Exposition:
        """Return what the page says now."""
        async with client.get(self.url) as response:
            return parsed(await response.text())

    async def settled(self, client: ClientSession) -> Exposition:
        """Return the second of two looks: a series that is new is exported as 0 once, before its value."""
        await self.now(client)
        return await self.now(client)


def parsed(text: str) -> Exposition:
    """Return the series in the text format of Prometheus."""
    families = text_string_to_metric_families(text)
    return Exposition((sample for family in families for sample in family.samples), "/metrics")
