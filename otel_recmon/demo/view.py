"""The progress display during the replay: a live screen on a terminal, plain lines elsewhere."""

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
from otel_recmon.demo.replay import REPORT_SECONDS, Progress
from otel_recmon.demo.scrape import Exposition
from otel_recmon.query.sources import MetricsPage
from otel_recmon.top.reading import ServiceError, Watch
from otel_recmon.top.screen import Screen

STEPS = 10
"""The number of plain lines after the first one."""
WINDOW_S: Final = 300.0
"""The window of the figures on the screen, in seconds."""
SETTINGS: Final = Path(__file__).with_name("alerts.toml")
"""The demo's own alert settings."""


class View(Protocol):
    """A context manager that displays the progress of the replay."""

    def __enter__(self) -> Self:
        """Start the display."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the display and keep the last state on the screen."""

    def show(self, progress: Progress, exposition: Exposition) -> None:
        """Show the progress of the replay and the current metrics."""


def view(console: Console, total: int, top: str) -> View:
    """Return the view for the console.

    Args:
        console: The console.
        total: The number of slates to send.
        top: The arguments for ``otel-recmon top`` that show the same service.
    """
    return Live(console, total, top) if console.is_terminal else Lines(console)


class Live:
    """A progress bar above the screen of ``otel-recmon top``."""

    def __init__(self, console: Console, total: int, top: str) -> None:
        self._bar = Bar(TextColumn("slates sent"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._task = self._bar.add_task("replay", total=total)
        self._live = RichLive(self._bar, console=console, refresh_per_second=4)
        self._page = MetricsPage(f"otel-recmon top {top}", WINDOW_S, REPORT_SECONDS)
        self._rules = rules(load(SETTINGS))
        self._watch = Watch(self._page, self._rules)

    def __enter__(self) -> Self:
        """Start the live screen."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the live screen and keep its last state."""
        self._live.stop()

    def show(self, progress: Progress, exposition: Exposition) -> None:
        """Draw the progress of the replay and the current metrics."""
        self._bar.update(self._task, completed=progress.slates)
        at = self._page.take(exposition)
        with suppress(ServiceError):  # the service exports nothing before its first request
            screen = Screen(self._watch.reading(at), self._rules)
            self._live.update(Group(self._bar, screen.drawn(self._live.console.width)))


class Lines:
    """One printed line at the start, and one after each tenth of the slates."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = -1

    def __enter__(self) -> Self:
        """Do nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def show(self, progress: Progress, exposition: Exposition) -> None:  # noqa: ARG002 - the protocol's signature
        """Print the progress if the sent slates have passed another tenth of the total since the last line."""
        total = max(1, progress.total)
        step = STEPS * progress.slates // total
        if step > self._shown:
            self._shown = step
            self._console.print(
                f"{100 * progress.slates // total:3} %  {progress.slates:,} slates, "
                f"{progress.clicks} clicks, {progress.conversions} conversions sent",
                highlight=False,
            )
