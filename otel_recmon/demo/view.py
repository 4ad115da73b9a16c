"""What is seen while the traffic is replayed: a live table on a terminal, plain lines without one."""

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from otel_recmon.demo.comparison import dollars, labels, number, share
from otel_recmon.demo.figures import Figures, read
from otel_recmon.demo.layout import plain_table
from otel_recmon.demo.replay import Progress
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.traffic import MODEL_VERSIONS

STEPS = 10
"""Plain lines a run."""
COLUMNS: dict[str, Callable[[Figures], str]] = {
    "requests": lambda figures: number(figures.requests),
    "items shown": lambda figures: number(figures.shown),
    "clicks": lambda figures: number(figures.clicked),
    "CTR": lambda figures: share(figures.ctr),
    "conversions*": lambda figures: number(figures.conversions),
    "revenue*": lambda figures: dollars(figures.revenue_cents),
}


class View(Protocol):
    """Something that shows how far the replay is, while its context lasts."""

    def __enter__(self) -> Self:
        """Start to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last state on the screen."""

    def show(self, progress: Progress, exposition: Exposition) -> None:
        """Show how far the replay is, and what the metrics say now."""


def view(console: Console, total: int) -> View:
    """Return the view that fits the console, for a replay of ``total`` slates."""
    return Screen(console, total) if console.is_terminal else Lines(console)


class Screen:
    """A live table and a progress bar."""

    def __init__(self, console: Console, total: int) -> None:
        """Draw nothing yet."""
        self._bar = Bar(TextColumn("slates sent"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._task = self._bar.add_task("replay", total=total)
        self._live = Live(self._bar, console=console, refresh_per_second=4)

    def __enter__(self) -> Self:
        """Start to draw."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last picture on the screen."""
        self._live.stop()

    def show(self, progress: Progress, exposition: Exposition) -> None:
        """Draw how far the replay is, and what the metrics say now."""
        self._bar.update(self._task, completed=progress.slates)
        self._live.update(Group(_figures(exposition, self._live.console.width), self._bar))


def _figures(exposition: Exposition, width: int) -> Table:
    table = plain_table(width)
    table.add_column(f"{exposition.origin} now", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right", min_width=9, no_wrap=True)
    for policy, version in MODEL_VERSIONS.items():
        figures = read(exposition, **labels(policy))
        table.add_row(version, *(write(figures) for write in COLUMNS.values()))
    return table


class Lines:
    """A line at the start, and whenever another tenth has been sent."""

    def __init__(self, console: Console) -> None:
        """Print nothing yet."""
        self._console = console
        self._shown = -1

    def __enter__(self) -> Self:
        """Need nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing behind."""

    def show(self, progress: Progress, exposition: Exposition) -> None:  # noqa: ARG002 - as every view
        """Print how far the replay is, where that is a tenth further than the last line said."""
        total = max(1, progress.total)
        step = STEPS * progress.slates // total
        if step > self._shown:
            self._shown = step
            self._console.print(
                f"{100 * progress.slates // total:3} %  {progress.slates:,} slates, "
                f"{progress.clicks} clicks, {progress.conversions} conversions sent",
                highlight=False,
            )
