"""Whatever fails inside the plugin, the service answers as if it were not there, and the failure is counted."""

import importlib
import inspect
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import CodeType, FrameType, ModuleType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from starlette.middleware.gzip import GZipMiddleware

import otel_recmon
from otel_recmon.attribution import HEADER
from otel_recmon.plugin import RecmonInstrumentor
from otel_recmon.recording.labels import Labels
from tests import web
from tests.stack.threaded import threaded

NOT_AT_RUN_TIME = ("artifacts", "cli", "demo", "doctor", "eventlog", "query", "report", "stack", "testing", "top")
COUNTING = ("Faults.", "swallow")
"""Names of the functions that count failures: when they fail themselves, nothing can be counted."""
ENVIRON = {
    "OTEL_RECMON_ENABLED": "true",
    "OTEL_RECMON_MODEL_VERSION": "v1",
    "OTEL_RECMON_CATALOG_SIZE": "100",
    "OTEL_RECMON_LOG_EVENTS": "true",
    "OTEL_RECMON_USER_HASH_KEY": "another key that is long enough",
    "OTEL_RECMON_METRICS_PATH": "/metrics",
    "OTEL_RECMON_IMPRESSION_ROUTES": "POST /seen",
    "OTEL_RECMON_VARIANT": "header:x-variant",
    "OTEL_RECMON_SURFACE": "query:surface",
    "OTEL_RECMON_OUTCOME": "meta.fallback",
    "OTEL_RECMON_USER": "header:x-user",
    "OTEL_RECMON_EXPERIMENT": "layout",
    "OTEL_RECMON_SKETCH_REGISTERS": "256",
    "OTEL_RECMON_SIGNING_KEY": "a key that is long enough for a test",
}
CALLS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/recommendations?surface=home&limit=3", None),
    ("GET", "/plain/recommendations", None),
    ("GET", "/lines/recommendations", None),
    ("GET", "/similar/recs?user_id=7", None),
    ("GET", "/tables/recommendations", None),
    ("GET", "/shelves/recommendations", None),
    ("GET", "/broken/recommendations", None),
    ("GET", "/missing/recommendations", None),
    ("POST", "/click", {"position": 2}),
    ("POST", "/conversion", {"revenue": 9.5}),
    ("POST", "/seen", {"positions": [1, 2]}),
    ("POST", "/events", {"events": [{"kind": "like", "data": {"item_id": 7}}]}),
    ("GET", "/health", None),
)
GENERATED = "<string>"
"""The file name of the methods that dataclasses generate."""
GUARDS = [
    "otel_recmon.integrations.signing.SignedSend.__call__",
    *(
        f"otel_recmon.integrations.asgi.{name}"
        for name in (
            "WatchMiddleware.__call__",
            "WatchMiddleware._flushing",
            "WatchMiddleware._watch",
            "WatchedRequest.end",
            "WatchedRequest.receive",
            "WatchedRequest.release",
            "WatchedRequest.send",
        )
    ),
]
PARSERS = [f"otel_recmon.parsers.{name}" for name in "boolean keys label path positive registers".split()]
OUT_OF_REACH = {
    **dict.fromkeys(PARSERS, "the settings table keeps a reference to the original"),
    **dict.fromkeys(GUARDS, "it is itself what keeps failures from the host"),
}
"""Functions that cannot be made to fail from here, with the reason."""
UNUSED = {
    "_version",
    "definitions",
    "errors",
    "findings",
    "formatting",
    "integrations",
    "integrations.asgi_types",
    "integrations.decorator",
    "recording",
    "recording.collector",
    "recording.item_catalog",
    "recording.model_age",
    "recording.model_values",
    "recording.optional",
    "recording.stages",
    "reading",
    "reading.words",
    "stats",
    "stats.histogram",
    "stats.intervals",
}
"""Modules that no request here runs through: other services, other requests or the command line use them."""
Answers = list[tuple[int, bytes, list[tuple[str, str]]]]


RESPONSES: dict[str, Any] = {
    "/plain/recommendations": ["a", "b"],
    "/similar/recs": [{"id": 7, "item": {"sku": "a", "title": "b"}}],
    "/tables/recommendations": {"ids": ["a", "b"], "scores": [0.5, 0.25]},
    "/shelves/recommendations": {"rows": [{"title": "New", "items": [{"id": 7}]}]},
}
"""Responses in several shapes, by their path."""


def _respond(response: Any) -> JSONResponse:
    return JSONResponse(response)


def service() -> FastAPI:
    """A service with a route for each way through the plugin."""
    app = FastAPI()
    app.add_middleware(GZipMiddleware, minimum_size=1)

    @app.get("/recommendations")
    async def recommendations() -> dict[str, Any]:
        items = [{"id": n, "genre": "Drama", "score": 0.5, "rank": n} for n in range(1, 4)]
        return {"meta": {"fallback": True}, "recommendations": items}

    for path, response in RESPONSES.items():
        app.get(path)(partial(_respond, response))

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
    @app.post("/events")
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
    """All answers of a service, down to the byte, but for the id that the plugin adds."""
    found = []
    with web.client(base_url=url, headers={"x-variant": "b", "x-user": "ann"}) as client:
        for method, path, body in CALLS:
            with client.stream(method, path, json=body) as answer:
                headers = [(k, v) for k, v in answer.headers.multi_items() if k not in ("date", HEADER.lower())]
                found.append((answer.status_code, b"".join(answer.iter_raw()), headers))
    return found


MODULES = [importlib.import_module(i.name) for i in pkgutil.walk_packages(otel_recmon.__path__, "otel_recmon.")]


def run_time(module: ModuleType) -> bool:
    """Return whether a service imports the module; the other modules belong to the command line."""
    return module.__name__.split(".")[1] not in NOT_AT_RUN_TIME


USED = [module.__name__ for module in MODULES if run_time(module) and module.__name__.partition(".")[2] not in UNUSED]


def forget_cached() -> None:
    """Empty the caches of all functions: a function behind a filled cache is not called."""
    for module in MODULES:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


@dataclass(frozen=True)
class Function:
    """A function or method of the run-time package: where it is defined, and the place that holds it."""

    module: str
    name: str
    holder: Any
    key: str
    value: Any

    @property
    def path(self) -> str:
        """Its name with that of its module."""
        return f"{self.module}.{self.name}"

    @property
    def code(self) -> CodeType | None:
        """The code object under its decorators; None if another module defines it."""
        value = self.value.__func__ if isinstance(self.value, classmethod | staticmethod) else self.value
        value = value.fget if isinstance(value, property) else value
        code = inspect.unwrap(value).__code__ if inspect.isfunction(value) else None
        own = code and code.co_filename in (sys.modules[self.module].__file__, GENERATED)
        return code if own else None


def functions() -> Iterator[Function]:
    """Every function and method that the run-time package itself defines."""
    for module in filter(run_time, MODULES):
        for key, value in list(vars(module).items()):
            if getattr(value, "__module__", "") != module.__name__:
                continue
            if inspect.isfunction(value):
                yield Function(module.__name__, key, module, key, value)
            elif inspect.isclass(value):
                for name, member in vars(value).items():
                    yield Function(module.__name__, f"{value.__name__}.{name}", value, name, member)


@contextmanager
def recorded() -> Iterator[dict[int, CodeType]]:
    """Collect the code that all threads execute, by its identity: equal code of two functions is not the same."""
    executed: dict[int, CodeType] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            executed[id(frame.f_code)] = frame.f_code

    sys.setprofile(note)
    threading.setprofile(note)
    try:
        yield executed
    finally:
        threading.setprofile(None)
        sys.setprofile(None)


@contextmanager
def failing(holder: Any, key: str, value: Any) -> Iterator[Callable[[], int]]:
    """Make a function raise wherever it is known, and yield how often it was called."""
    calls = [0]

    def raising(*_: Any, **__: Any) -> Any:
        calls[0] += 1
        raise RuntimeError("made to fail")

    stand_in = property(raising) if isinstance(value, property) else raising
    places = [(holder, key)] + [
        (module, name) for module in MODULES for name, known in list(vars(module).items()) if known is value
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


@pytest.fixture(scope="module")
def reached() -> list[Function]:
    """The functions that the plugin runs through when none of them fails."""
    forget_cached()
    with recorded() as executed, plugin(), threaded(service()) as url:
        answers(url)
    RecmonInstrumentor().uninstrument()
    return [function for function in functions() if id(function.code) in executed]


@dataclass(frozen=True)
class Result:
    """One run with a failing function; `errors` is None if the plugin did not start."""

    answers: Answers
    calls: int
    errors: int | None


def run_failing(function: Function) -> Result:
    """Make a function fail from before the service starts until it has ended."""
    forget_cached()
    try:
        with failing(function.holder, function.key, function.value) as calls, plugin() as instrumentor:
            with threaded(service()) as url:
                got = answers(url)
            observer = instrumentor._switch.observer if instrumentor._switch else None
            return Result(got, calls(), sum(observer.faults.errors.values()) if observer else None)
    finally:
        RecmonInstrumentor().uninstrument()


def problem(function: Function, bare: Answers, caplog: pytest.LogCaptureFixture) -> str:
    """Return what is wrong with a service in which a function fails; empty where nothing is."""
    caplog.clear()
    try:
        result = run_failing(function)
    except httpx.TransportError as error:
        return f"no response: {error!r}"
    if result.answers != bare:
        return f"other responses: {result.answers}"
    if result.errors is None:
        logged = "RecmonInstrumentor" in function.name or "could not start" in caplog.text
        return "" if logged else "the plugin did not start, and the log does not say so"
    if not result.calls:
        return "it was not called, so the run proves nothing"
    return "" if result.errors or any(part in function.name for part in COUNTING) else "its failure is not counted"


@pytest.mark.parametrize("module", USED)
def test_a_function_that_raises_changes_no_response_and_is_counted(
    module: str, reached: list[Function], bare: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    own = [one for one in reached if one.module == module and one.path not in OUT_OF_REACH]

    problems = {function.name: problem(function, bare, caplog) for function in own}

    assert {name: text for name, text in problems.items() if text} == {}


def test_each_module_is_made_to_fail_unless_it_is_listed_as_unused(reached: list[Function]) -> None:
    assert {function.module for function in reached} == set(USED)
    assert {function.path for function in reached} >= OUT_OF_REACH.keys()


def test_the_plugin_that_does_not_fail_sees_every_call(bare: Answers) -> None:
    with plugin() as instrumentor:
        with threaded(service()) as url:
            got = answers(url)
            exposed = web.get(f"{url}/metrics").text
        errors = dict(instrumentor._switch.observer.faults.errors)
        cells = instrumentor._switch.observer.recorder.store.cells(Labels("v1", "b", "home"))
    RecmonInstrumentor().uninstrument()

    assert got == bare
    assert errors == {}
    assert cells.requests == [1, 0, 0]
    assert exposed != '"the service\'s own"'
