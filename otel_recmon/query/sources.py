"""Where the figures come from: the page of one process, or a Prometheus that has them of a whole fleet."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

import requests
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from otel_recmon.errors import RecmonError
from otel_recmon.query.client import NO_URL, Prometheus, Series, is_url
from otel_recmon.query.evaluate import Evaluation
from otel_recmon.query.history import History

TIMEOUT_S: Final = 10.0
POINTS_A_WINDOW: Final = 5
"""How many points of a trend a window of a Prometheus holds; each looks back by a whole one."""
Fetch = Callable[[str], str]
Clock = Callable[[], float]


class PageError(RecmonError):
    """The page of metrics could not be read."""


@dataclass(frozen=True)
class Lookback:
    """The time that figures look back on, in seconds: NaN where it is unknown, or all since the process started."""

    seconds: float
    since_start: bool = False


@dataclass(frozen=True)
class Trend:
    """How history is asked for: seconds between two points, and how far each looks back, as PromQL writes it."""

    step_s: float
    window: str


class MetricsSource(Protocol):
    """Metrics that answer PromQL: of one process, or of a whole fleet."""

    @property
    def name(self) -> str:
        """What is looked at, for people."""

    @property
    def window(self) -> str:
        """How far back figures look, as PromQL writes it."""

    @property
    def trend(self) -> Trend:
        """How history is asked for."""

    @property
    def whole(self) -> bool:
        """Whether it knows the past, and other programs than the service."""

    def look(self) -> float:
        """Take a look, and return its moment."""

    def instant(self, query: str, at: float) -> Iterable[Series]:
        """Return what a query gives at a moment."""

    def ranged(self, query: str, start: float, end: float, step_s: float) -> Iterable[Series]:
        """Return what a query gives from start to end."""

    def lookback(self, at: float) -> Lookback:
        """Return the time that figures look back on at a moment."""


class MetricsPage:
    """The page with the metrics of one process, and what it showed before."""

    whole = False

    def __init__(
        self, name: str, window_s: float, interval_s: float, fetch: Fetch | None = None, clock: Clock = time.time
    ) -> None:
        """Have read nothing.

        Args:
            name: Where the page is.
            window_s: How far back figures look, once so much has been seen.
            interval_s: The seconds between two looks.
            fetch: Reads the page.
            clock: Tells the seconds since 1970.
        """
        self.name, self.window_s = name, window_s
        self.window = written(window_s)
        self.trend = Trend(interval_s, written(interval_s))
        self._history = History(window_s)
        self._fetch, self._clock = fetch or fetched, clock
        self._read = False

    def look(self) -> float:
        """Read the page; the first time twice, for a series that is new is exported as 0 once, before its value."""
        text = self._fetch(self.name)
        if not self._read:
            text, self._read = self._fetch(self.name), True
        return self.take(samples(text, self.name))

    def take(self, found: Iterable[Sample]) -> float:
        """Take in what the page shows now, and return the moment."""
        at = self._clock()
        self._history.add(at, found)
        return at

    def instant(self, query: str, at: float) -> list[Series]:
        """Return what a query gives at a moment."""
        found = Evaluation(self._history, at).vector(query)
        return [Series(dict(labels), ((at, value),)) for labels, value in found.items()]

    def ranged(self, query: str, start: float, end: float, step_s: float) -> list[Series]:
        """Return what a query gives from start to end, every so many seconds."""
        moments = [start + number * step_s for number in range(round((end - start) / step_s) + 1)]
        found = [(at, Evaluation(self._history, at).vector(query)) for at in moments]
        labels = dict.fromkeys(one for _, vector in found for one in vector)
        return [Series(dict(one), tuple((at, vector[one]) for at, vector in found if one in vector)) for one in labels]

    def lookback(self, at: float) -> Lookback:
        """Return the time that figures look back on: before the second look, all since the process started."""
        span = self._history.span(at, self.window_s)
        return Lookback(span.seconds, span.since_start) if span else Lookback(math.nan)


class Fleet:
    """A Prometheus."""

    whole = True

    def __init__(self, prometheus: Prometheus, window_s: float, clock: Clock = time.time) -> None:
        """Ask nothing yet."""
        self.name, self.window_s = prometheus.url, window_s
        self.window = written(window_s)
        self.trend = Trend(window_s / POINTS_A_WINDOW, self.window)
        self._prometheus, self._clock = prometheus, clock

    def look(self) -> float:
        """Return the moment: all queries of a look are of the same one."""
        return self._clock()

    def instant(self, query: str, at: float) -> tuple[Series, ...]:
        """Return what a query gives at a moment."""
        return self._prometheus.instant(query, at)

    def ranged(self, query: str, start: float, end: float, step_s: float) -> tuple[Series, ...]:
        """Return what a query gives from start to end, every so many seconds."""
        return self._prometheus.ranged(query, start, end, step_s)

    def lookback(self, at: float) -> Lookback:  # noqa: ARG002 - as every source
        """Return the time that figures look back on."""
        return Lookback(self.window_s)


def written(seconds: float) -> str:
    """Return a time as PromQL writes it."""
    return f"{1000 * seconds:.0f}ms"


def fetched(url: str) -> str:
    """Return the text of a page.

    Raises:
        PageError: If it cannot be had.
    """
    try:
        response = requests.get(url, timeout=TIMEOUT_S)
        response.raise_for_status()
    except requests.Timeout as error:
        raise PageError(f"{url} did not answer within {TIMEOUT_S:g} s") from error
    except requests.HTTPError as error:
        raise PageError(f"{url} answers {response.status_code}; is it the page with the metrics?") from error
    except (requests.RequestException, ValueError) as error:
        said = "; is the service running, and is that its page?" if is_url(url) else f" {NO_URL}"
        raise PageError(f"{url} cannot be reached{said}") from error
    return response.text


def samples(text: str, name: str) -> list[Sample]:
    """Return what a page in the text format of Prometheus shows.

    Raises:
        PageError: If it is none.
    """
    try:
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except (ValueError, KeyError, IndexError) as error:
        raise PageError(f"{name} is no page of metrics; the usual one is http://localhost:9464/metrics") from error
