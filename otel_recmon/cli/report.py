"""``otel-recmon report``."""

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
        """Return the moment, in UTC where nothing else is said."""
        try:
            return moment(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(short_help="Show the figures of any period, read from Prometheus.")
@click.option("--start", type=Moment(), help="When the period starts.  [default: a day before the end]")
@click.option("--end", type=Moment(), help="When it ends; a date is its first moment.  [default: now]")
@prometheus.options
@click.option("--job", help="The service, as its label 'job' says; needed where there are several.")
@click.option("--environment", help="Its label 'deployment_environment_name', likewise.")
@click.option("--model-version", default="", metavar="VERSION", help="Only what this model version did.")
@click.option("--hourly", "by_hour", is_flag=True, help="Show each hour, too.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON: null is what is not known.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with charts to this file.")
@click.option("--currency", default="USD", show_default=True, help="What the service's revenue is in.")
def report(**given: Any) -> None:
    """Show the figures of any period, read from Prometheus.

    Requests, clicks, conversions and revenue are counted on the stored samples, not estimated: resets of counters
    are accounted for and nothing is extrapolated. An event belongs to the moment of the export that first counted
    it. Times are in ISO 8601 and UTC unless they say otherwise; the end is not part of the period, so that the
    week of the 5th is:

      otel-recmon report --start 2026-01-05 --end 2026-01-12 --html week.html

    Exit code: 0 with figures; 1 if there are none for that period; 2 if something failed.
    """
    try:
        _write(given, *_read(given))
    except NoDataError as error:
        _end(str(error), 1)
    except (RecmonError, OSError) as error:
        _end(str(error), 2)


def _read(given: dict[str, Any]) -> tuple[Report, Report | None]:
    """Return the report and, for the page with charts, that of the same days of an earlier week, if there is one."""
    page = bool(given["html"])
    if page:
        _check_page(given["html"])
    period = _period(given["start"], given["end"])
    asked = prometheus.client(given["prometheus"], given["headers"], given["token"], given["timeout"])
    whose = service(asked, period, given["job"], given["environment"])
    with _progress(2 if page else 1) as progress:
        found = read(asked, whose, period, given["model_version"], progress)
        return found, _earlier(asked, found, progress) if page else None


def _earlier(asked: Prometheus, found: Report, progress: Progress) -> Report | None:
    period = found.period.weeks_ago(found.period.weeks_to_compare)
    with suppress(NoDataError, UnknownError):
        return read(asked, found.service, period, found.model_version, progress)
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
    """Show on a terminal how far the reading is; what is read itself may go to a file."""
    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=total)
        yield lambda share: bar.advance(task, share)


def _check_page(file: Path) -> None:
    """End before anything is read where the page cannot be made."""
    if not file.parent.is_dir():
        _end(f"there is no folder {file.parent} to write {file.name} to", 2)
    try:
        import_module("otel_recmon.report.page")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("otel_recmon"):
            raise
        _end(f"--html needs {error.name}, which is not installed; run: pip install 'otel-recmon[report]'", 2)


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


def _end(message: str, code: int) -> NoReturn:
    click.echo(f"otel-recmon report: {message}", err=True)
    sys.exit(code)
