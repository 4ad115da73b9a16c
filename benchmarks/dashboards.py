"""The duration of the dashboards' queries on two weeks of data.

Writes the data of a real Prometheus: every metric of one process, for two model versions on three surfaces. Then
sends each query of each dashboard as Grafana does, for several time ranges. The target is one second per query. Needs
`make tools`.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import requests

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import json_text
from otel_recmon.artifacts.dashboards.interpolation import QueryContext, targets
from otel_recmon.artifacts.render.files import boards
from otel_recmon.artifacts.settings.thresholds import load
from otel_recmon.catalog import Attribute, Kind, Metric
from otel_recmon.stack import Stack, binaries

DAYS, DAY_S, STEP_S = 14, 86_400, 60
RANGES = {"3 h": 3 * 3600, "1 d": DAY_S, "7 d": 7 * DAY_S}
POINTS = 700
"""The points per line that Grafana requests for a panel of half the screen's width."""
TARGET_S = 1.0
EVENTS_PER_MINUTE = 7
"""The increase of every counter in one minute."""
IDENTITY = {"job": "shop", "instance": "1", "deployment_environment_name": "production"}
FREE = {"model_version": 2, "surface": 3, "category": 12, "stage": 3, "version": 1, "site": 1, "experiment": 1}
"""Label without a fixed set of values -> its number of values; each model version has one variant."""
REGISTERS = 256
"""The number of sketch registers that docs/sketches.md recommends."""


def main() -> None:
    """Fill Prometheus, measure all queries, and print the slowest ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", type=int, default=STEP_S, help=f"seconds between samples (default: {STEP_S})")
    step = parser.parse_args().step
    end = time.time() // DAY_S * DAY_S
    with tempfile.TemporaryDirectory() as folder:
        written = fill(Path(folder), end, step)
        with Stack(directory=Path(folder)) as stack:
            print(f"{DAYS} days, {written:,} samples, one per {step} s; seconds of the slowest query per dashboard\n")
            slow = [one for name, span in RANGES.items() for one in show(stack.prometheus_url, name, span, end, step)]
    print(f"\n{len(slow)} queries took longer than {TARGET_S:g} s", *slow, sep="\n")


def fill(folder: Path, end: float, step: int) -> int:
    """Write one block for each of the ``DAYS`` days before ``end``, and return the number of samples."""
    data = folder / "prometheus" / "data"
    data.mkdir(parents=True)
    names, samples = list(series()), 0
    for day in range(DAYS):
        print(f"\rwriting day {day + 1} of {DAYS}", end="", file=sys.stderr, flush=True)
        times = range(int(end) - (DAYS - day) * DAY_S, int(end) - (DAYS - day - 1) * DAY_S, step)
        page = folder / "day.txt"
        with page.open("w", encoding="utf-8") as file:
            file.writelines(_samples(names, times, end))
            file.write("# EOF\n")
        command = [
            binaries.find("promtool") or "promtool",
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            "--quiet",
            "--max-block-duration=720h",
        ]
        subprocess.run([*command, str(page), str(folder / "blocks")], check=True, stdout=subprocess.DEVNULL)
        samples += len(names) * len(times)
    for block in (folder / "blocks").iterdir():
        shutil.move(block, data / block.name)
    print("\r", end="", file=sys.stderr)
    return samples


def _samples(names: Sequence[tuple[str, Kind]], times: range, end: float) -> Iterator[str]:
    for name, kind in names:
        if kind is Kind.GAUGE:
            yield "".join(f"{name} {0.5 + (at % 977) / 9770} {at}\n" for at in times)
        else:
            first = int(end) - DAYS * DAY_S
            yield "".join(f"{name} {(at - first) * EVENTS_PER_MINUTE // 60} {at}\n" for at in times)


def series() -> Iterator[tuple[str, Kind]]:
    """Yield every series and its kind; series with the same name are adjacent, as OpenMetrics requires."""
    for metric in sorted(catalog.METRICS, key=lambda one: one.prometheus):
        for part, extra in _parts(metric):
            for labels in _combinations(metric):
                text = ",".join(f'{key}="{value}"' for key, value in {**IDENTITY, **labels, **extra}.items())
                yield f"{metric.prometheus}{part}{{{text}}}", metric.kind


def _parts(metric: Metric) -> Iterator[tuple[str, dict[str, str]]]:
    if metric.kind is not Kind.HISTOGRAM:
        yield "", {}
        return
    for bound in (*metric.buckets, float("inf")):
        yield "_bucket", {"le": "+Inf" if bound == float("inf") else str(bound)}
    yield "_count", {}
    yield "_sum", {}


def _combinations(metric: Metric) -> Iterator[dict[str, str]]:
    choices = {attribute.name: _values(attribute) for attribute in metric.attributes if attribute is not catalog.ROLE}
    if metric.splits:
        choices["surface"] = _values(catalog.SURFACE)
    for chosen in product(*choices.values()):
        labels = dict(zip(choices, chosen, strict=True))
        if catalog.ROLE in metric.attributes:
            labels["role"] = catalog.ROLES[labels["variant"] != _values(catalog.VARIANT)[0]]
        yield labels | ({"variant": f"of-{labels['model_version']}"} if metric.splits else {})


def _values(attribute: Attribute) -> tuple[str, ...]:
    if attribute is catalog.REASON:
        return attribute.values[:1]
    if attribute is catalog.REGISTER:
        return attribute.values[:REGISTERS]
    if attribute is catalog.VARIANT:
        return tuple(f"of-{version}" for version in _values(catalog.MODEL_VERSION))
    return attribute.values or tuple(f"{attribute.name}-{number}" for number in range(FREE[attribute.name]))


def show(url: str, name: str, span: float, end: float, step: int) -> list[str]:
    """Measure all queries of the dashboards over ``span`` seconds, and print the slowest query of each dashboard.

    Return the queries that took longer than the target.
    """
    variables = {"service": "shop", "environment": "production", "control": "of-model_version-0"}
    values = {**variables, **dict.fromkeys(("model_version", "variant", "surface"), ".*")}
    looking = QueryContext(end - span, end, max(step, span / POINTS), values, step)
    slow = []
    for board in boards(load()):
        page = json.loads(json_text(board))
        found = {
            f"{p['title']}, {p['type']} {t['refId']}": measure(url, looking.for_panel(p), t) for p, t in targets(page)
        }
        times = {title: seconds for title, (seconds, _) in found.items()}
        empty = sum(not any_series for _, any_series in found.values())
        slowest = max(times, key=lambda title: times[title])
        slow += [f"{name:>4}  {title}: {value:.2f} s" for title, value in times.items() if value > TARGET_S]
        note = f"{slowest}; {empty} of {len(times)} queries without a result"
        print(f"{name:>4}  {board.page.title:<25} {times[slowest]:6.3f}  of {sum(times.values()):6.2f}  ({note})")
    return slow


def measure(url: str, looking: QueryContext, target: Any) -> tuple[float, bool]:
    """Return the seconds that a query takes, and True if it has a result."""
    query = {"query": looking.interpolate(target["expr"])}
    if target["instant"]:
        path, moments = "query", {"time": str(looking.end)}
    else:
        path = "query_range"
        moments = {"start": str(looking.start), "end": str(looking.end), "step": str(looking.step)}
    began = time.perf_counter()
    answer = requests.post(f"{url}/api/v1/{path}", data={**query, **moments}, timeout=120)
    taken = time.perf_counter() - began
    answer.raise_for_status()
    return taken, bool(answer.json()["data"]["result"])


if __name__ == "__main__":
    main()
