"""A real Prometheus, filled by the demo's traffic through 1 and 4 workers, and by a service of verbs."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from otel_recmon import catalog
from otel_recmon.demo import launch
from otel_recmon.demo.figures import Figures, read
from otel_recmon.demo.replay import Progress, replay, session
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.service import workplace
from otel_recmon.demo.stored import Stored
from otel_recmon.demo.traffic import Slate, assembled, catalog_size, logged
from otel_recmon.stack import Stack, binaries
from tests.stack.observed import Prometheus, eventually
from tests.stack.serving import OTLP, UVICORN, Service, serving, until

ROWS: Final = 3_000
WORKERS: Final = {"demo-1": 1, "demo-4": 4}
"""The demo's services, by name, and how many processes each has."""
FILMS: Final = "films"
"""A service that says what a response does not show."""
EXPORT_S: Final = 1
ENVIRONMENT: Final = "demo"
DAYS_BACK: Final = (1, 7)
DAY_S: Final = 86_400
EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "verbs"
LOG: Final = logged()


@dataclass(frozen=True)
class Filled:
    """A Prometheus, and what went into it between two moments."""

    prometheus: Prometheus
    slates: Sequence[Slate]
    expositions: Mapping[str, Exposition]
    start: float
    end: float

    def figures(self, service: str, **labels: str) -> Figures:
        """What has been counted, on raw samples."""
        return read(self.expositions[service], **labels)


@contextmanager
def filled() -> Iterator[Filled]:
    """Fill one, with the same as of a day and of a week ago."""
    slates = assembled(LOG[:ROWS])
    with workplace() as place, Stack(directory=place.folder, group=place.group, scrape_interval="1s") as stack:
        prometheus = Prometheus(stack.prometheus_url)
        start = time.time()
        with _demo(stack, "demo-1") as one, _demo(stack, "demo-4") as four, _films(stack) as films:
            for service in (one, four, films):
                until(partial(_listens, service))
            for service, workers in ((one, 1), (four, 4)):
                asyncio.run(_replay(slates, service.url, workers))
            _watch(films)
            found = {name: asyncio.run(_settled(stack, name)) for name in (*WORKERS, FILMS)}
            _copy_back(prometheus, place.folder, start)
            yield Filled(prometheus, slates, found, start, time.time())


async def _replay(slates: Sequence[Slate], url: str, times: int) -> None:
    """Send the slates over so many times the connections, so that every process gets some."""
    shares = (slates[number::times] for number in range(times))
    await asyncio.gather(*(replay(share, url, 0, Progress(len(share))) for share in shares))


def _variables(stack: Stack, name: str) -> dict[str, str]:
    return launch.environment({}, launch.otlp(stack.otlp_http_url), catalog_size(LOG), name)


def _demo(stack: Stack, name: str) -> Any:
    server = (*UVICORN, "--workers", str(WORKERS[name]))
    return serving("recommender:app", _variables(stack, name), folder=Path(launch.__file__).parent, server=server)


def _films(stack: Stack) -> Any:
    variables = {
        **{key: value for key, value in _variables(stack, FILMS).items() if not key.startswith("OTEL_RECMON")},
        **{key: value for key, value in OTLP.items() if key.startswith("OTEL_RECMON")},
        "OTEL_RECMON_MODEL_VERSION": "films-3",
        "OTEL_RECMON_MODEL_PATH": str(EXAMPLE),
    }
    return serving("service:app", variables, folder=EXAMPLE)


def _listens(service: Service) -> bool:
    """A parent process says where it runs before its workers do."""
    with suppress(httpx.TransportError):
        httpx.get(service.url)
        return True
    return False


def _watch(films: Service) -> None:
    for _ in range(10):
        httpx.get(f"{films.url}/recommendations/ann").raise_for_status()
    httpx.post(f"{films.url}/track/click", json={"film": "heat", "position": 2}).raise_for_status()
    httpx.post(f"{films.url}/track/click", json={"film": "heat", "position": -1}).raise_for_status()


async def _settled(stack: Stack, name: str) -> Exposition:
    async with session() as client:
        return await Stored(stack.prometheus_url, name, stack.logs).settled(client)


def _copy_back(prometheus: Prometheus, folder: Path, start: float) -> None:
    """Write what there is once more, as of days ago, and wait until Prometheus has noticed."""
    back = f"{time.time() - start + 1:.0f}s"
    series = prometheus.ask("query", query=f'{{job=~"demo-.*|{FILMS}"}}[{back}]')["result"]
    blocks = folder / "blocks"
    text = folder / "past.txt"
    text.write_text("".join(_past(series)) + "# EOF\n", encoding="utf-8")
    command = ["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=720h", str(text), str(blocks)]
    subprocess.run([binaries.find("promtool") or "promtool", *command], check=True, capture_output=True)
    for block in blocks.iterdir():
        shutil.move(block, folder / "prometheus" / "data" / block.name)
    for days in DAYS_BACK:
        eventually(partial(prometheus.values, f"{catalog.REQUESTS.prometheus} offset {days}d"), 120)


def _past(series: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    by_name = sorted(series, key=lambda one: str(one["metric"]["__name__"]))
    for one in by_name:
        labels = ",".join(f'{key}="{value}"' for key, value in one["metric"].items() if key != "__name__")
        for days in reversed(DAYS_BACK):
            for at, value in one["values"]:
                yield f"{one['metric']['__name__']}{{{labels}}} {value} {at - days * DAY_S:.3f}\n"
