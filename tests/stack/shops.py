"""Services of the demo, each to be broken in a way of its own, and the people who use them."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import httpx
from aiohttp import ClientError, ClientSession

from otel_recmon.demo import launch
from otel_recmon.demo.audience import AS_LOGGED, Audience, is_sampled
from otel_recmon.demo.faults import FAULTS, Fault
from otel_recmon.demo.launch import Exporter
from otel_recmon.demo.replay import http_session
from otel_recmon.demo.service import RecommenderProcess, Workspace, run_service
from otel_recmon.demo.traffic import Slate, assemble_slates, load_impressions
from tests import web
from tests.speed import stretch_factor
from tests.stack.serving import STARTERS

HEALTHY: Final = "healthy"
"""The service that nothing is wrong with."""
VERSION: Final = "bts-2019.11"
STRETCH: Final = stretch_factor() + 1
"""The factor by which every duration here is longer than the shortest that works."""
PER_SECOND: Final = 4 / STRETCH
"""Requests to each service."""
EXPORT_MS: Final = 1_000 * STRETCH
CLICKING: Final = 0.8
"""The share of requests with a click: enough sales in a window for a drop to a tenth to be more than chance."""
BUYING: Final = 0.8
"""The share of clicks with a purchase."""
REVENUE: Final = 50.0
CATALOG_SIZE: Final = 160


def shown() -> list[Slate]:
    """Full slates of one model: asked for over and over, so that whatever changes is a fault's doing."""
    return [
        s
        for s in assemble_slates(load_impressions(rows=2_000))
        if s.model_version == VERSION and len(s.impressions) == 3
    ][:50]


@dataclass
class Shop:
    """A service named after its fault."""

    name: str
    place: Workspace
    exporter: Exporter
    audience: Audience = AS_LOGGED
    service: RecommenderProcess | None = None
    _process: ExitStack = field(default_factory=ExitStack)

    @property
    def fault(self) -> Fault | None:
        """Its fault; the healthy one has none."""
        return FAULTS.get(self.name)

    @property
    def url(self) -> str:
        """Where it answers now."""
        assert self.service
        return self.service.url

    def open(self, fault: str = "") -> None:
        """Serve from a new process, and end the one before once people go to the new one."""
        before, self._process = self._process, ExitStack()
        place = Workspace(self.place.folder / f"{self.name}-{time.monotonic_ns()}", self.place.group)
        place.logs.mkdir(parents=True)
        app = self.fault.app if self.fault else ""
        process = run_service(place, self.exporter, CATALOG_SIZE, name=self.name, fault=fault, app=app)
        self.service = self._process.enter_context(process)
        before.close()

    def close(self) -> None:
        """End it."""
        self._process.close()

    def set(self, *, broken: bool) -> None:
        """Put its fault on or off; one that a process is born with by a new process."""
        assert self.fault
        name = self.name if broken else ""
        if self.fault.variables or self.fault.model_age_hours:
            self.open(name)
        else:
            self._tell(name)
        self.audience = self.fault.audience if broken else AS_LOGGED

    def _tell(self, name: str) -> None:
        assert self.service
        try:
            web.put(f"{self.url}/fault", params={"name": name}).raise_for_status()
        except httpx.HTTPError as error:
            raise self.service.failure(error) from error  # with the last line of its log


@contextmanager
def street(place: Workspace, collector: str) -> Iterator[list[Shop]]:
    """A shop for each fault and a healthy one, with people in all of them."""
    shops = [Shop(name, place, launch.otlp_exporter(collector, EXPORT_MS)) for name in (HEALTHY, *FAULTS)]
    with ExitStack() as undo, ThreadPoolExecutor(STARTERS) as starters:
        for shop in shops:
            undo.callback(shop.close)
        list(starters.map(Shop.open, shops))
        undo.enter_context(_people(shops))
        yield shops


@contextmanager
def _people(shops: Sequence[Shop]) -> Iterator[None]:
    closing = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_crowd(shops, closing)))
    thread.start()
    try:
        yield
    finally:
        closing.set()
        thread.join()


async def _crowd(shops: Sequence[Shop], closing: threading.Event) -> None:
    async with http_session() as client, asyncio.TaskGroup() as tasks:
        for shop in shops:
            tasks.create_task(_come(client, shop, closing))


async def _come(client: ClientSession, shop: Shop, closing: threading.Event) -> None:
    """Send people in at a steady pace, however long each of them waits; the pace makes up for a stall."""
    slates, clicks, begun = shown(), count(), time.monotonic()
    async with asyncio.TaskGroup() as visits:
        for number in count():
            await asyncio.sleep(begun + number / PER_SECOND - time.monotonic())
            if closing.is_set():
                return
            if is_sampled(number, shop.audience.arriving):
                visits.create_task(_visit(client, shop, slates[number % len(slates)], number, clicks))


async def _visit(client: ClientSession, shop: Shop, slate: Slate, number: int, clicks: Iterator[int]) -> None:
    query = {"surface": slate.surface, "request_id": slate.request_id, "limit": "3"}
    with suppress(ClientError, TimeoutError):  # what people are told of a failure they forget
        async with client.get(f"{shop.url}/recommendations", params=query) as response:
            answer = await response.json()
        if answer["recommendations"] and is_sampled(number, CLICKING * shop.audience.clicking):
            await _click(client, shop, answer, next(clicks))


async def _click(client: ClientSession, shop: Shop, answer: Mapping[str, Any], number: int) -> None:
    item = answer["recommendations"][number % len(answer["recommendations"])]
    said = {"model_version": answer["model_version"], "variant": answer["variant"], "item_id": item["item_id"]}
    surface = {"surface": answer["surface"]}
    await client.post(f"{shop.url}/track/click", params=surface, json=said | {"position": item["position"]})
    if is_sampled(number, BUYING * shop.audience.buying):
        await client.post(f"{shop.url}/track/conversion", params=surface, json=said | {"revenue": REVENUE})
