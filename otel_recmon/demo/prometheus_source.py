"""A Prometheus as the source of the service's metrics."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession
from prometheus_client.samples import Sample

from otel_recmon import catalog
from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.scrape import Exposition

POLL_SECONDS: Final = 0.1
EXPORTS: Final = 2
"""The number of exports after which Prometheus has all counts: the first export of a new series is always 0."""
EXPORT_COUNTER: Final = catalog.BUILD_INFO.prometheus
"""A series to which each export of a process adds one sample. The number of samples is the number of exports."""


@dataclass(frozen=True)
class PrometheusSource:
    """The series of a service in a Prometheus. The error message names ``logs``, the folder of the log files."""

    url: str
    job: str
    logs: Path
    deadline_s: float = 180.0

    async def now(self, client: ClientSession) -> Exposition:
        """Return the newest values of the service's series."""
        return Exposition(_samples(await self._query(client, f'{{job="{self.job}"}}')), "Prometheus")

    async def settled(self, client: ClientSession) -> Exposition:
        """Wait until every process has exported twice more, and return the newest values.

        Raises:
            DemoError: The exports do not arrive within ``deadline_s``.
        """
        moment = time.time()
        try:
            async with asyncio.timeout(self.deadline_s):
                exports = 0
                while exports < EXPORTS:
                    await asyncio.sleep(POLL_SECONDS)
                    exports = await self._exports(client, moment)
        except TimeoutError as error:
            raise DemoError(
                f"the metrics did not reach Prometheus within {self.deadline_s:g} s; the logs are in {self.logs}"
            ) from error
        return await self.now(client)

    async def _exports(self, client: ClientSession, moment: float) -> int:
        """Return the number of exports after ``moment`` (seconds since 1970) by the process with the fewest exports."""
        series = await self._query(client, f'{EXPORT_COUNTER}{{job="{self.job}"}}[5m]')
        return min((sum(at > moment for at, _ in one["values"]) for one in series), default=0)

    async def _query(self, client: ClientSession, query: str) -> Any:
        async with client.get(f"{self.url}/api/v1/query", params={"query": query}) as response:
            return (await response.json())["data"]["result"]


def _samples(series: Iterable[Mapping[str, Any]]) -> Iterable[Sample]:
    for one in series:
        yield Sample(one["metric"]["__name__"], one["metric"], float(one["value"][1]))
