"""The demo from start to end: start the service, replay the traffic, read the metrics, compare."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import ClientError
from rich.console import Console

from otel_recmon.demo import report
from otel_recmon.demo.comparison import compared
from otel_recmon.demo.faults import Fault, named
from otel_recmon.demo.replay import Progress, WrongAnswerError, session, watched
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.setups import Setup, alone, on_stack
from otel_recmon.demo.traffic import Slate, assembled, catalog_size, logged
from otel_recmon.demo.view import View, view


@dataclass(frozen=True)
class Options:
    """What the command line says; ``speed`` 0 is as fast as it goes."""

    rows: int | None = None
    speed: float = 0.0
    port: int | None = None
    keep_running: bool = False
    stack: bool = False
    against: str | None = None
    repeat: bool = False
    fault: str = ""

    @property
    def broken(self) -> Fault | None:
        """What is broken, if anything is."""
        return named(self.fault) if self.fault else None


def run(options: Options, console: Console) -> bool:
    """Run the demo and return whether every figure read is the one that the data give.

    With a fault, figures differ on purpose; then return whether the one that shows the fault does.

    Raises:
        DemoError: If something cannot be started, ends early or answers wrongly.
    """
    fault = options.broken
    impressions = logged()
    size = catalog_size(impressions)
    chosen = impressions[: options.rows]
    slates = assembled(chosen)
    _introduce(console, len(chosen), len(slates), on_stack=options.stack)
    with (on_stack if options.stack else alone)(size, options.port, options.fault) as setup:
        exposition = _replayed(setup, slates, options, view(console, len(slates), setup.top))
        result = compared(slates, exposition, size, broken=bool(options.fault))
        report.show(console, result, exposition)
        if fault:
            _tell(options.fault, fault, console, fault.sign.told(exposition, len(slates)))
        if options.keep_running:
            _keep(setup, console)
    return fault.sign.seen(exposition, len(slates)) if fault else not result.differing()


def _introduce(console: Console, impressions: int, slates: int, *, on_stack: bool) -> None:
    way = "The service exports to a Collector, and that to a Prometheus, where they are read.\n" if on_stack else ""
    console.print(
        f"Replaying {impressions:,} real impressions and their clicks, logged in 2019 on ZOZOTOWN\n"
        f"(Open Bandit sample). They were logged one by one: this driver assembles them\n"
        f"into {slates:,} slates of up to 3 items, of one campaign and policy, at their logged\n"
        f"positions. Purchases (*) are simulated from a fixed seed.\n{way}",
        highlight=False,
    )


def _replayed(setup: Setup, slates: Sequence[Slate], options: Options, seen: View) -> Exposition:
    try:
        with seen:
            return asyncio.run(_replay(setup, slates, options, seen))
    except (ClientError, TimeoutError, WrongAnswerError) as error:
        raise setup.fault(error) from error


async def _replay(setup: Setup, slates: Sequence[Slate], options: Options, seen: View) -> Exposition:
    fault = options.broken
    async with session() as client:

        async def look(progress: Progress) -> None:
            setup.check()
            seen.show(progress, await setup.source.now(client))

        progress = await watched(slates, setup.service.url, options.speed, look, fault.audience if fault else None)
        exposition = await (setup.source.now if fault and not fault.exports else setup.source.settled)(client)
        seen.show(progress, exposition)
        return exposition


def _tell(name: str, fault: Fault, console: Console, sign: str) -> None:
    console.print(
        f"\nBroken on purpose, by --fault {name}: {fault.cause}.\n"
        f"It shows in: {sign}.\n"
        f"The alerts that it raises where it lasts: {', '.join(fault.alerts)}.",
        highlight=False,
        soft_wrap=True,
    )


def _keep(setup: Setup, console: Console) -> None:
    pages = {
        "recommendations": f"{setup.service.url}/recommendations?surface=men&request_id=5",
        "its API": f"{setup.service.url}/docs",
        **setup.pages,
        "watch it": f"otel-recmon top {setup.top}",
    }
    console.print("\nThe service stays up until you press Ctrl-C:", highlight=False)
    for name, address in pages.items():
        console.print(f"  {name:<16} {address}", highlight=False, soft_wrap=True)
    setup.service.process.wait()
    raise setup.fault()
