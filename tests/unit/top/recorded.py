"""Three pages of the demo with one request in five failing: two of one process, and one after a restart."""

import gzip
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.settings.thresholds import load
from otel_recmon.demo.figures import read_figures
from otel_recmon.demo.scrape import parse_exposition
from otel_recmon.query.sources import MetricsPage
from otel_recmon.report.figures import Figures
from otel_recmon.top.reading import Reading, Watch

STARTED = 1_795_618_164.79
EARLY_AT, APART_S = STARTED + 8.0, 10.0
"""When the process started, when its first page was read, and the seconds between two pages."""
EARLY, LATER, RESTARTED = "early", "later", "restarted"
VERSIONS = ("bts-2019.11", "random-2019.11")
URL = "http://localhost:9464/metrics"
RULES = rules(load())


@lru_cache
def text(name: str) -> str:
    """Return a recorded page, without the series of other libraries."""
    return gzip.decompress((Path(__file__).parent / "pages" / f"{name}.txt.gz").read_bytes()).decode()


@lru_cache
def counted(name: str, **labels: str) -> Figures:
    """Return the counters of a page since the start of the process."""
    return read_figures(parse_exposition(text(name)), **labels)


def page(*names: str, window_s: float = 300.0) -> MetricsPage:
    """Return a source with these texts, one per read, ten seconds apart."""
    texts = map(text, names)
    moments = _moments()
    return MetricsPage(URL, window_s, APART_S, fetch=lambda _: next(texts), clock=lambda: next(moments))


def watching(*names: str) -> Watch:
    """Return a watch of a page with these texts."""
    return Watch(page(*names), RULES)


@lru_cache
def looked(*names: str) -> Reading:
    """Return the last reading, after one reading of each page."""
    watch = watching(*names)
    return [watch.look() for _ in names][-1]


def _moments() -> Iterator[float]:
    moment = EARLY_AT
    while True:
        yield moment
        moment += APART_S
