"""HTML page of a report with charts, in one file without scripts, links or fonts."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from itertools import groupby
from typing import Final

from jinja2 import Environment, StrictUndefined

from otel_recmon import definitions
from otel_recmon import formatting as write
from otel_recmon.definitions import Count, Ratio
from otel_recmon.report import charts
from otel_recmon.report.change import Change, comparable, heard, points, relative
from otel_recmon.report.charts import Times
from otel_recmon.report.figures import Figures, merged
from otel_recmon.report.histogram import Histogram
from otel_recmon.report.period import DAY, HOUR, Period
from otel_recmon.report.reading import Report
from otel_recmon.report.text import interval, percentile, rows, small_money
from otel_recmon.stats.intervals import Rate

BY_HOUR: Final = 3 * DAY
"""The maximum length of a period whose charts have one point per hour. Charts of longer periods have one per day."""
Row = tuple[Period, Figures]


@dataclass(frozen=True)
class Card:
    """A figure with its name, its details and its change since the earlier week."""

    name: str
    value: str
    detail: str
    change: str


@dataclass(frozen=True)
class Chart:
    """An SVG drawing with its name and its description."""

    name: str
    words: str
    drawing: str


def page(report: Report, earlier: Report | None, currency: str) -> str:
    """Return the page as HTML. ``earlier`` is the report of the earlier week to compare with, if there is one."""
    before = earlier if earlier and comparable(report, earlier) else None
    template = files(__package__).joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        report=report,
        days=_days(report.period),
        before=before and _days(before.period),
        silent=len(report.hours) - heard(report),
        lede=_lede(report.figures, currency),
        cards=_cards(report.figures, before.figures if before else Figures(), currency),
        charts=list(_charts(report, before, currency)),
        columns=_columns(report),
        rows=rows(currency),
        outcomes=_outcomes(report.figures),
        definitions=(definitions.CTR, definitions.CONVERSION_RATE, definitions.ERROR_RATE),
        write=write,
    )


def _days(period: Period) -> str:
    """Return the text of a period. A period of whole days ends with its last day, not with the midnight after it."""
    start, end = period.start, period.end
    if start.time() != end.time() or start.time() != datetime.min.time():
        return f"{_day(start)} {start:%H:%M} to {_day(end)} {end:%H:%M}, {start.tzname()}"
    last = end - DAY
    until = f" to {_day(last)}" if last > start else ""
    return f"{_day(start)}{until}, {start.tzname()}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _lede(figures: Figures, currency: str) -> str:
    counts = [(of.title.lower(), figures.value(of)) for of in (definitions.CLICKS, definitions.CONVERSIONS)]
    followed = [f"{write.count(count)} {name}" for name, count in counts if count is not None]
    revenue = figures.value(definitions.REVENUE)
    earned = [] if revenue is None else [f"{currency} {write.money(revenue)} earned"]
    answered = f"{write.count(figures.value(definitions.SUCCESSES))} {definitions.SUCCESSES.title.lower()}"
    return f"{': '.join(filter(None, (answered, ', '.join(followed + earned))))}."


def _cards(now: Figures, then: Figures, currency: str) -> list[Card]:
    slow, slower = (_some(figures.latency.quantile(0.95)) for figures in (now, then))
    successes, each = now.value(definitions.SUCCESSES), now.value(definitions.REVENUE_PER_REQUEST)
    return [
        _amount(definitions.REQUESTS, now, then, write.count, f"{write.count(successes)} successful"),
        _share(definitions.CTR, now, then),
        _share(definitions.CONVERSION_RATE, now, then),
        _amount(definitions.REVENUE, now, then, write.money, f"{small_money(each)} per request", f", {currency}"),
        _share(definitions.ERROR_RATE, now, then),
        Card(
            "Latency, P95",
            percentile(now.latency, 0.95),
            f"{write.latency(now.latency.mean)} on average",
            _by(relative(slow, slower)),
        ),
    ]


def _amount(
    of: Count, now: Figures, then: Figures, text: Callable[[float | None], str], detail: str, more: str = ""
) -> Card:
    return Card(f"{of.title}{more}", text(now.value(of)), detail, _by(relative(now.value(of), then.value(of))))


def _share(of: Ratio, now: Figures, then: Figures) -> Card:
    rate = now.rate(of)
    detail = f"95 % interval: {interval(rate)}" if rate else write.UNKNOWN
    return Card(of.title, write.share(now.value(of)), detail, _by(points(rate, then.rate(of))))


def _some(value: float) -> float | None:
    return None if math.isnan(value) else value


def _by(change: Change | None) -> str:
    """Return the text of a change; "" if it is unknown."""
    if change is None:
        return ""
    arrow = "▲" if change.by > 0 else "▼" if change.by < 0 else "="
    if change.interval is None:
        return f"{arrow} {write.short_share(abs(change.by))}"
    verdict = "more than random variation" if change.sure else "may be random variation"
    return f"{arrow} {write.points(change.by)} ({write.signed_interval(*change.interval)}): {verdict}"


def _columns(report: Report) -> dict[str, Figures]:
    """Return the figures of all versions together (if there are several), then the figures of each model version."""
    several = {"all": report.figures} if len(report.versions) != 1 else {}
    return {**several, **report.versions}


def _outcomes(figures: Figures) -> list[tuple[str, Rate]]:
    """Return the share of each outcome, the most frequent first."""
    total = sum(figures.outcomes.values())
    return sorted(
        ((outcome, Rate(count, total)) for outcome, count in figures.outcomes.items()),
        key=lambda pair: pair[1].successes,
        reverse=True,
    )


def _charts(report: Report, before: Report | None, currency: str) -> Iterator[Chart]:
    length, every = (HOUR, "each hour") if report.period.length <= BY_HOUR else (DAY, "each day")
    now = _rows(report, length)
    then = [figures for _, figures in _rows(before, length)] if before else [Figures()] * len(now)
    times = _times([period for period, _ in now], length)

    def amount(of: Count, more: str = "") -> Chart:
        name, values = f"{of.title}{more}", [figures.value(of) for _, figures in now]
        return Chart(name, every, charts.bars(name, times, values, [figures.value(of) for figures in then]))

    def rate(of: Ratio) -> Chart:
        rates = [figures.rate(of) for _, figures in now]
        drawn = charts.shares(of.title, times, rates, [figures.rate(of) for figures in then])
        return Chart(of.title, f"{every}, with its 95 % interval", drawn)

    yield amount(definitions.REQUESTS)
    yield rate(definitions.CTR)
    yield rate(definitions.CONVERSION_RATE)
    yield amount(definitions.REVENUE, f", {currency}")
    yield _latency(times, [figures.latency for _, figures in now], every)
    rates = {of: found for of, figures in report.versions.items() if (found := figures.rate(definitions.CTR))}
    if rates:
        name = f"{definitions.CTR.title} by version"
        yield Chart(name, "with its 95 % interval", charts.intervals(name, rates))


def _latency(times: Times, latencies: Sequence[Histogram], every: str) -> Chart:
    mean, slow = (
        [1000 * value for value in values]
        for values in ((one.mean for one in latencies), (one.quantile(0.95) for one in latencies))
    )
    words = f"{every}: mean and P95"
    return Chart("Latency", words, charts.durations("Latency", times, mean, slow))


def _rows(report: Report, length: timedelta) -> list[Row]:
    """Return the figures of each hour or, for a ``length`` of a day, the sums of the counts of each day."""
    if length == HOUR:
        return list(report.hours)
    days = [list(hours) for _, hours in groupby(report.hours, lambda row: row[0].start.date())]
    return [(Period(hours[0][0].start, hours[-1][0].end), merged(f for _, f in hours)) for hours in days]


def _times(periods: Sequence[Period], length: timedelta) -> Times:
    whole = [one.length == length for one in periods]
    clock = {"minute": 0, "second": 0, "microsecond": 0} | ({} if length == HOUR else {"hour": 0})
    return Times([one.start.replace(**clock) for one in periods], length / DAY, whole)  # type: ignore[arg-type]  # mypy takes the integers for the time zone
