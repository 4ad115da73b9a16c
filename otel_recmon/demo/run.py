"""The demo from start to end: start the service, replay the traffic, read the metrics, compare."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession
from rich.console import Console

from otel_recmon.demo import report
from otel_recmon.demo.comparison import compared
from otel_recmon.demo.replay import Progress, WrongAnswerError, first_failure, replay, session
from otel_recmon.demo.scrape import Exposition, fetch, settled
from otel_recmon.demo.service import Service, running
from otel_recmon.demo.traffic import Slate, assembled, catalog_size, logged
from otel_recmon.demo.view import View, view

LOOK_SECONDS = 1.0
"""Between two looks at the metrics while the replay runs."""


@dataclass(frozen=True)
class Options:
    """What the command line says; ``speed`` 0 is as fast as it goes."""

    rows: int | None = None
    speed: float = 0.0
    port: int | None = None
    keep_running: bool = False


def run(options: Options, console: Console) -> bool:
    """Run the demo and return whether every figure read is the one that the data give.

    Raises:
        DemoError: If the service cannot be started, ends early or answers wrongly.
    """
    impressions = logged()
    size = catalog_size(impressions)
    chosen = impressions[: options.rows]
    slates = assembled(chosen)
    _introduce(console, len(chosen), len(slates))
    with running(size, options.port) as service:
        exposition = _replayed(service, slates, options.speed, view(console, len(slates)))
        result = compared(slates, exposition, size)
        report.show(console, result, exposition)
        if options.keep_running:
            _keep(service, console)
    return not result.differing()


def _introduce(console: Console, impressions: int, slates: int) -> None:
    console.print(
        f"Replaying {impressions:,} real impressions and their clicks, logged in 2019 on ZOZOTOWN\n"
        f"(Open Bandit sample). They were logged one by one: this driver assembles them\n"
        f"into {slates:,} slates of up to 3 items, of one campaign and policy, at their logged\n"
        "positions. Purchases (*) are simulated from a fixed seed.\n",
        highlight=False,
    )


def _replayed(service: Service, slates: Sequence[Slate], speed: float, seen: View) -> Exposition:
    try:
        with seen:
            return asyncio.run(_replay(service, slates, speed, seen))
    except (ClientError, TimeoutError, WrongAnswerError) as error:
        raise service.fault(error) from error


async def _replay(service: Service, slates: Sequence[Slate], speed: float, seen: View) -> Exposition:
    progress = Progress(len(slates))
    done = asyncio.Event()

    async def send() -> None:
        await replay(slates, service.url, speed, progress)
        done.set()

    async with session() as client:
        await first_failure(send(), _watch(client, service, progress, seen, done))
        exposition = await settled(client, service.metrics_url)
        seen.show(progress, exposition)
        return exposition


async def _watch(client: ClientSession, service: Service, progress: Progress, seen: View, done: asyncio.Event) -> None:
    while not done.is_set():
        seen.show(progress, await fetch(client, service.metrics_url))
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), LOOK_SECONDS)


def _keep(service: Service, console: Console) -> None:
    console.print(
        f"\nThe service stays up until you press Ctrl-C:\n"
        f"  recommendations  {service.url}/recommendations?surface=men&request_id=5\n"
        f"  its API          {service.url}/docs\n"
        f"  its metrics      {service.metrics_url}",
        highlight=False,
    )
    service.process.wait()
    raise service.fault()
