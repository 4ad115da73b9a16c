"""Text of a report in tables, for a terminal or a file."""

import math
from collections.abc import Callable, Iterator
from typing import Final

from rich import box
from rich.console import Console, ConsoleRenderable
from rich.table import Table
from rich.text import Text

from otel_recmon.report.figures import Figures
from otel_recmon.report.histogram import Histogram
from otel_recmon.report.period import Period, written
from otel_recmon.report.reading import Report
from otel_recmon.stats.intervals import Rate

WIDTH: Final = 100
"""The width in columns if the output is not a terminal."""
UNKNOWN: Final = "-"
BETWEEN: Final = "    95 % interval"
NOTE: Final = f"""\
{UNKNOWN} means unknown, not 0. Intervals are Wilson intervals; they assume independent requests.
Percentiles are interpolated within a bucket. Definitions: docs/metrics.md."""
Row = tuple[str, Callable[[Figures], str]]


def show(console: Console, report: Report, currency: str, *, hourly: bool) -> None:
    """Print the summary, with a column for each model version, and with ``hourly`` the table of hours."""
    for part in _parts(report, currency, hourly=hourly):
        console.print(part, highlight=False)


def _parts(report: Report, currency: str, *, hourly: bool) -> Iterator[ConsoleRenderable]:
    period = report.period
    yield Text(f"\n{report.service}", style="bold")
    yield Text(f"from {written(period.start)} to {written(period.end)} (excluded){_of(report)}\n")
    yield _summary(report, currency)
    if hourly:
        yield Text()
        yield _hours(report, currency)
    yield Text(f"\n{NOTE}", style="dim")


def _of(report: Report) -> str:
    return f", model version {report.model_version}" if report.model_version else ""


def _summary(report: Report, currency: str) -> Table:
    columns = dict(report.versions)
    if len(columns) != 1:
        columns = {"all": report.figures, **columns}
    table = _plain("Figure", *columns)
    for name, cell in rows(currency):
        table.add_row(name, *(cell(figures) for figures in columns.values()))
    return table


def _hours(report: Report, currency: str) -> Table:
    table = _plain("From", "Requests", "Clicks", "CTR", "Conversions", f"Revenue, {currency}", "Latency, mean", "P95")
    for hour, figures in report.hours:
        table.add_row(_clock(hour), *_row(figures))
    return table


def _row(figures: Figures) -> tuple[str, ...]:
    return (
        number(figures.requests),
        number(figures.clicks),
        share(figures.ctr),
        number(figures.conversions),
        money(figures.revenue),
        milliseconds(figures.latency.mean),
        percentile(figures.latency, 0.95),
    )


def _clock(hour: Period) -> str:
    return f"{hour.start:%Y-%m-%d %H:%M}"


def _plain(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column(first, no_wrap=True)
    for other in others:
        table.add_column(other, justify="right")
    return table


def rows(currency: str) -> tuple[Row, ...]:
    """Return the rows of a summary: the name and the format of each figure."""
    return (
        ("Requests", lambda f: number(f.requests)),
        ("  successful", lambda f: number(f.successes)),
        ("  failed", lambda f: with_share(f.failures, f.error_rate)),
        ("  rejected", lambda f: number(f.rejected)),
        ("  within the objective", lambda f: share(f.good)),
        ("Impressions", lambda f: number(f.impressions)),
        ("  mean list length", lambda f: decimal(f.list_length)),
        ("Clicks", lambda f: number(f.clicks)),
        ("  of successful requests", lambda f: share(f.ctr)),
        (BETWEEN, lambda f: interval(f.ctr)),
        ("  of impressions", lambda f: share(f.item_ctr)),
        (BETWEEN, lambda f: interval(f.item_ctr)),
        ("Conversions", lambda f: number(f.conversions)),
        ("  of clicks", lambda f: share(f.conversion_rate)),
        (BETWEEN, lambda f: interval(f.conversion_rate)),
        ("Users, estimated", lambda f: decimal(f.users, 0)),
        (f"Revenue, {currency}", lambda f: money(f.revenue)),
        ("  per user", lambda f: money(f.revenue_per_user)),
        ("  per request", lambda f: money(f.revenue_per_request, 4)),
        ("  per sale", lambda f: money(f.revenue_per_sale)),
        ("Latency, mean", lambda f: milliseconds(f.latency.mean)),
        ("  P50", lambda f: percentile(f.latency, 0.5)),
        ("  P95", lambda f: percentile(f.latency, 0.95)),
        ("  P99", lambda f: percentile(f.latency, 0.99)),
        ("Diversity, 0 to 1", lambda f: decimal(f.diversity, 3)),
        ("Catalog coverage, estimated", lambda f: decimal(f.fleet_coverage, 1, " %")),
        ("  of a process, last slates", lambda f: decimal(f.coverage, 1, " %")),
        ("Oldest model", lambda f: decimal(f.staleness_hours, 1, " h")),
        ("Cache hit rate", lambda f: share(f.cache_hits)),
    )


def number(count: int | None) -> str:
    """Format a count."""
    return UNKNOWN if count is None else f"{count:,}"


def decimal(value: float | None, places: int = 2, unit: str = "") -> str:
    """Format a decimal number with its unit."""
    return UNKNOWN if value is None else f"{value:,.{places}f}{unit}"


def money(amount: float | None, places: int = 2) -> str:
    """Format an amount of money, without its currency."""
    return decimal(amount, places)


def share(rate: Rate | None) -> str:
    """Format a share as a percentage."""
    return UNKNOWN if rate is None else f"{rate.value:.2%}"


def interval(rate: Rate | None) -> str:
    """Format the 95 % interval of a share as percentages."""
    return UNKNOWN if rate is None else "{:.2%} to {:.2%}".format(*rate.interval)


def with_share(count: int | None, rate: Rate | None) -> str:
    """Format a count, followed by its share in parentheses."""
    return number(count) if rate is None else f"{number(count)} ({share(rate)})"


def milliseconds(seconds: float) -> str:
    """Format a number of seconds in milliseconds."""
    return UNKNOWN if math.isnan(seconds) else f"{1000 * seconds:,.1f} ms"


def percentile(latency: Histogram, level: float) -> str:
    """Format a percentile. In the last bucket it is a lower bound, marked by ``>``."""
    over = "> " if math.isinf(latency.bucket(level)[1]) else ""
    return over + milliseconds(latency.quantile(level))
