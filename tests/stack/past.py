"""A past for a Prometheus: what is there now, once more, as of some time ago."""

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from otel_recmon.stack import Stack, binaries

HOUR_S: Final = 3_600
DAY_S: Final = 86_400
Series = Mapping[str, Any]
"""A series with its values, as Prometheus answers."""


def give_past(stack: Stack, folder: Path, series: Sequence[Series], ages_s: Iterable[float]) -> None:
    """Store series as so much older, and start Prometheus anew: it would take a minute to notice by itself.

    Args:
        stack: What runs in the folder.
        folder: Its directory.
        series: What was, to be told by other labels than what is where it is another's.
        ages_s: How much older, in seconds; each once.
    """
    text, blocks = folder / "past.txt", folder / "blocks"
    text.write_text("".join(_lines(series, sorted(ages_s, reverse=True))) + "# EOF\n", encoding="utf-8")
    command = ["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=720h", str(text), str(blocks)]
    subprocess.run([binaries.find("promtool") or "promtool", *command], check=True, capture_output=True)
    prometheus = stack.components["prometheus"]
    prometheus.stop()
    for block in blocks.iterdir():
        shutil.move(block, folder / "prometheus" / "data" / block.name)
    prometheus.start()


def _lines(series: Iterable[Series], ages_s: Sequence[float]) -> Iterator[str]:
    for one in sorted(series, key=lambda one: str(one["metric"]["__name__"])):
        labels = ",".join(f'{key}="{value}"' for key, value in one["metric"].items() if key != "__name__")
        for age in ages_s:
            for at, value in one["values"]:
                yield f"{one['metric']['__name__']}{{{labels}}} {value} {at - age:.3f}\n"
