"""Draw docs/top.svg, the screen of `otel-recmon top`, from recorded pages of the demo.

    python tools/screenshot.py             # after a change of the screen or of its texts
    python tools/screenshot.py --check     # change nothing; exit code 1 if the picture is out of date
    python tools/screenshot.py --record    # replay the demo again and record its pages first (two minutes)

The recorded demo has the fault `errors`: one request in five fails.
"""

import argparse
import asyncio
import json
import lzma
import os
import re
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Final

from rich.console import Console

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.settings.thresholds import load as settings
from otel_recmon.demo.faults import find_fault
from otel_recmon.demo.replay import REPORT_SECONDS, Progress, replay_with_progress
from otel_recmon.demo.setups import standalone
from otel_recmon.demo.traffic import assemble_slates, catalog_size, load_impressions
from otel_recmon.demo.view import SETTINGS, WINDOW_S
from otel_recmon.query.sources import MetricsPage, fetched, samples
from otel_recmon.top.reading import Watch
from otel_recmon.top.screen import Screen

ROOT: Final = Path(__file__).resolve().parents[1]
PICTURE: Final = ROOT / "docs" / "top.svg"
RECORDING: Final = Path(__file__).with_suffix(".xz")
REPAIR: Final = "make artifacts"
URL: Final = "http://localhost:9464/metrics"
FAULT: Final = "errors"
SPEED: Final = 6720.0
"""The speed of the replay: the week of data takes 90 seconds, the time that the 40 points of a trend cover."""
EVERY: Final = 2
"""The demo reads its page once a second, and the recording keeps one of two pages."""
COLUMNS: Final = 108
"""The columns of the terminal: enough for an alert on one line."""
SHOWN: Final = re.compile(
    r"(?:# TYPE )?(?:process_start_time|target_info|recmon_|recommendations_(?:clicked|converted)_total|recommendation_"
    r"(?:cache|catalog_coverage|diversity|items|latency|model_staleness|outcomes|requests|revenue))"
)
"""The lines with series that the screen needs. The other lines would make the recording three times as large."""
SCOPE: Final = re.compile(r',?otel_scope_\w+="[^"]*"')
WEB_FONT: Final = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""The CSS rules of rich that would load a font from another host when the picture is opened."""
Recording = list[tuple[float, str]]
"""The pages that were read, each with the time of the read in seconds since 1970."""


def record() -> Recording:
    """Replay the demo and return its pages."""
    impressions, pages = load_impressions(), Recording()
    with standalone(catalog_size(impressions), None, FAULT) as setup:

        async def look(_: Progress) -> None:
            text = await asyncio.to_thread(fetched, setup.top)
            pages.append((time.time(), shown(text)))

        slates = assemble_slates(impressions)
        asyncio.run(replay_with_progress(slates, setup.service.url, SPEED, look, find_fault(FAULT).audience))
    return pages[::EVERY]


def shown(page: str) -> str:
    """Return the part of a page that the screen shows."""
    return "".join(f"{SCOPE.sub('', line)}\n" for line in page.splitlines() if SHOWN.match(line))


def save(pages: Recording) -> None:
    """Write the recording."""
    lines = "".join(f"{json.dumps(page)}\n" for page in pages)
    RECORDING.write_bytes(lzma.compress(lines.encode(), preset=9 | lzma.PRESET_EXTREME))


def load() -> Recording:
    """Return the last recording."""
    with lzma.open(RECORDING, "rt", encoding="utf-8") as lines:
        return [(at, page) for at, page in map(json.loads, lines)]


def drawn(pages: Recording) -> str:
    """Return the screen after the last page, as SVG."""
    moments, alerts = iter([at for at, _ in pages]), rules(settings(SETTINGS))
    source = MetricsPage(URL, WINDOW_S, EVERY * REPORT_SECONDS, clock=lambda: next(moments))
    looks = [source.take(samples(text, URL)) for _, text in pages]
    screen = Screen(Watch(source, alerts).reading(looks[-1]), alerts)
    console = Console(
        file=StringIO(), width=COLUMNS, record=True, force_terminal=True, color_system="truecolor", no_color=False
    )
    console.print(screen.drawn(COLUMNS), "", sep="\n")  # rich cuts off the lower edge of the last line
    return WEB_FONT.sub("", console.export_svg(title=f"otel-recmon top {URL}", unique_id="top"))


def main() -> int:
    """Write or check the picture; return 1 if a check finds the picture out of date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="record the pages of the demo first")
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args()
    os.environ["TZ"] = "UTC"  # the screen shows the local time, and the picture must be the same everywhere
    time.tzset()
    if options.record:
        save(record())
    new = drawn(load())
    if not options.check:
        PICTURE.write_text(new, encoding="utf-8")
    elif new != PICTURE.read_text(encoding="utf-8"):
        print(f"{PICTURE.relative_to(ROOT)} is out of date; repair it with: {REPAIR}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
