"""SVG charts of the page, in the colours and the font of the page."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from math import nan
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from otel_recmon.stats.intervals import Rate

INK, FAINT, MAIN, SECOND = COLOURS = ("#010101", "#020202", "#030303", "#040404")
"""Placeholders for the colours of the page, which are CSS variables that matplotlib does not know."""
_NAMES: Final = dict(zip(COLOURS, ("--ink", "--faint", "--main", "--second"), strict=True))
_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "ytick.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "axes.ymargin": 0.1,
}
_CLOCK: Final = ["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S"]
_BEGINS: Final = ["", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M"]
"""The formats of ticks at the start of a longer unit, such as the first hour of a day.

The formats are for ticks of years, months, days, hours, minutes and seconds.
"""
WIDE, HIGH = 5.4, 2.0
"""The width and height of a chart in inches, which determine its proportions; the page scales it."""
Values = Sequence[float | None]


@dataclass(frozen=True)
class Times:
    """The time intervals of a chart: either hours or days.

    Attributes:
        starts: The start of each hour or day, even if the report begins in the middle of the first interval.
        days: The length of an interval in days.
        whole: For each interval, whether the report covers all of it.
    """

    starts: Sequence[datetime]
    days: float
    whole: Sequence[bool]

    @property
    def at(self) -> list[float]:
        """The x coordinates of the values: the middle of an hour, or the tick at the start of a day."""
        half = timedelta(days=self.days / 2) if self.days < 1 else timedelta()
        return [float(number) for number in date2num([start + half for start in self.starts])]


def bars(name: str, times: Times, now: Values, then: Values) -> str:
    """Draw bars of an amount over time, and a line for the earlier week. Bars of incomplete intervals are paler."""
    with _drawing(HIGH) as (figure, axes):
        shades = [(MAIN, 1.0 if whole else 0.4) for whole in times.whole]
        axes.bar(times.at, _floats(now), width=0.8 * times.days, color=shades)
        _earlier(axes, times, then)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        return _over_time(name, figure, axes, times)


def shares(name: str, times: Times, now: Sequence[Rate | None], then: Sequence[Rate | None]) -> str:
    """Draw a share over time with its 95 % interval, and a line for the earlier week."""
    with _drawing(HIGH) as (figure, axes):
        at = times.at
        low, high = zip(*(rate.interval if rate else (nan, nan) for rate in now), strict=True)
        axes.fill_between(at, low, high, color=MAIN, alpha=0.2, linewidth=0)
        axes.plot(
            at, [rate.value if rate else nan for rate in now], color=MAIN, linewidth=1.6, marker="o", markersize=2
        )
        _earlier(axes, times, [rate.value if rate else None for rate in then])
        axes.yaxis.set_major_formatter(_percent())
        return _over_time(name, figure, axes, times)


def durations(name: str, times: Times, mean: Values, slow: Values) -> str:
    """Draw the mean of durations and a percentile of durations, ``slow``, over time. Both are in milliseconds."""
    with _drawing(HIGH) as (figure, axes):
        axes.plot(times.at, _floats(slow), color=SECOND, linewidth=1.6, marker="o", markersize=2)
        axes.plot(times.at, _floats(mean), color=MAIN, linewidth=1.6, marker="o", markersize=2)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g} ms"))
        return _over_time(name, figure, axes, times)


def intervals(name: str, rates: Mapping[str, Rate]) -> str:
    """Draw several shares, each with its name and its 95 % interval."""
    with _drawing(0.5 + 0.3 * len(rates)) as (figure, axes):
        for row, rate in enumerate(rates.values()):
            axes.plot(rate.interval, (row, row), color=MAIN, linewidth=2, solid_capstyle="butt")
            axes.plot(rate.value, row, "o", color=MAIN, markersize=5)
        axes.set_yticks(range(len(rates)), list(rates))
        axes.set_ylim(len(rates) - 0.4, -0.6)
        axes.grid(axis="x")
        axes.xaxis.set_major_formatter(_percent())
        return _svg(name, figure)


def _percent() -> PercentFormatter:
    return PercentFormatter(1, decimals=None, symbol=" %")


@contextmanager
def _drawing(height: float) -> Iterator[tuple[Figure, Axes]]:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDE, height), layout="constrained")
        yield figure, figure.add_subplot()


def _earlier(axes: Axes, times: Times, values: Values) -> None:
    axes.plot(times.at, _floats(values), color=SECOND, linewidth=1.2, linestyle=(0, (2, 2)))


def _over_time(name: str, figure: Figure, axes: Axes, times: Times) -> str:
    zone = times.starts[0].tzinfo
    locator = AutoDateLocator(tz=zone, minticks=3, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, zone, _CLOCK, None, _BEGINS, show_offset=False))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return _svg(name, figure)


def _floats(values: Values) -> list[float]:
    return [nan if value is None else value for value in values]


def _svg(name: str, figure: Figure) -> str:
    """Return the SVG element of a figure, with its name for screen readers and the colours of the page."""
    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):  # ids are random without a salt, and must differ between charts
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = file.getvalue()
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn[drawn.index("<svg") :], flags=re.DOTALL)
    drawn = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", drawn)  # nothing refers to these ids, and they repeat in each chart
    for colour, variable in _NAMES.items():
        drawn = drawn.replace(colour, f"var({variable})")
    return drawn.replace("<svg", f'<svg role="img" aria-label="{escape(name)}"', 1)
