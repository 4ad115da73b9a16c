"""The command ``otel-recmon report``."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.progress import Progress as Bar

from otel_recmon.cli import prometheus
from otel_recmon.errors import RecmonError
from otel_recmon.query.client import Prometheus
from otel_recmon.report.document import hourly, summary
from otel_recmon.report.failure import NoDataError, UnknownError
from otel_recmon.report.period import DAY, Period, moment
from otel_recmon.report.reading import Progress, Report, read
from otel_recmon.report.services import service
from otel_recmon.report.text import WIDTH, show


class Moment(click.ParamType[datetime]):
    """A date or a time in ISO 8601."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment; without a time zone it is in UTC."""
        try:
            return moment(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(short_help="Show the figures of any period, read from Prometheus.")
@click.option("--start", type=Moment(), help="The start of the period.  [default: one day before the end]")
@click.option("--end", type=Moment(), help="The end of the period, exclusive; a date means 00:00.  [default: now]")
@prometheus.options
@click.option("--job", help="The service, by its label 'job'; required if there are several.")
@click.option("--environment", help="The label 'deployment_environment_name'; required if there are several.")
@click.option("--model-version", default="", metavar="VERSION", help="Report only this model version.")
@click.option("--hourly", "by_hour", is_flag=True, help="Also show each hour.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; unknown values are null.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with charts to this file.")
@click.option("--currency", default="USD", show_default=True, help="The currency of the service's revenue.")
def report(**given: Any) -> None:
    """Show the figures of any period, read from Prometheus.

    Requests, clicks, conversions and revenue are counted from the stored samples: counter resets are taken into
    account, and nothing is extrapolated. An event counts at the time of the first export that includes it. Times are
    in ISO 8601, in UTC unless they have a time zone. The end is not part of the period, so the week of the 5th is:

      otel-recmon report --start 2026-01-05 --end 2026-01-12 --html week.html

    Exit code: 0 with figures; 1 if the period has none; 2 after an error.
    """
    try:
        _write(given, *_read(given))
    except NoDataError as error:
        _fail(str(error), 1)
    except RecmonError as error:
        _fail(str(error), 2)


def _read(given: dict[str, Any]) -> tuple[Report, Report | None]:
    """Return the report. With --html, also return the report of the same days of an earlier week, if there is one."""
    page = bool(given["html"])
    if page:
        _check_page(given["html"])
    period = _period(given["start"], given["end"])
    client = prometheus.client(given["prometheus"], given["headers"], given["token"], given["timeout"])
    reported = service(client, period, given["job"], given["environment"])
    with _progress(2 if page else 1) as progress:
        found = read(client, reported, period, given["model_version"], progress)
        return found, _read_earlier(client, found, progress) if page else None


def _read_earlier(client: Prometheus, found: Report, progress: Progress) -> Report | None:
    period = found.period.weeks_ago(found.period.weeks_to_compare)
    with suppress(NoDataError, UnknownError):
        return read(client, found.service, period, found.model_version, progress)
    return None


def _period(start: datetime | None, end: datetime | None) -> Period:
    now = datetime.now(UTC)
    last = end or now
    try:
        return Period(start or last - DAY, last).until(now)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


@contextmanager
def _progress(total: float) -> Iterator[Progress]:
    """Show a progress bar on a terminal, on stderr, because stdout may go to a file."""
    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=total)
        yield lambda share: bar.advance(task, share)


def _check_page(file: Path) -> None:
    """Exit before the long read if the page cannot be written."""
    if not file.parent.is_dir():
        _fail(f"cannot write {file.name}: the folder {file.parent} does not exist", 2)
    try:
        import_module("otel_recmon.report.page")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("otel_recmon"):
            raise
        _fail(f"--html needs {error.name}, which is not installed; run: pip install 'otel-recmon[report]'", 2)


def _write(given: dict[str, Any], found: Report, earlier: Report | None) -> None:
    if given["html"]:
        page = import_module("otel_recmon.report.page")
        given["html"].write_text(page.page(found, earlier, given["currency"]), encoding="utf-8")
    if given["as_json"]:
        rows = {"hourly": [asdict(row) for row in hourly(found)]} if given["by_hour"] else {}
        click.echo(json.dumps(asdict(summary(found)) | rows, indent=2, ensure_ascii=False))
        return
    console = Console()
    show(console if console.is_terminal else Console(width=WIDTH), found, given["currency"], hourly=given["by_hour"])


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"otel-recmon report: {message}", err=True)
    sys.exit(code)
