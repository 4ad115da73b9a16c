"""Text of a report in tables, for a terminal or a file."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from rich import box
from rich.console import Console, ConsoleRenderable
from rich.table import Table
from rich.text import Text

from otel_recmon import definitions
from otel_recmon import formatting as write
from otel_recmon.definitions import Count, Definition, Ratio
from otel_recmon.report.figures import Figures
from otel_recmon.report.histogram import Histogram
from otel_recmon.report.period import Period, written
from otel_recmon.report.reading import Report
from otel_recmon.stats.intervals import Rate

WIDTH: Final = 100
"""The width in columns if the output is not a terminal."""
BETWEEN: Final = "    95 % interval"
NOTE: Final = f"""\
{write.UNKNOWN} means unknown, not 0. Intervals are 95 % intervals. They assume independent requests.
Percentiles are interpolated within a bucket. Definitions: docs/metrics.md."""
Row = tuple[str, Callable[[Figures], str]]


def show(console: Console, report: Report, currency: str, *, hourly: bool) -> None:
    """Print the summary with a column for each model version. With ``hourly``, also print the table of hours."""
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
    table = _plain("From", *(name for name, _ in _hour(currency)))
    for hour, figures in report.hours:
        table.add_row(_clock(hour), *(text(figures) for _, text in _hour(currency)))
    return table


def _hour(currency: str) -> tuple[Row, ...]:
    return (
        _count(definitions.REQUESTS),
        _count(definitions.CLICKS),
        ("CTR", lambda f: write.share(f.value(definitions.CTR))),
        _count(definitions.CONVERSIONS),
        _value(definitions.REVENUE, write.money, f", {currency}"),
        ("Latency, mean", lambda f: write.latency(f.latency.mean)),
        ("P95", partial(_percentile, 0.95)),
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
    """Return the rows of a summary: the name of each figure, and the function that formats the figure."""
    return (
        _count(definitions.REQUESTS),
        _indented(_count(definitions.SUCCESSES)),
        _indented((definitions.FAILURES.title, _failures)),
        _indented(_count(definitions.REJECTED)),
        _indented(_value(definitions.GOOD_RESPONSES, write.share)),
        _count(definitions.IMPRESSIONS),
        _indented(_value(definitions.LIST_LENGTH, write.number)),
        _count(definitions.CLICKS),
        *_share(definitions.CTR),
        *_share(definitions.ITEM_CTR),
        _count(definitions.CONVERSIONS),
        *_share(definitions.CONVERSION_RATE),
        _value(definitions.DISTINCT_USERS, write.count, ", estimated"),
        _value(definitions.REVENUE, write.money, f", {currency}"),
        _indented(_value(definitions.REVENUE_PER_USER, write.money)),
        _indented(_value(definitions.REVENUE_PER_REQUEST, small_money)),
        _indented(_value(definitions.ORDER_VALUE, write.money)),
        ("Latency, mean", lambda f: write.latency(f.latency.mean)),
        *(_indented((f"P{level}", partial(_percentile, level / 100))) for level in (50, 95, 99)),
        _value(definitions.DIVERSITY, write.fraction, ", 0 to 1"),
        _value(definitions.FLEET_COVERAGE, write.percent, ", estimated"),
        _indented(_value(definitions.COVERAGE, write.percent)),
        _value(definitions.STALENESS, write.age),
        _value(definitions.CACHE_HIT_RATE, write.share),
    )


def _indented(row: Row) -> Row:
    return f"  {row[0]}", row[1]


def _count(of: Count) -> Row:
    return _value(of, write.count)


def _value(of: Definition, text: Callable[[float | None], str], more: str = "") -> Row:
    return f"{of.title}{more}", lambda figures: text(figures.value(of))


def _share(of: Ratio) -> tuple[Row, Row]:
    between: Row = BETWEEN, lambda figures: interval(figures.rate(of))
    return _indented(_value(of, write.share)), between


def _failures(figures: Figures) -> str:
    count, share = (figures.value(of) for of in (definitions.FAILURES, definitions.ERROR_RATE))
    return write.count(count) if share is None else f"{write.count(count)} ({write.share(share)})"


def _percentile(level: float, figures: Figures) -> str:
    return percentile(figures.latency, level)


def interval(rate: Rate | None) -> str:
    """Format the 95 % interval of a share as percentages."""
    return write.interval(*rate.interval) if rate else write.UNKNOWN


def small_money(amount: float | None) -> str:
    """Format an amount per request, which may be a small part of a cent."""
    return write.money(amount, 4)


def percentile(latency: Histogram, level: float) -> str:
    """Format a percentile. A percentile in the last bucket is printed as ``>`` and the lower bound of this bucket."""
    over = "> " if math.isinf(latency.bucket(level)[1]) else ""
    return over + write.latency(latency.quantile(level))
