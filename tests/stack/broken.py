"""A real Prometheus with a service for each fault of the demo, broken all along, and one that is well."""

import asyncio
import math
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from otel_recmon.demo import launch
from otel_recmon.demo.audience import AS_LOGGED
from otel_recmon.demo.faults import CACHE_APP, FAULTS
from otel_recmon.demo.prometheus_source import PrometheusSource
from otel_recmon.demo.replay import Progress, http_session, replay_with_progress
from otel_recmon.demo.service import RecommenderProcess, run_service, workspace
from otel_recmon.demo.traffic import Slate, assemble_slates, catalog_size
from otel_recmon.stack import Stack
from tests.speed import stretch_factor
from tests.stack.filled import LOG, Filled
from tests.stack.observed import Prometheus
from tests.stack.past import DAY_S, HOUR_S, give_past
from tests.stack.serving import STARTERS

HEALTHY: Final = "healthy"
"""The service that nothing is wrong with; what it exports is also what all of them once did."""
AGES_S: Final = (HOUR_S, DAY_S, 7 * DAY_S)
BOUGHT, CLICKED, OTHERS = 40, 20, 140
"""Slates to each service; of what was logged, far fewer were clicked on."""
LASTING_S: Final = 24 * stretch_factor()
"""Seconds over which the requests are sent: at a higher rate the healthy service would be slow, too."""
EXPORT_S: Final = stretch_factor()


def some() -> list[Slate]:
    """Slates as they were logged, with enough clicks and sales among them to see what becomes of these."""
    kinds: dict[int, list[Slate]] = {BOUGHT: [], CLICKED: [], OTHERS: []}
    for slate in assemble_slates(LOG):
        sold = any(one.earned_cents for one in slate.clicked)
        kinds[BOUGHT if sold else CLICKED if slate.clicked else OTHERS].append(slate)
    chosen = [slate for number, found in kinds.items() for slate in found[:: len(found) // number][:number]]
    return sorted(chosen, key=lambda slate: slate.at)


@contextmanager
def broken() -> Iterator[Filled]:
    """Fill one; what the services did an hour, a day and a week ago was well."""
    slates = some()
    with workspace() as place, Stack(directory=place.folder, group=place.group, scrape_interval="1s") as stack:
        exporter, size = launch.otlp_exporter(stack.otlp_http_url, 1_000 * EXPORT_S), catalog_size(LOG)
        with ExitStack() as undo, ThreadPoolExecutor(STARTERS) as starters:

            def start(name: str) -> RecommenderProcess:
                fault = name if name in FAULTS else ""
                return undo.enter_context(run_service(place, exporter, size, name=name, fault=fault, app=CACHE_APP))

            names = (HEALTHY, *FAULTS)
            services = dict(zip(names, starters.map(start, names), strict=True))
            begun = time.time()
            found = asyncio.run(_visited(stack, services, slates))
            end = time.time()
            begun = end - math.ceil(end - begun)  # a page asks for whole seconds, and all of it lies in them
            prometheus = Prometheus(stack.prometheus_url)
            give_past(stack, place.folder, _well(prometheus, end - begun), AGES_S)
        yield Filled(prometheus, slates, found, begun, end, EXPORT_S)  # without the services, whose exports would go on


async def _visited(stack: Stack, services: Mapping[str, RecommenderProcess], slates: list[Slate]) -> Any:
    """Send people to all services, and return what each that exports has counted."""
    speed = (slates[-1].at - slates[0].at).total_seconds() / LASTING_S

    async def look(_: Progress) -> None:
        """See nothing."""

    async def visit(name: str) -> Any:
        fault = FAULTS.get(name)
        await replay_with_progress(slates, services[name].url, speed, look, fault.audience if fault else AS_LOGGED)
        if fault is None or fault.exports:
            async with http_session() as client:
                return await PrometheusSource(stack.prometheus_url, name, stack.logs).settled(client)
        return None

    return dict(zip(services, await asyncio.gather(*map(visit, services)), strict=True))


def _well(prometheus: Prometheus, lasting_s: float) -> list[Any]:
    """What the service that is well exported, as if it were each of them."""
    of_it = f'{{job="{HEALTHY}", __name__!~".+_sketch"}}[{lasting_s + 30:.0f}s]'
    found = prometheus.ask("query", query=of_it)["result"]
    return [{**one, "metric": {**one["metric"], "job": name}} for one in found for name in (HEALTHY, *FAULTS)]
