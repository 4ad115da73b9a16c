"""Drawing of a reading with rich, for a terminal or a file."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from otel_recmon import catalog
from otel_recmon import formatting as write
from otel_recmon.artifacts.alerts.rule import AlertRule, limits
from otel_recmon.artifacts.dashboards import look
from otel_recmon.artifacts.signals.kinds import Limit
from otel_recmon.top import format as texts
from otel_recmon.top.figures import OWN, REVENUE, SIGNALS, SignalValues
from otel_recmon.top.reading import Reading

NARROW: Final = 80
"""The width in columns if the output is not a terminal."""
WIDE: Final = 120
"""The smallest width in columns at which all figures of a version fit into one line."""
VERSIONS: Final = 8
"""The screen shows at most this many model versions: those with the most requests. The total covers all versions."""
NAMES: Final = 8
"""The screen names at most this many alerts that were not evaluated. The JSON output names all of them."""
ALL: Final = "all"
_COLOURS: Final = {look.WARNING: "dark_orange", "dark-green": "dark_green", look.NEUTRAL: "default"}
"""Dashboard colour -> its name in rich, for the colours whose two names differ."""
_BARS: Final = dict(zip(catalog.OUTCOMES_, "█▓▒░=x·", strict=True))
"""The character of each outcome in a bar. The characters make a bar readable without colours."""
_SEVERITIES: Final = {"critical": look.BAD, "warning": look.WARNING, "info": look.NEUTRAL}
Write = Callable[[float | None], str]


@dataclass(frozen=True)
class Column:
    """A column of the table of model versions: heading, format, and the figure whose thresholds decide the colour."""

    heading: str
    text: Callable[[SignalValues], str]
    figure: str


def _column(heading: str, figure: str, text: Write) -> Column:
    return Column(heading, lambda figures: text(figures.values.get(figure)), figure)


def _interval(figures: SignalValues) -> str:
    return write.short_interval(figures.values.get("ctr_at_least"), figures.values.get("ctr_at_most"))


BUSINESS: Final = (
    _column("req/s", "requests_per_s", write.number),
    _column("errors", "error_share", write.short_share),
    _column("CTR", "ctr", write.short_share),
    Column("95 %", _interval, ""),
    _column("conv.", "conversion_rate", write.short_share),
    _column("rev/min", REVENUE, write.money),
)
SERVICE: Final = (
    _column("P50", "latency_p50_s", write.latency),
    _column("P95", "latency_p95_s", write.latency),
    _column("P99", "latency_p99_s", write.latency),
    _column("diversity", "diversity", write.fraction),
    _column("coverage", "coverage_percent", write.percent),
    _column("age", "staleness_h", write.age),
)


@dataclass(frozen=True)
class Screen:
    """The content of the screen.

    Attributes:
        reading: The last successful reading.
        rules: The alerts. Their thresholds decide the colours of the figures.
        trouble: The error of a later reading; empty if no later reading failed.
        hint: The keys that the user can press; empty without a live screen.
    """

    reading: Reading
    rules: Sequence[AlertRule]
    trouble: str = ""
    hint: str = ""

    def drawn(self, width: int) -> RenderableType:
        """Return the content for a screen of ``width`` columns."""
        parts: list[RenderableType] = [self._head(), self._cards(width), self._alerts(), Text()]
        parts += [*self._tables(width), Text(), self._outcomes(width), Text(), self._said()]
        return Group(*parts, *([Text(), Text(self.hint, style="dim")] if self.hint else []))

    def _head(self) -> RenderableType:
        reading = self.reading
        head = Table.grid(expand=True, padding=(0, 1, 0, 0), pad_edge=False)
        head.add_column(no_wrap=True, ratio=1)
        head.add_column(justify="right", no_wrap=True)
        head.add_row(_plain(reading.title, "bold"), Text(texts.clock(reading.at), style="dim"))
        span = lookback(reading, waiting=bool(self.hint))
        head.add_row(_plain(reading.source, "dim"), span)
        return Group(head, _plain(self.trouble, "bold red")) if self.trouble else head

    def _cards(self, width: int) -> Table:
        total, room = self.reading.answer.total.values, (width - 4) // 4 - 4
        cards = Table.grid(expand=True)
        for _ in range(4):
            cards.add_column(ratio=1)
        given: tuple[tuple[str, str, Write, str], ...] = (
            ("requests/s", "requests_per_s", write.number, f"{write.count(self._counted('requests'))} so far"),
            ("CTR", "ctr", write.short_share, _interval(self.reading.answer.total)),
            ("P95", "latency_p95_s", write.latency, f"P99 {write.latency(total.get('latency_p99_s'))}"),
            ("errors", "error_share", write.short_share, self._limit("error_share")),
        )
        cards.add_row(*(self._card(*card, room) for card in given))
        return cards

    def _card(self, title: str, figure: str, text: Write, below: str, room: int) -> Panel:
        value = self.reading.answer.total.values.get(figure)
        style = self._colour(figure, value)
        history = Text(texts.spark(self.reading.trends[figure], room), style=style if style != "default" else "cyan")
        inner = Group(Text(text(value), style=f"bold {style}"), history)
        return Panel(inner, title=title, title_align="left", subtitle=below, subtitle_align="right", border_style="dim")

    def _tables(self, width: int) -> Iterator[RenderableType]:
        groups = [(*BUSINESS, *SERVICE)] if width >= WIDE else [BUSINESS, SERVICE]
        for columns in groups:
            yield self._table(columns)
        hidden = len(self.reading.answer.versions) - VERSIONS
        if hidden > 0:
            yield Text(f"and {hidden} more model versions, with fewer requests", style="dim")

    def _table(self, columns: Iterable[Column]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, expand=True, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        table.add_column("model version", no_wrap=True, ratio=1, min_width=13)
        for column in columns:
            table.add_column(column.heading, justify="right", no_wrap=True)
        rows = self._rows()
        for name, figures in rows.items():
            cells = (Text(column.text(figures), style=self._cell(column, figures)) for column in columns)
            table.add_row(_plain(name), *cells, style="bold" if name == ALL and len(rows) > 1 else "")
        return table

    def _rows(self) -> dict[str, SignalValues]:
        answer = self.reading.answer
        busiest = sorted(answer.versions, key=lambda name: -(answer.versions[name].counted("requests") or 0.0))
        shown = {name: figures for name, figures in answer.versions.items() if name in busiest[:VERSIONS]}
        return shown if len(answer.versions) == 1 else shown | {ALL: answer.total}

    def _outcomes(self, width: int) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, min_width=13)
        for name, figures in self._rows().items():
            table.add_row(_plain(name), _bar(figures.outcomes, width // 3), _legend(figures.outcomes))
        return table

    def _alerts(self) -> Table:
        judgement = self.reading.judgement
        lines = _grid()
        for crossing in judgement.crossings:
            rule = crossing.rule
            name = Text(f"● {rule.severity} {rule.name}", style=f"bold {_style(_SEVERITIES[rule.severity])}")
            lines.add_row(name, _plain(f"{crossing.text}; fires after {rule.hold}"))
        if not judgement.crossings and judgement.judged:
            lines.add_row("alerts", Text(f"✓ none of {len(judgement.judged)} thresholds is crossed", style=look.GOOD))
        return lines

    def _said(self) -> Table:
        total, judgement = self.reading.answer.total, self.reading.judgement
        lines = _grid()
        lines.add_row("so far", ", ".join(_so_far(total)))
        if "cache_hit_share" in total.values:
            lines.add_row("cache", f"{write.short_share(total.values['cache_hit_share'])} hits")
        lines.add_row("telemetry", _telemetry(total))
        if judgement.undecided:
            why = judgement.reason or "they need a longer history or the metrics of the Collector"
            lines.add_row("not judged", _plain(f"{_some(judgement.undecided)}: {why}", "dim"))
        return lines

    def _counted(self, name: str) -> float | None:
        return self.reading.answer.total.counted(name)

    def _cell(self, column: Column, figures: SignalValues) -> str:
        return self._colour(column.figure, figures.values.get(column.figure))

    def _colour(self, figure: str, value: float | None) -> str:
        if value is None or figure not in SIGNALS:
            return "default"
        steps = look.steps(self._limits(figure))
        return _style([colour for start, colour in steps if start is None or value >= start][-1])

    def _limit(self, figure: str) -> str:
        found = self._limits(figure)
        return f"limit {write.short_share(found[0].value)}" if found else ""

    def _limits(self, figure: str) -> tuple[Limit, ...]:
        return limits(self.rules).get(SIGNALS[figure].name, ())


def lookback(reading: Reading, *, waiting: bool) -> str:
    """Return the description of the window of the figures. With ``waiting``, another reading follows."""
    span = reading.lookback
    if span.since_start:
        return "since the process started (first reading)" if waiting else "since the process started"
    return f"over the last {write.elapsed(span.seconds)}"


def _plain(text: str, style: str = "") -> Text:
    """Return a text from outside without control characters and without interpretation of rich's markup."""
    return Text(texts.printable(text), style=style, overflow="ellipsis")


def _style(colour: str) -> str:
    return _COLOURS.get(colour, colour)


def _bar(shares: Mapping[str, float], width: int) -> Text:
    found = texts.cells({name: shares.get(name, 0.0) for name in catalog.OUTCOMES_}, width)
    bar = Text(no_wrap=True)
    for name, count in found.items():
        bar.append(_BARS[name] * count, style=_style(look.COLOURS[name]))
    return bar


def _legend(shares: Mapping[str, float]) -> Text:
    legend = Text()
    for name in catalog.OUTCOMES_:
        if shares.get(name):
            legend.append(f"{_BARS[name]} ", style=_style(look.COLOURS[name]))
            legend.append(f"{name} {write.short_share(shares[name])}  ")
    return legend


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True, min_width=13)
    grid.add_column(overflow="fold")
    return grid


def _so_far(total: SignalValues) -> Iterator[str]:
    for name in ("requests", "clicks", "conversions"):
        count = total.counted(name)
        if count is not None:
            yield f"{write.count(count)} {name if count != 1 else name.removesuffix('s')}"
    if total.counted("revenue") is not None:
        yield f"{write.money(total.counted('revenue'))} earned"


def _some(names: Sequence[str]) -> str:
    hidden = len(names) - NAMES
    return f"{', '.join(names[:NAMES])}{f' and {hidden} more' if hidden > 0 else ''}"


def _telemetry(total: SignalValues) -> Text:
    counts = [(signal.title.lower(), total.values.get(name)) for name, signal in OWN.items()]
    failed = [f"{write.count(count)} {title}" for title, count in counts if count]
    return Text(", ".join(failed), style=_style(look.WARNING)) if failed else Text("no problems", style=look.GOOD)
