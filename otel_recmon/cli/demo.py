"""The command ``otel-recmon demo``."""

import signal
import sys
from asyncio import CancelledError
from typing import Any

import click
from rich.console import Console

from otel_recmon.cli.stopping import stop_signals
from otel_recmon.demo.drive import drive
from otel_recmon.demo.faults import LIST_ALL, list_faults
from otel_recmon.demo.report import WIDTH
from otel_recmon.demo.run import Options, run
from otel_recmon.errors import RecmonError
from otel_recmon.values import number


class Speed(click.ParamType[float]):
    """``max``, or a factor of the logged speed."""

    name = "speed"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the factor, 0 for ``max``."""
        if value == "max":
            return 0.0
        speed = number(value)
        if speed is None or speed < 0:
            self.fail(f"{value!r} is neither 'max' nor a number of at least 0.", param, ctx)
        return speed


@click.command(short_help="Replay real traffic through a recommender and check its metrics against the data.")
@click.option("--rows", type=click.IntRange(min=1), help="Use only the first ROWS of the 60,000 impressions.")
@click.option(
    "--speed",
    type=Speed(),
    default="max",
    show_default=True,
    metavar="TIMES",
    help="Send the logged week TIMES faster: 10080 takes one minute. max (or 0) is as fast as possible.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the service.  [default: a free one]")
@click.option("--stack", is_flag=True, help="Send the metrics through a Collector to a Prometheus; needs make tools.")
@click.option("--keep-running", is_flag=True, help="Keep everything running at the end and print the URLs.")
@click.option("--fault", default="", metavar="NAME", help="Inject this fault; 'list' prints all faults.")
@click.option("--against", metavar="URL", help="Start no service; send the traffic to the service at URL.")
@click.option("--repeat", is_flag=True, help="With --against: start again after the last row, until stopped.")
def demo(**chosen: Any) -> None:
    """Replay real traffic through a recommender and check its metrics against the data.

    Starts a small FastAPI recommender as you would start your own service: in a separate process, under
    opentelemetry-instrument, without changes to the code of the service. Sends the Open Bandit sample to the service,
    and compares every exported figure with the same figure recomputed from the data. Needs no Docker and no other
    server.

    With --fault, the service or its users misbehave from the first request on. Figures then differ from the data: the
    demo marks these figures, but does not fail. At the end, the demo prints the fault, the figure that shows the
    fault, and the alerts that the fault raises if it lasts.

    Exit code: 0 if all figures agree, or with --fault if the figure shows the fault; 1 otherwise; 2 after an error.
    """
    if chosen["fault"] == LIST_ALL:
        click.echo(list_faults())
        return
    options = Options(**chosen)
    received = stop_signals()
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    try:
        _check(options)
        sys.exit(0 if (drive if options.against else run)(options, console) else 1)
    except RecmonError as error:
        click.echo(f"otel-recmon demo: {error}", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, CancelledError):  # asyncio raises the latter if another task failed at the same time
        sys.exit(128 + (received or [signal.SIGINT])[0])  # the exit code of shells after a signal


def _check(options: Options) -> None:
    if options.repeat and not options.against:
        raise click.UsageError("--repeat needs --against, the URL to send to")
    if options.against and (options.stack or options.port or options.keep_running or options.fault):
        raise click.UsageError("--against starts no service: remove --stack, --port, --keep-running and --fault")
    if options.broken and not options.broken.exports and not options.stack:
        raise click.UsageError(f"--fault {options.fault} needs --stack, because it disconnects the Collector")
    if options.against and not options.against.startswith(("http://", "https://")):
        raise click.UsageError(f"--against {options.against!r} is not a URL such as http://localhost:8000")
