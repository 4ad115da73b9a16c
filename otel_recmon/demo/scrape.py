"""What a service exports: its Prometheus exposition, fetched, parsed and added up by label."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from otel_recmon.catalog import Metric


class Exposition:
    """The series of one scrape."""

    def __init__(self, text: str) -> None:
        """Parse the text format of Prometheus."""
        self._samples: dict[str, list[Sample]] = defaultdict(list)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples[sample.name].append(sample)

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


async def fetch(session: ClientSession, url: str) -> Exposition:
    """Return what ``url`` exports now."""
    async with session.get(url) as response:
        return Exposition(await response.text())


async def settled(session: ClientSession, url: str) -> Exposition:
    """Return the second of two scrapes: a series that is new is exported as 0 once, before its value."""
    await fetch(session, url)
    return await fetch(session, url)
