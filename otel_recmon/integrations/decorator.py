"""``monitor_latency``, the decorator that times a handler and counts its request."""

import gc
import inspect
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from time import perf_counter
from typing import Any, TypeVar

from otel_recmon.catalog import ERROR, REJECTED, SUCCESS
from otel_recmon.recording.collector import MetricsCollector
from otel_recmon.recording.request_context import RequestContext, current
from otel_recmon.recording.request_counts import finish_call

F = TypeVar("F", bound=Callable[..., Any])


def monitor_latency(metrics: MetricsCollector) -> Callable[[F], F]:
    """Return a decorator that records the latency and the success of each call of a function.

    It works on functions, coroutine functions, generators and asynchronous generators. It keeps their signatures. A
    generator is timed until it is exhausted. The decorator can be placed below or above the decorator of a FastAPI
    route. Exceptions pass unchanged; an exception with a ``status_code`` below 500 counts as rejected. Values that the
    function records itself are not recorded twice.

    >>> @monitor_latency(MetricsCollector(model_version="v1"))
    ... def recommendations(user_id: str) -> list[str]:
    ...     return ["a", "b"]

    Raises:
        ValueError: If ``metrics`` is not a MetricsCollector, for example because the parentheses are missing.
    """
    given: object = metrics
    if not isinstance(given, MetricsCollector):
        msg = f"monitor_latency needs a collector, as in @monitor_latency(metrics), not {given!r}"
        raise ValueError(msg)  # noqa: TRY004 - all wrong arguments of this package raise ValueError

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
        timing = _Timing(metrics)
        generator = function(*args, **kwargs)
        step, value = generator.send, None
        with timing.closing():
            while True:
                try:
                    with timing.sharing():
                        produced = step(value)
                except StopIteration as end:
                    return end.value
                try:
                    step, value = generator.send, (yield produced)
                except GeneratorExit:
                    generator.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - raised in the generator
                    step, value = generator.throw, error

    return timed


def _async_generator(metrics: MetricsCollector, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def timed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        timing = _Timing(metrics)
        generator = function(*args, **kwargs)
        step, value = generator.asend, None
        with timing.closing():
            while True:
                try:
                    with timing.sharing():
                        produced = await step(value)
                except StopAsyncIteration:
                    return
                try:
                    step, value = generator.asend, (yield produced)
                except GeneratorExit:
                    await generator.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - raised in the generator
                    step, value = generator.athrow, error

    return timed


@contextmanager
def _timing(metrics: MetricsCollector) -> Iterator[None]:
    timing = _Timing(metrics)
    with timing.closing(), timing.sharing():
        yield


class _Timing:
    """The timing of one call. At the end of the call, the request is recorded, unless an outer call records it."""

    def __init__(self, metrics: MetricsCollector) -> None:
        outer = current.get()
        self._defaults = metrics.defaults
        self._request = RequestContext() if outer is None else outer
        self._closes = outer is None or outer.closed_by_plugin
        self._start = perf_counter()

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Make the request available to the code in the block. For a generator, each step has a block of its own."""
        token = current.set(self._request)
        try:
            yield
        finally:
            current.reset(token)

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Record the request at the end of the block."""
        status = SUCCESS
        try:
            yield
        except GeneratorExit:
            raise
        except BaseException as error:
            status = _status(error)
            raise
        finally:
            if self._closes:
                finish_call(self._defaults, self._request, status, perf_counter() - self._start)


def _status(error: BaseException) -> str:
    code = getattr(error, "status_code", None)
    return REJECTED if isinstance(code, int) and code < 500 else ERROR


def rewire(function: Callable[..., Any], replacement: Callable[..., Any]) -> None:
    """Make the FastAPI routes of ``function`` call ``replacement``, if ``monitor_latency`` is above ``@app.get``.

    By then ``@app.get`` has registered the undecorated function, and FastAPI cannot look up the routes of a function.
    The garbage collector finds the route objects that refer to the function. This search runs once for each decorator,
    at set-up.
    """
    routing = sys.modules.get("fastapi.routing")
    if routing is None:
        return
    for holder in gc.get_referrers(function):
        for owner in (holder, *(gc.get_referrers(holder) if isinstance(holder, dict) else ())):
            if isinstance(owner, routing.Dependant) and owner.call is function:
                owner.call = replacement
            elif isinstance(owner, routing.APIRoute) and owner.endpoint is function:
                owner.endpoint = replacement
