"""The whole demo: start the service, replay the traffic, read the metrics, compare the figures."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import ClientError
from rich.console import Console

from otel_recmon.demo import report
from otel_recmon.demo.comparison import compare
from otel_recmon.demo.faults import Fault, find_fault
from otel_recmon.demo.replay import Progress, WrongAnswerError, http_session, replay_with_progress
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.setups import Setup, on_stack, standalone
from otel_recmon.demo.traffic import Slate, assemble_slates, catalog_size, load_impressions
from otel_recmon.demo.view import View, view


@dataclass(frozen=True)
class Options:
    """The options of the command line; ``speed`` is a factor of the logged speed, 0 as fast as possible."""

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
        """The injected fault; None for none.

        Raises:
            DemoError: There is no such fault.
        """
        return find_fault(self.fault) if self.fault else None


def run(options: Options, console: Console) -> bool:
    """Run the demo; return True if all figures agree with the data.

    With a fault, figures are expected to differ, and the result is True if the fault's indicator shows the fault.

    Raises:
        DemoError: The fault is unknown, or a process does not start, ends early, or answers wrongly.
    """
    fault = options.broken
    impressions = load_impressions()
    size = catalog_size(impressions)
    chosen = impressions[: options.rows]
    slates = assemble_slates(chosen)
    _print_introduction(console, len(chosen), len(slates), on_stack=options.stack)
    with (on_stack if options.stack else standalone)(size, options.port, options.fault) as setup:
        exposition = _replayed(setup, slates, options, view(console, len(slates), setup.top))
        result = compare(slates, exposition, size, broken=bool(options.fault))
        report.show(console, result, exposition)
        if fault:
            _print_fault(options.fault, fault, console, fault.indicator.describe(exposition, len(slates)))
        if options.keep_running:
            _keep_running(setup, console)
    return fault.indicator.shows_fault(exposition, len(slates)) if fault else not result.differing()


def _print_introduction(console: Console, impressions: int, slates: int, *, on_stack: bool) -> None:
    path = "The metrics go through a Collector to a Prometheus. The demo reads them there.\n" if on_stack else ""
    console.print(
        f"Replaying {impressions:,} real impressions and their clicks, logged in 2019 on ZOZOTOWN\n"
        f"(Open Bandit sample). The log has single impressions. The driver combines them into\n"
        f"{slates:,} slates of up to 3 items of one campaign and policy, at their logged positions.\n"
        f"Purchases (*) are simulated from a fixed seed.\n{path}",
        highlight=False,
    )


def _replayed(setup: Setup, slates: Sequence[Slate], options: Options, seen: View) -> Exposition:
    try:
        with seen:
            return asyncio.run(_replay(setup, slates, options, seen))
    except (ClientError, TimeoutError, WrongAnswerError) as error:
        raise setup.failure(error) from error


async def _replay(setup: Setup, slates: Sequence[Slate], options: Options, seen: View) -> Exposition:
    fault = options.broken
    async with http_session() as client:

        async def report_progress(progress: Progress) -> None:
            setup.check()
            seen.show(progress, await setup.source.now(client))

        audience = fault.audience if fault else None
        progress = await replay_with_progress(slates, setup.service.url, options.speed, report_progress, audience)
        # `settled` would wait in vain for a service whose metrics reach no backend.
        exposition = await (setup.source.now if fault and not fault.exports else setup.source.settled)(client)
        seen.show(progress, exposition)
        return exposition


def _print_fault(name: str, fault: Fault, console: Console, indicator: str) -> None:
    console.print(
        f"\nInjected fault, by --fault {name}: {fault.cause}.\n"
        f"Visible in {indicator}.\n"
        f"Alerts if the fault lasts: {', '.join(fault.alerts)}.",
        highlight=False,
        soft_wrap=True,
    )


def _keep_running(setup: Setup, console: Console) -> None:
    pages = {
        "recommendations": f"{setup.service.url}/recommendations?surface=men&request_id=5",
        "API": f"{setup.service.url}/docs",
        **setup.pages,
        "live view": f"otel-recmon top {setup.top}",
    }
    console.print("\nThe service runs until you press Ctrl-C:", highlight=False)
    for name, address in pages.items():
        console.print(f"  {name:<16} {address}", highlight=False, soft_wrap=True)
    setup.service.process.wait()
    raise setup.failure()
