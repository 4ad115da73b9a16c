"""A real Prometheus, filled by the demo's traffic through 1 and 4 workers, and by a service of verbs."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from otel_recmon.demo import launch
from otel_recmon.demo.figures import read_figures
from otel_recmon.demo.prometheus_source import PrometheusSource
from otel_recmon.demo.replay import Progress, http_session, replay
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.service import workspace
from otel_recmon.demo.traffic import Slate, assemble_slates, catalog_size, load_impressions
from otel_recmon.report.figures import Figures
from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually
from tests.stack.observed import Prometheus
from tests.stack.past import DAY_S, give_past
from tests.stack.serving import OTLP, UVICORN, Service, serving

ROWS: Final = 3_000
WORKERS: Final = {"demo-1": 1, "demo-4": 4}
"""The demo's services, by name, and how many processes each has."""
FILMS: Final = "films"
"""A service that says what a response does not show."""
EXPORT_S: Final = 1
ENVIRONMENT: Final = "demo"
AGES_S: Final = (DAY_S, 7 * DAY_S)
QUIET_S: Final = 25
"""How long nothing happens then: an increase is off by an export or two of all the time that is looked at."""
EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "verbs"
LOG: Final = load_impressions()


@dataclass(frozen=True)
class Filled:
    """A Prometheus, and what went into it between two moments."""

    prometheus: Prometheus
    slates: Sequence[Slate]
    expositions: Mapping[str, Exposition]
    start: float
    end: float
    export_s: float = EXPORT_S

    def figures(self, service: str, **labels: str) -> Figures:
        """What has been counted, on raw samples."""
        return read_figures(self.expositions[service], **labels)


@contextmanager
def filled() -> Iterator[Filled]:
    """Fill one, with the same as of a day and of a week ago."""
    slates = assemble_slates(LOG[:ROWS])
    with workspace() as place, Stack(directory=place.folder, group=place.group, scrape_interval="1s") as stack:
        prometheus = Prometheus(stack.prometheus_url)
        start = time.time()
        with _demo(stack, "demo-1") as one, _demo(stack, "demo-4") as four, _films(stack) as films:
            for service in (one, four, films):
                eventually(partial(web.answers, service.url))
            for service, workers in ((one, 1), (four, 4)):
                asyncio.run(_replay(slates, service.url, workers))
            _watch(films)
            found = {name: asyncio.run(_settled(stack, name)) for name in (*WORKERS, FILMS)}
            settled = time.time()
            give_past(stack, place.folder, _series(prometheus, start), AGES_S)
            eventually(lambda: time.time() > settled + QUIET_S, 2 * QUIET_S)
            for name in (*WORKERS, FILMS):
                asyncio.run(_settled(stack, name))
            end = time.time()
        yield Filled(prometheus, slates, found, start, end)  # without the services, whose exports would go on


async def _replay(slates: Sequence[Slate], url: str, times: int) -> None:
    """Send the slates over so many times the connections, so that every process gets some."""
    shares = (slates[number::times] for number in range(times))
    await asyncio.gather(*(replay(share, url, 0, Progress(len(share))) for share in shares))


def _variables(stack: Stack, name: str) -> dict[str, str]:
    return launch.environment({}, launch.otlp_exporter(stack.otlp_http_url), catalog_size(LOG), name)


def _demo(stack: Stack, name: str) -> Any:
    server = (*UVICORN, "--workers", str(WORKERS[name]))
    return serving("recommender:app", _variables(stack, name), folder=Path(launch.__file__).parent, server=server)


def _films(stack: Stack) -> Any:
    variables = {
        **{key: value for key, value in _variables(stack, FILMS).items() if not key.startswith("OTEL_RECMON")},
        **{key: value for key, value in OTLP.items() if key.startswith("OTEL_RECMON")},
        "OTEL_RECMON_MODEL_VERSION": "films-3",
        "OTEL_RECMON_MODEL_PATH": str(EXAMPLE),
        "OTEL_RECMON_SKETCH_REGISTERS": "256",
    }
    return serving("service:app", variables, folder=EXAMPLE)


def _watch(films: Service) -> None:
    for _ in range(10):
        web.get(f"{films.url}/recommendations/ann").raise_for_status()
    web.post(f"{films.url}/track/click", json={"film": "heat", "position": 2}).raise_for_status()
    web.post(f"{films.url}/track/click", json={"film": "heat", "position": -1}).raise_for_status()
    web.post(f"{films.url}/track/conversion", json={"film": "heat", "revenue": 4.5}).raise_for_status()


async def _settled(stack: Stack, name: str) -> Exposition:
    async with http_session() as client:
        return await PrometheusSource(stack.prometheus_url, name, stack.logs).settled(client)


def _series(prometheus: Prometheus, start: float) -> Any:
    back = f"{time.time() - start + 1:.0f}s"
    ours = f'job=~"demo-.*|{FILMS}", __name__!~".+_sketch"'  # which are many, and compared with no day before
    return prometheus.ask("query", query=f"{{{ours}}}[{back}]")["result"]
