"""The drawing functions, one for each panel type."""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.ticker import MaxNLocator
from source import Json, Points, Source
from style import FAINT, GRAFANA, PANEL, TEXT, colour, format_value, properties

from otel_recmon.artifacts.dashboards.interpolation import series_name

MAX_BARS, MAX_ROWS, MAX_LEGEND = 12, 10, 6


def _stat(axes: Axes, panel: Json, source: Source) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    found = [(series_name(t["legendFormat"], m), v) for t in panel["targets"] for m, v in source.instant(t)]
    names = panel["options"]["textMode"] == "value_and_name"
    for place, (name, value) in enumerate(found):
        x = (place + 0.5) / len(found)
        text, shade = _mapped(panel, value) or (format_value(value, unit), colour(panel, "", value))
        axes.text(x, 0.45, text, ha="center", va="center", size=22, color=shade)
        if names:
            axes.text(x, 0.08, name, ha="center", size=9, color=FAINT)
    if not found:
        _empty(axes, panel["fieldConfig"]["defaults"]["noValue"])


def _mapped(panel: Json, value: float) -> tuple[str, str] | None:
    """Return the text and the colour of the range mapping for a value; None if there is none."""
    for mapping in panel["fieldConfig"]["defaults"].get("mappings", ()):
        options = mapping["options"]
        low, high = options.get("from"), options.get("to")
        if mapping["type"] == "range" and (low is None or low <= value) and (high is None or value <= high):
            shade = options["result"]["color"]
            return options["result"]["text"], GRAFANA.get(shade, shade)
    return None


def _empty(axes: Axes, text: str = "No data") -> None:
    axes.text(0.5, 0.45, text, ha="center", va="center", size=12, color=FAINT, transform=axes.transAxes)


def _lines(axes: Axes, panel: Json, source: Source) -> None:
    custom = panel["fieldConfig"]["defaults"]["custom"]
    found = [(series_name(t["legendFormat"], m), p) for t in panel["targets"] for m, p in source.lines(t, panel)]
    if not found:
        _empty(axes)
        return
    if custom["stacking"]["mode"] == "normal":
        _stack(axes, panel, found)
    else:
        _plain(axes, panel, found)
    _limits(axes, panel)
    _axis(axes, panel)


def _plain(axes: Axes, panel: Json, found: Sequence[tuple[str, Points]]) -> None:
    points = dict(found)
    for number, (name, line) in enumerate(found):
        overrides = properties(panel, name)
        xs, ys = [_moment(t) for t, _ in line], [v for _, v in line]
        if overrides.get("custom.fillBelowTo") in points:
            low = dict(points[overrides["custom.fillBelowTo"]])
            xs_both = [_moment(t) for t, _ in line if t in low]
            lows, highs = [low[t] for t, _ in line if t in low], [v for t, v in line if t in low]
            axes.fill_between(xs_both, lows, highs, color=colour(panel, name), alpha=0.25, lw=0)  # type: ignore[arg-type]  # dates are fine
        if overrides.get("custom.lineWidth") != 0:
            style = "--" if "custom.lineStyle" in overrides else "-"
            label = name if number < MAX_LEGEND else None
            marker = "o" if len(line) < MAX_BARS else ""
            axes.plot(xs, ys, style, lw=1.4, marker=marker, ms=2.5, color=colour(panel, name), label=label)  # type: ignore[arg-type]


def _stack(axes: Axes, panel: Json, found: Sequence[tuple[str, Points]]) -> None:
    moments = sorted({t for _, line in found for t, _ in line})
    rows = [[dict(line).get(t, 0.0) for t in moments] for _, line in found]
    rows = [[0.0 if math.isnan(v) else v for v in row] for row in rows]
    labels = [name if n < MAX_LEGEND else "" for n, (name, _) in enumerate(found)]
    axes.stackplot(
        [_moment(t) for t in moments],  # type: ignore[arg-type]
        rows,
        labels=labels,
        colors=[colour(panel, name) for name, _ in found],
        alpha=0.75,
    )


def _moment(t: float) -> datetime:
    return datetime.fromtimestamp(t, UTC)


def _limits(axes: Axes, panel: Json) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if defaults["custom"]["thresholdsStyle"]["mode"] == "off":
        return
    low, high = axes.get_ylim()
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is not None and step["value"] <= high * 3:
            axes.axhline(step["value"], color=GRAFANA["red"], lw=0.9, ls=(0, (6, 4)))
    axes.set_ylim(low, None)


def _axis(axes: Axes, panel: Json) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    axes.set_axis_on()
    axes.set_facecolor(PANEL)
    bottom, top = axes.get_ylim()
    least = defaults["custom"]["axisSoftMin"]  # matplotlib's margin must not extend the axis below this
    bottom = least - (top - least) / 50 if axes.dataLim.y0 >= least else bottom
    axes.set_ylim(bottom, defaults.get("max", top * 1.05 if top > bottom else bottom + 1))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: format_value(value, defaults["unit"]))
    axes.xaxis.set_major_locator(AutoDateLocator(maxticks=6))
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))
    axes.tick_params(colors=FAINT, labelsize=8, length=0)
    axes.grid(color="#2c2f36", lw=0.6)
    for spine in axes.spines.values():
        spine.set_visible(False)
    columns = 3 if axes.get_position().width < 0.3 else 6
    if axes.get_legend_handles_labels()[1]:
        look = {"fontsize": 8, "frameon": False, "labelcolor": TEXT, "handlelength": 1.2, "columnspacing": 1}
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.1), ncols=columns, **look)


def _bars(axes: Axes, panel: Json, source: Source) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    found = [(series_name(t["legendFormat"], m), v) for t in panel["targets"] for m, v in source.instant(t)]
    if not found:
        _empty(axes)
        return
    found = found[:MAX_BARS]
    most = panel["fieldConfig"]["defaults"].get("max") or max(abs(value) for _, value in found) or 1.0
    for place, (name, value) in enumerate(found):
        y = 1 - (place + 0.5) / len(found)
        height = min(0.6 / len(found), 0.14)
        shade = colour(panel, name, value)
        axes.barh(y, 0.6 * min(abs(value) / most, 1), height=height, left=0.24, color=shade, alpha=0.8)
        axes.text(0.23, y, name, ha="right", va="center", size=9, color=TEXT)
        axes.text(0.99, y, format_value(value, unit), ha="right", va="center", size=11, color=shade)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


def _table(axes: Axes, panel: Json, source: Source) -> None:
    organized = panel["transformations"][1]["options"]
    hidden, heads = organized["excludeByName"], [t["legendFormat"] for t in panel["targets"]]
    rows: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
    for target in panel["targets"]:
        for labels, value in source.instant(target):
            key = tuple(sorted((k, v) for k, v in labels.items() if k not in hidden))
            rows.setdefault(key, {})[target["legendFormat"]] = value
    if not rows:
        _empty(axes)
        return
    names = sorted({label for key in rows for label, _ in key})
    columns = [*names, *heads]
    width = 1 / len(columns)
    wrapped = max(8, int(190 * width))
    for x, head in enumerate(columns):
        axes.text(x * width, 1.0, textwrap.fill(head, wrapped), va="top", size=8, color=GRAFANA["blue"])
    for place, (key, values) in enumerate(sorted(rows.items())[:MAX_ROWS]):
        cells = [dict(key).get(name, "") for name in names]
        cells += [
            format_value(values[head], properties(panel, head).get("unit", "short")) if head in values else ""
            for head in heads
        ]
        for x, cell in enumerate(cells):
            axes.text(x * width, 0.72 - place * 0.105, cell, va="top", size=9, color=TEXT)


def _heatmap(axes: Axes, panel: Json, source: Source) -> None:
    found = source.lines(panel["targets"][0], panel)
    bounds = sorted({float(labels["le"]) for labels, _ in found})
    moments = sorted({t for _, line in found for t, _ in line})
    if not moments:
        _empty(axes)
        return
    total = {(float(labels["le"]), t): v for labels, line in found for t, v in line}
    below = [[0.0] * len(moments), *([total.get((b, t), 0.0) for t in moments] for b in bounds)]
    cells = [[max(0.0, b - a) for a, b in zip(*rows, strict=True)] for rows in pairwise(below)]
    shown = [[value or math.nan for value in row] for row in cells]
    axes.set_axis_on()
    axes.pcolormesh(range(len(moments)), range(len(bounds)), shown, cmap="Blues_r")
    unit = panel["options"]["yAxis"]["unit"]
    axes.set_yticks(range(len(bounds)), [format_value(b, unit) if b < math.inf else "more" for b in bounds])
    picks = range(0, len(moments), max(1, len(moments) // 5))
    axes.set_xticks(list(picks), [f"{_moment(moments[p]):%H:%M}" for p in picks])
    axes.tick_params(colors=FAINT, labelsize=8, length=0)
    axes.set_facecolor(PANEL)


def _alerts(axes: Axes, _: Json, __: Source) -> None:
    _empty(axes, "Grafana's list of alerts, not available in this preview")


PANEL_TYPES: Final[Mapping[str, Callable[[Axes, Json, Source], None]]] = {
    "stat": _stat,
    "timeseries": _lines,
    "bargauge": _bars,
    "table": _table,
    "heatmap": _heatmap,
    "alertlist": _alerts,
}
