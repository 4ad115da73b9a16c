"""What the unit tests share: a meter provider of their own, what it exports, and a clock that they move."""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import settings
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_recmon import MetricsCollector, catalog
from otel_recmon.config import PREFIX, Settings
from otel_recmon.recording.instruments import SCOPE
from otel_recmon.recording.recorder import Recorder, recorder
from otel_recmon.recording.store import true_values

Labels = tuple[tuple[str, str], ...]
Series = dict[tuple[str, Labels], float]
Read = Callable[[], Series]

settings.register_profile("unit", deadline=None, max_examples=40)
settings.load_profile("unit")

NAMES = {metric.name: metric.prometheus for metric in catalog.METRICS}


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Client:
    """A client of an ASGI application in this process, whose own failures become a 500."""

    def __init__(self, app: Any) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request and return its whole answer."""
        return asyncio.run(self._sent(method, path, arguments))

    async def _sent(self, method: str, path: str, arguments: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://service") as client:
            return await client.request(method, path, **arguments)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        """Send a GET request."""
        return self.request("GET", path, **arguments)

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        """Send a POST request."""
        return self.request("POST", path, **arguments)


def labelled(**labels: str) -> Labels:
    """Return labels as the keys of a Series have them."""
    return tuple(sorted(labels.items()))


def named(series: Series, name: str) -> dict[Labels, float]:
    """Return the series of one name, by their labels."""
    return {labels: value for (found, labels), value in series.items() if found == name}


def exported(reader: InMemoryMetricReader) -> Iterator[tuple[str, Any]]:
    """Yield the Prometheus name and the points of one export, ours only."""
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics if scope.scope.name == SCOPE else ():
                for point in metric.data.data_points:
                    yield NAMES[metric.name], point


def once(reader: InMemoryMetricReader) -> Series:
    """Return what a single export holds; histograms as their ``_count`` and ``_sum``."""
    found: Series = {}
    for name, point in exported(reader):
        labels = tuple(sorted(point.attributes.items()))
        if hasattr(point, "bucket_counts"):
            found[f"{name}_count", labels] = point.count
            found[f"{name}_sum", labels] = point.sum
        else:
            found[name, labels] = point.value
    return found


def recorded(reader: InMemoryMetricReader) -> Series:
    """Return what was recorded so far, with the true values of new series."""
    with true_values():
        return once(reader)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the variables of whoever runs the tests out of them."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until the test moves it."""
    return Clock()


@pytest.fixture
def reader() -> InMemoryMetricReader:
    """A reader that keeps what is exported."""
    return InMemoryMetricReader()


@pytest.fixture
def provider(reader: InMemoryMetricReader) -> Iterator[MeterProvider]:
    """A meter provider of this test alone."""
    provider = MeterProvider([reader], shutdown_on_exit=False)
    yield provider
    provider.shutdown()


@pytest.fixture
def series(reader: InMemoryMetricReader) -> Read:
    """Everything recorded so far, with the true values of new series, which other readers see as 0 at first."""

    def read() -> Series:
        return recorded(reader)

    return read


@pytest.fixture
def metrics(provider: MeterProvider) -> MetricsCollector:
    """A collector for the model version v1."""
    return MetricsCollector("v1", meter_provider=provider)


@pytest.fixture
def shared(provider: MeterProvider, clock: Clock) -> Recorder:
    """The recorder of this test's collectors, on the test's clock."""
    shared = recorder(provider)
    shared.configure(Settings(model_version="v1"))
    shared.store.clock = clock
    return shared
