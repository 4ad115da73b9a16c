"""Whatever fails inside the plugin, the service answers as if it were not there, and the failure is counted."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from starlette.middleware.gzip import GZipMiddleware

import otel_recmon
from otel_recmon.plugin import RecmonInstrumentor
from tests.stack.threaded import threaded

NOT_AT_RUN_TIME = ("artifacts", "cli", "demo", "eventlog", "stack", "testing", "top")
COUNTING = ("Faults.", "swallow")
"""What counts the failures: where it is what fails, nothing can be counted."""
ENVIRON = {
    "OTEL_RECMON_ENABLED": "true",
    "OTEL_RECMON_MODEL_VERSION": "v1",
    "OTEL_RECMON_CATALOG_SIZE": "100",
    "OTEL_RECMON_LOG_EVENTS": "true",
    "OTEL_RECMON_METRICS_PATH": "/metrics",
    "OTEL_RECMON_IMPRESSION_ROUTES": "POST /seen",
    "OTEL_RECMON_VARIANT": "header:x-variant",
    "OTEL_RECMON_SURFACE": "query:surface",
    "OTEL_RECMON_OUTCOME": "meta.fallback",
}
CALLS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/recommendations?surface=home&limit=3", None),
    ("GET", "/plain/recommendations", None),
    ("GET", "/lines/recommendations", None),
    ("GET", "/broken/recommendations", None),
    ("GET", "/missing/recommendations", None),
    ("POST", "/click", {"position": 2}),
    ("POST", "/conversion", {"revenue": 9.5}),
    ("POST", "/seen", {"positions": [1, 2]}),
    ("GET", "/health", None),
)
Answers = list[tuple[int, bytes, list[tuple[str, str]]]]


def service() -> FastAPI:
    """A service with a route for each way through the plugin."""
    app = FastAPI()
    app.add_middleware(GZipMiddleware, minimum_size=1)

    @app.get("/recommendations")
    async def recommendations() -> dict[str, Any]:
        items = [{"id": n, "genre": "Drama", "score": 0.5, "rank": n} for n in range(1, 4)]
        return {"meta": {"fallback": True}, "recommendations": items}

    @app.get("/plain/recommendations")
    def plain() -> list[str]:
        return ["a", "b"]

    @app.get("/lines/recommendations")
    async def lines() -> StreamingResponse:
        return StreamingResponse(iter(['{"id": 1}\n', '{"id": 2}\n']), media_type="application/x-ndjson")

    @app.get("/broken/recommendations")
    async def broken() -> None:
        raise HTTPException(503)

    @app.get("/missing/recommendations")
    async def missing() -> None:
        raise HTTPException(404)

    @app.post("/click")
    @app.post("/conversion")
    @app.post("/seen")
    async def event(request: Request) -> Any:
        return await request.json()

    @app.get("/health")
    async def health() -> str:
        return "ok"

    @app.get("/metrics")
    async def metrics() -> str:
        return "the service's own"

    return app


def answers(url: str) -> Answers:
    """All answers of a service, down to the byte."""
    found = []
    with httpx.Client(base_url=url, headers={"x-variant": "b"}) as client:
        for method, path, body in CALLS:
            with client.stream(method, path, json=body) as answer:
                headers = [(k, v) for k, v in answer.headers.multi_items() if k != "date"]
                found.append((answer.status_code, b"".join(answer.iter_raw()), headers))
    return found


def functions() -> Iterator[tuple[str, Any, str, Any]]:
    """Every function and method that the run-time package defines: its name, its holder, key and value."""
    for info in pkgutil.walk_packages(otel_recmon.__path__, "otel_recmon."):
        if info.name.split(".")[1] in NOT_AT_RUN_TIME:
            continue
        module = importlib.import_module(info.name)
        for key, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == info.name:
                yield f"{info.name}.{key}", module, key, value
            elif inspect.isclass(value) and value.__module__ == info.name:
                yield from _methods(info.name, value)


def _methods(module: str, cls: type) -> Iterator[tuple[str, Any, str, Any]]:
    for key, value in vars(cls).items():
        plain = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        generated = inspect.isfunction(plain) and plain.__code__.co_filename == "<string>" and key != "__init__"
        if not generated and (inspect.isfunction(plain) or isinstance(plain, property)):
            yield f"{module}.{cls.__name__}.{key}", cls, key, value


@contextmanager
def failing(holder: Any, key: str, value: Any) -> Iterator[Callable[[], int]]:
    """Make a function raise wherever it is known, and yield how often it was called."""
    calls = [0]

    def raising(*_: Any, **__: Any) -> Any:
        calls[0] += 1
        raise RuntimeError("made to fail")

    stand_in = property(raising) if isinstance(value, property) else raising
    modules = [importlib.import_module(i.name) for i in pkgutil.walk_packages(otel_recmon.__path__, "otel_recmon.")]
    places = [(holder, key)] + [
        (module, name) for module in modules for name, known in list(vars(module).items()) if known is value
    ]
    originals = [(place, name, vars(place)[name]) for place, name in places]
    for place, name in places:
        setattr(place, name, stand_in)
    try:
        yield lambda: calls[0]
    finally:
        for place, name, original in originals:
            setattr(place, name, original)


@contextmanager
def plugin() -> Iterator[RecmonInstrumentor]:
    """The plugin switched on as an instrumentor does, whatever that raises."""
    provider = MeterProvider([InMemoryMetricReader()])
    instrumentor = RecmonInstrumentor()
    with suppress(RuntimeError):
        instrumentor.instrument(environ=ENVIRON, meter_provider=provider)
    try:
        yield instrumentor
    finally:
        provider.shutdown()


@pytest.fixture(scope="module")
def bare() -> Answers:
    """What the service answers without the plugin."""
    with threaded(service()) as url:
        return answers(url)


@pytest.mark.parametrize(("name", "holder", "key", "value"), [pytest.param(*row, id=row[0]) for row in functions()])
def test_a_function_that_raises_changes_no_response_and_is_counted(
    name: str, holder: Any, key: str, value: Any, bare: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    with failing(holder, key, value) as called, plugin() as instrumentor:
        with threaded(service()) as url:
            got = answers(url)
        observer = instrumentor._host.observer if instrumentor._host else None
        errors = sum(observer.faults.errors.values()) if observer else 0
        times = called()
    RecmonInstrumentor().uninstrument()

    assert got == bare
    counted = errors > 0 or observer is None or any(part in name for part in COUNTING)
    assert not times or counted
    assert observer is not None or "RecmonInstrumentor" in name or "could not start" in caplog.text


def test_the_plugin_that_does_not_fail_sees_every_call(bare: Answers) -> None:
    with plugin() as instrumentor:
        with threaded(service()) as url:
            got = answers(url)
            exposed = httpx.get(f"{url}/metrics").text
        errors = dict(instrumentor._host.observer.faults.errors)
        cells = instrumentor._host.observer.metrics.recorder.store.cells(otel_recmon.labels.Labels("v1", "b", "home"))
    RecmonInstrumentor().uninstrument()

    assert got == bare
    assert errors == {}
    assert cells.requests == [1, 0, 0]
    assert exposed != '"the service\'s own"'
