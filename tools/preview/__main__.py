"""A preview of the dashboards as pictures, from their JSON and the results of a real Prometheus, without Grafana.

    otel-recmon demo --stack --keep-running --speed 1300
    python tools/preview --prometheus http://127.0.0.1:PORT --minutes 8

Positions, titles, values, lines, thresholds and units are the same as in Grafana. The exact look differs, and so do
the colours that Grafana derives from names. Alerts, links and exemplars are omitted.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Final

from drawing import PANEL_TYPES
from matplotlib.figure import Figure
from PIL import Image
from source import Json, Source
from style import BACKGROUND, PANEL, TEXT

from otel_recmon.artifacts.dashboards.interpolation import QueryContext, panels

ROOT: Final = Path(__file__).parents[2]
WIDTH_PX, LINE_PX, DPI = 1440, 38, 72
COLUMNS: Final = 24
COLOURS: Final = 64
"""Colours of a picture; few, so that the file is small."""


def draw_dashboard(page: Json, source: Source) -> Figure:
    """Return the picture of a dashboard, as wide as a browser window."""
    lines = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in page["panels"]) + 1
    height = lines * LINE_PX
    figure = Figure(figsize=(WIDTH_PX / DPI, height / DPI), dpi=DPI, facecolor=BACKGROUND)
    head = f"{page['title']}  (preview from the dashboard's JSON and Prometheus's results, not a picture of Grafana)"
    figure.text(0.006, 1 - 0.6 * LINE_PX / height, head, size=12, color=TEXT, va="center")
    for panel in page["panels"]:
        place = panel["gridPos"]
        top = 1 - (place["y"] + 1) * LINE_PX / height
        if panel["type"] == "row":
            figure.text(0.006, top - 0.5 * LINE_PX / height, f"v  {panel['title']}", size=12, color=TEXT, va="center")
    for panel in panels(page):
        _draw_panel(figure, panel, height, source)
    return figure


def _draw_panel(figure: Figure, panel: Json, height: int, source: Source) -> None:
    place, line = panel["gridPos"], LINE_PX / height
    x, w = place["x"] / COLUMNS, place["w"] / COLUMNS
    top, h = 1 - (place["y"] + 1) * line, place["h"] * line
    frame = figure.add_axes((x + 0.002, top - h + 0.1 * line, w - 0.004, h - 0.15 * line), facecolor=PANEL)
    frame.set_xticks([])
    frame.set_yticks([])
    for spine in frame.spines.values():
        spine.set_color("#2c2f36")
    figure.text(x + 0.007, top - 0.5 * line, panel["title"], size=10, color=TEXT, va="center", weight="bold")
    chart = panel["type"] in {"timeseries", "heatmap"}
    left, below = (0.036, 1.4 * line) if chart else (0.008, 0.3 * line)
    axes = figure.add_axes((x + left, top - h + below, w - left - 0.01, h - below - 1.0 * line))
    axes.set_axis_off()
    PANEL_TYPES[panel["type"]](axes, panel, source)


def main() -> None:
    """Draw all dashboards and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prometheus", required=True, help="the URL of the Prometheus")
    parser.add_argument("--minutes", type=float, default=10, help="the time range, in minutes (default: 10)")
    parser.add_argument("--ago", type=float, default=0, help="the end of the range, in minutes before now (default: 0)")
    parser.add_argument("--service", default="recmon-demo")
    parser.add_argument("--environment", default="demo")
    parser.add_argument("--control", default="random")
    parser.add_argument(
        "--export",
        type=float,
        default=15,
        help="the export interval in seconds, `timeInterval` of Grafana's data source (default: 15)",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    options = parser.parse_args()
    end = time.time() - options.ago * 60
    span = options.minutes * 60
    values = {
        "service": options.service,
        "environment": options.environment,
        "control": options.control,
        **dict.fromkeys(("model_version", "variant", "surface"), ".*"),
    }
    looking = QueryContext(end - span, end, max(options.export, span / 240), values, options.export)
    for path in sorted((ROOT / "grafana" / "dashboards").glob("*.json")):
        page = json.loads(path.read_text(encoding="utf-8"))
        picture = options.out / f"{path.stem}.png"
        draw_dashboard(page, Source(options.prometheus.rstrip("/"), looking)).savefig(picture)
        with Image.open(picture) as painted:
            painted.quantize(COLOURS).save(picture, optimize=True)
        print(f"wrote {picture}", file=sys.stderr)


if __name__ == "__main__":
    main()
