"""The exported metrics of a service at one moment, and the sources from which the demo reads them."""

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
    """The samples of all series at one moment; ``origin`` is the name of their source in the output."""

    def __init__(self, samples: Iterable[Sample], origin: str) -> None:
        self.origin = origin
        self._samples: dict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            self._samples[sample.name].append(sample)

    def __iter__(self) -> Iterator[Sample]:
        """Yield all samples."""
        return chain.from_iterable(self._samples.values())

    def total(self, metric: Metric, suffix: str = "", **labels: str) -> float:
        """Return the sum of the metric's series with these labels and name suffix (``_count``); 0 if there are none."""
        return sum(sample.value for sample in self._matching(metric, suffix, labels))

    def value(self, metric: Metric, **labels: str) -> float | None:
        """Return the value of the metric's only series with these labels; None if there is no such series."""
        return next((sample.value for sample in self._matching(metric, "", labels)), None)

    def by(self, metric: Metric, label: str, suffix: str = "", **labels: str) -> dict[str, float]:
        """Return the sum of the metric's series for each value of ``label``. Sums of 0 are left out."""
        sums: dict[str, float] = defaultdict(float)
        for sample in self._matching(metric, suffix, labels):
            sums[sample.labels.get(label, "")] += sample.value
        return {value: total for value, total in sums.items() if total}

    def quantile(self, quantile: float, metric: Metric, **labels: str) -> tuple[float, float] | None:
        """Return the bounds of the bucket that contains the ``quantile`` (0 to 1); None without recorded values."""
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
    """A source of the service's metrics: the metrics page of the service, or a Prometheus."""

    async def now(self, client: ClientSession) -> Exposition:
        """Return the metrics that are available now."""

    async def settled(self, client: ClientSession) -> Exposition:
        """Wait until everything counted so far is available, and return the metrics."""


@dataclass(frozen=True)
class ExpositionPage:
    """The page with the metrics of one process."""

    url: str

    async def now(self, client: ClientSession) -> Exposition:
        """Return the metrics on the page now."""
        async with client.get(self.url) as response:
            return parse_exposition(await response.text())

    async def settled(self, client: ClientSession) -> Exposition:
        """Return the metrics on the page now. Unlike Prometheus, the page is always up to date."""
        return await self.now(client)


def parse_exposition(text: str) -> Exposition:
    """Parse a page in Prometheus's text format."""
    families = text_string_to_metric_families(text)
    return Exposition((sample for family in families for sample in family.samples), "/metrics")
