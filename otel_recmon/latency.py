"""``monitor_latency``: times a handler and counts its request, whatever kind of function it is."""

import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from time import perf_counter
from typing import Any, TypeVar

from otel_recmon.catalog import ERROR, REJECTED, SUCCESS
from otel_recmon.collector import MetricsCollector
from otel_recmon.routing import rewire
from otel_recmon.scope import Scope, current

F = TypeVar("F", bound=Callable[..., Any])


def monitor_latency(metrics: MetricsCollector) -> Callable[[F], F]:
    """Return a decorator that records the latency and the success of each call of a function.

    It works on functions, coroutine functions, generators and asynchronous generators (which are timed until
    they are exhausted), under or over a FastAPI route, and keeps the signature. What the function raises goes
    on unchanged; an exception with a ``status_code`` below 500 counts as rejected. What the function records
    itself is not recorded again.

    >>> @monitor_latency(MetricsCollector(model_version="v1"))
    ... def recommendations(user_id: str) -> list[str]:
    ...     return ["a", "b"]

    Raises:
        ValueError: If ``metrics`` is no MetricsCollector, as when the parentheses were forgotten.
    """
    given: object = metrics
    if not isinstance(given, MetricsCollector):
        msg = f"monitor_latency needs a collector, as in @monitor_latency(metrics), not {given!r}"
        raise ValueError(msg)  # noqa: TRY004 - what a wrong call raises here, everywhere

    def decorate(function: F) -> F:
        monitored = _monitored(metrics, function)
        rewire(function, monitored)
        return monitored  # type: ignore[return-value]  # same signature, by wraps

    return decorate


def _monitored(metrics: MetricsCollector, function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(function):
        return _async_generator(metrics, function)
    if inspect.isgeneratorfunction(function):
        return _generator(metrics, function)
    if inspect.iscoroutinefunction(function):
        return _coroutine(metrics, function)

    @wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:
        with _timing(metrics):
            return function(*args, **kwargs)

    return timed


def _coroutine(metrics: MetricsCollector, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def timed(*args: Any, **kwargs: Any) -> Any:
        with _timing(metrics):
            return await function(*args, **kwargs)

    return timed


def _generator(metrics: MetricsCollector, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with _timing(metrics, shared=False):
            return (yield from function(*args, **kwargs))

    return timed


def _async_generator(metrics: MetricsCollector, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def timed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with _timing(metrics, shared=False):
            generator = function(*args, **kwargs)
            try:
                async for value in generator:
                    yield value
            finally:
                await generator.aclose()

    return timed


@contextmanager
def _timing(metrics: MetricsCollector, *, shared: bool = True) -> Iterator[None]:
    """Time a block and close its request, or leave that to the plugin, which sees the response as well.

    A generator does not share its scope with what runs between its steps.
    """
    outer = current.get()
    scope = outer if outer is not None else Scope()
    token = current.set(scope) if shared and outer is None else None
    start = perf_counter()
    status = SUCCESS
    try:
        yield
    except GeneratorExit:
        raise
    except BaseException as error:
        status = _status(error)
        raise
    finally:
        if token is not None:
            current.reset(token)
        metrics.finish(scope, status, perf_counter() - start)


def _status(error: BaseException) -> str:
    code = getattr(error, "status_code", None)
    return REJECTED if isinstance(code, int) and code < 500 else ERROR
