"""Sources of series: the page of metrics of one process, or a Prometheus server."""

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
"""The timeout for a page of metrics, in seconds."""
POINTS_A_WINDOW: Final = 5
"""The number of points of a trend per window. Each point is computed over a whole window; the windows overlap."""
Fetch = Callable[[str], str]
Clock = Callable[[], float]


class PageError(RecmonError):
    """An unreadable page of metrics. The message names the cause and the remedy."""


@dataclass(frozen=True)
class Lookback:
    """The length of the window over which figures are computed, in seconds; NaN if unknown.

    With ``since_start``, the window began at the start of the process.
    """

    seconds: float
    since_start: bool = False


@dataclass(frozen=True)
class Trend:
    """The resolution of a trend: the seconds between two points, and the window of each point as a PromQL duration."""

    step_s: float
    window: str


class MetricsSource(Protocol):
    """A source of series that evaluates PromQL. All times are in seconds since 1970."""

    @property
    def name(self) -> str:
        """The address shown to the user."""

    @property
    def window(self) -> str:
        """The window over which figures are computed, as a PromQL duration."""

    @property
    def trend(self) -> Trend:
        """The resolution of trends."""

    @property
    def whole(self) -> bool:
        """Whether the source has a long history and the metrics of other programs, such as the Collector."""

    def look(self) -> float:
        """Read the current values, and return their time."""

    def instant(self, query: str, at: float) -> Iterable[Series]:
        """Return the result of a query at one time."""

    def ranged(self, query: str, start: float, end: float, step_s: float) -> Iterable[Series]:
        """Return the result of a query from start to end, with ``step_s`` seconds between two samples."""

    def lookback(self, at: float) -> Lookback:
        """Return the length of the window that ends at ``at``. Figures are computed over this window."""


class MetricsPage:
    """The page of metrics of one process, with the history of the last ``window_s`` seconds."""

    whole = False

    def __init__(
        self, name: str, window_s: float, interval_s: float, fetch: Fetch | None = None, clock: Clock = time.time
    ) -> None:
        """Create the source without reading the page.

        Args:
            name: The URL of the page.
            window_s: The window over which figures are computed, in seconds. At first, less history is available.
            interval_s: The seconds between two reads.
            fetch: A function that returns the text at a URL.
            clock: A function that returns the seconds since 1970.
        """
        self.name, self.window_s = name, window_s
        self.window = written(window_s)
        self.trend = Trend(interval_s, written(interval_s))
        self._history = History(window_s)
        self._fetch, self._clock = fetch or fetched, clock

    def look(self) -> float:
        """Read the page, and return the time of the reading."""
        return self.take(samples(self._fetch(self.name), self.name))

    def take(self, found: Iterable[Sample]) -> float:
        """Add samples to the history at the current time, and return this time."""
        at = self._clock()
        self._history.add(at, found)
        return at

    def instant(self, query: str, at: float) -> list[Series]:
        """Return the result of a query at one time."""
        found = Evaluation(self._history, at).vector(query)
        return [Series(dict(labels), ((at, value),)) for labels, value in found.items()]

    def ranged(self, query: str, start: float, end: float, step_s: float) -> list[Series]:
        """Return the result of a query from start to end, with ``step_s`` seconds between two samples."""
        moments = [start + number * step_s for number in range(round((end - start) / step_s) + 1)]
        found = [(at, Evaluation(self._history, at).vector(query)) for at in moments]
        labels = dict.fromkeys(one for _, vector in found for one in vector)
        return [Series(dict(one), tuple((at, vector[one]) for at, vector in found if one in vector)) for one in labels]

    def lookback(self, at: float) -> Lookback:
        """Return the length of the window that ends at ``at``. Figures are computed over this window.

        After a single reading, the window begins at the start of the process.
        """
        span = self._history.span(at, self.window_s)
        return Lookback(span.seconds, span.since_start) if span else Lookback(math.nan)


class Fleet:
    """A Prometheus server, as the source of the metrics of all processes."""

    whole = True

    def __init__(self, prometheus: Prometheus, window_s: float, clock: Clock = time.time) -> None:
        self.name, self.window_s = prometheus.url, window_s
        self.window = written(window_s)
        self.trend = Trend(window_s / POINTS_A_WINDOW, self.window)
        self._prometheus, self._clock = prometheus, clock

    def look(self) -> float:
        """Return the current time, at which all queries of one refresh are evaluated."""
        return self._clock()

    def instant(self, query: str, at: float) -> tuple[Series, ...]:
        """Return the result of a query at one time."""
        return self._prometheus.instant(query, at)

    def ranged(self, query: str, start: float, end: float, step_s: float) -> tuple[Series, ...]:
        """Return the result of a query from start to end, with ``step_s`` seconds between two samples."""
        return self._prometheus.ranged(query, start, end, step_s)

    def lookback(self, at: float) -> Lookback:  # noqa: ARG002 - the signature of the protocol
        """Return the length of the window over which figures are computed. The length is constant."""
        return Lookback(self.window_s)


def written(seconds: float) -> str:
    """Return a number of seconds as a PromQL duration, in milliseconds."""
    return f"{1000 * seconds:.0f}ms"


def fetched(url: str) -> str:
    """Return the text at a URL.

    Raises:
        PageError: If the URL cannot be reached, exceeds the timeout or answers with an error status.
    """
    try:
        response = requests.get(url, timeout=TIMEOUT_S)
        response.raise_for_status()
    except requests.Timeout as error:
        raise PageError(f"{url} did not answer within {TIMEOUT_S:g} s") from error
    except requests.HTTPError as error:
        raise PageError(f"{url} answered HTTP {response.status_code}; is it the page of metrics?") from error
    except (requests.RequestException, ValueError) as error:
        hint = "; is the service running, and is this its page of metrics?" if is_url(url) else f" {NO_URL}"
        raise PageError(f"{url} cannot be reached{hint}") from error
    return response.text


def samples(text: str, name: str) -> list[Sample]:
    """Return the samples of a page in the text format of Prometheus.

    Raises:
        PageError: If the text does not have this format.
    """
    try:
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except (ValueError, KeyError, IndexError) as error:
        raise PageError(
            f"{name} is not a page of metrics in the format of Prometheus; the usual page is "
            "http://localhost:9464/metrics"
        ) from error
