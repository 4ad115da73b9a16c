"""``otel-recmon demo``."""

import signal
import sys
from asyncio import CancelledError
from typing import Any

import click
from rich.console import Console

from otel_recmon.cli.stopping import stop_signals
from otel_recmon.demo.drive import drive
from otel_recmon.demo.faults import LIST, listed
from otel_recmon.demo.report import WIDTH
from otel_recmon.demo.run import Options, run
from otel_recmon.errors import RecmonError
from otel_recmon.values import number


class Speed(click.ParamType[float]):
    """``max``, or how many times faster than logged."""

    name = "speed"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, 0 for ``max``."""
        if value == "max":
            return 0.0
        speed = number(value)
        if speed is None or speed < 0:
            self.fail(f"{value!r} is neither 'max' nor a number from 0.", param, ctx)
        return speed


@click.command(short_help="Replay real traffic through a recommender and check its metrics against the data.")
@click.option("--rows", type=click.IntRange(min=1), help="Use the first ROWS impressions only, of 60,000.")
@click.option(
    "--speed",
    type=Speed(),
    default="max",
    show_default=True,
    metavar="TIMES",
    help="Send the logged week so many times faster: 10080 takes a minute; max (or 0) is as fast as it goes.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the service.  [default: a free one]")
@click.option("--stack", is_flag=True, help="Send the metrics through a Collector to a Prometheus; see make tools.")
@click.option("--keep-running", is_flag=True, help="Leave everything up at the end and print the URLs.")
@click.option("--fault", default="", metavar="NAME", help="Break something on purpose; 'list' says what.")
@click.option("--against", metavar="URL", help="Only send the traffic, to a service that is there.")
@click.option("--repeat", is_flag=True, help="With --against: begin again at the end, until stopped.")
def demo(**chosen: Any) -> None:
    """Replay real traffic through a recommender and check its metrics against the data.

    Starts a small FastAPI recommender as your own service would run (its own process, no change in its
    code, the plugin through opentelemetry-instrument), sends it the Open Bandit sample, and compares every
    figure it exports with the same figure recomputed from the data. Needs no Docker and no other server.

    With --fault, something is broken from the first request on: in the service, or in how people behave. Then
    figures differ from the data because they should: they are marked, not judged, and the demo ends by saying
    what was broken, which figure shows it and which alerts it raises where it lasts.

    Exit code: 0 if all figures agree, or with --fault if the figure that shows it does; 1 if not; 2 if something
    failed.
    """
    if chosen["fault"] == LIST:
        click.echo(listed())
        return
    options = Options(**chosen)
    received = stop_signals()
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without check marks
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    try:
        _check(options)
        sys.exit(0 if (drive if options.against else run)(options, console) else 1)
    except (RecmonError, OSError) as error:
        click.echo(f"otel-recmon demo: {error}", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, CancelledError):  # the latter where other work had failed at that moment
        sys.exit(128 + (received or [signal.SIGINT])[0])


def _check(options: Options) -> None:
    if options.repeat and not options.against:
        raise click.UsageError("--repeat needs --against, which says whom to send to")
    if options.against and (options.stack or options.port or options.keep_running or options.fault):
        raise click.UsageError("--against starts nothing: leave out --stack, --port, --keep-running and --fault")
    if options.broken and not options.broken.exports and not options.stack:
        raise click.UsageError(f"--fault {options.fault} needs --stack, which has a Collector to miss")
    if options.against and not options.against.startswith(("http://", "https://")):
        raise click.UsageError(f"--against {options.against!r} is no URL, such as http://localhost:8000")
