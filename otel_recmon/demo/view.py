"""What is seen while the traffic is replayed: a live screen on a terminal, plain lines without one."""

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.settings.thresholds import load
from otel_recmon.demo.replay import LOOK_SECONDS, Progress
from otel_recmon.demo.scrape import Exposition
from otel_recmon.query.sources import Page
from otel_recmon.top.reading import ServiceError, Watch
from otel_recmon.top.screen import Screen

STEPS = 10
"""Plain lines a run."""
WINDOW_S: Final = 300.0
"""How far back the figures on the screen look."""
SETTINGS: Final = Path(__file__).with_name("alerts.toml")
"""What the demo sets of the alerts."""


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


def view(console: Console, total: int, top: str) -> View:
    """Return the view that fits the console, for a replay of ``total`` slates.

    Args:
        console: Where it is shown.
        total: The slates to be sent.
        top: What ``otel-recmon top`` is told to show the same.
    """
    return Live(console, total, top) if console.is_terminal else Lines(console)


class Live:
    """A progress bar, and below it the screen of ``otel-recmon top``."""

    def __init__(self, console: Console, total: int, top: str) -> None:
        """Draw nothing yet."""
        self._bar = Bar(TextColumn("slates sent"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._task = self._bar.add_task("replay", total=total)
        self._live = RichLive(self._bar, console=console, refresh_per_second=4)
        self._page = Page(f"otel-recmon top {top}", WINDOW_S, LOOK_SECONDS)
        self._rules = rules(load(SETTINGS))
        self._watch = Watch(self._page, self._rules)

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
        at = self._page.take(exposition)
        with suppress(ServiceError):  # before the first request, it exports nothing
            screen = Screen(self._watch.reading(at), self._rules)
            self._live.update(Group(self._bar, screen.drawn(self._live.console.width)))


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
