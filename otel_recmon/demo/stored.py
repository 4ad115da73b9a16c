"""What has reached a Prometheus of a service that exports by itself."""

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
"""After these, all is there: a series that is new is exported as 0 once, before its value."""
BEAT: Final = catalog.BUILD_INFO.prometheus
"""A series that each export has a sample of, from every process."""


@dataclass(frozen=True)
class Stored:
    """The series of a service in a Prometheus; ``logs`` is where to look when they do not come."""

    url: str
    job: str
    logs: Path
    deadline_s: float = 180.0

    async def now(self, client: ClientSession) -> Exposition:
        """Return the last values that have arrived."""
        return Exposition(_samples(await self._asked(client, f'{{job="{self.job}"}}')), "Prometheus")

    async def settled(self, client: ClientSession) -> Exposition:
        """Return the values once every process has exported twice after this moment.

        Raises:
            DemoError: If that takes too long.
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
        """Return how many exports after a moment have arrived, from the process with the fewest."""
        series = await self._asked(client, f'{BEAT}{{job="{self.job}"}}[5m]')
        return min((sum(at > moment for at, _ in one["values"]) for one in series), default=0)

    async def _asked(self, client: ClientSession, query: str) -> Any:
        async with client.get(f"{self.url}/api/v1/query", params={"query": query}) as response:
            return (await response.json())["data"]["result"]


def _samples(series: Iterable[Mapping[str, Any]]) -> Iterable[Sample]:
    for one in series:
        yield Sample(one["metric"]["__name__"], one["metric"], float(one["value"][1]))
