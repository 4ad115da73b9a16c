"""Access to internals of the OpenTelemetry SDK, for operations that its API lacks. No other module uses them.

- ``forget`` deletes attribute sets. The SDK itself keeps them for the life of the process.
- ``ensure_own_instance`` gives each worker process a ``service.instance.id`` of its own.
- ``metric_readers`` lists the readers of a meter provider.
- ``hook_into`` finds out which reader collects, and when a meter provider flushes or shuts down.
- ``describe`` sets span attributes, and ``BoundHistogram`` records values, at a lower cost than the API.

Each function checks that the internals are as expected. If they are not (an "unknown SDK"), the function uses the API
or changes nothing.
"""

import logging
import os
from bisect import bisect_left
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from functools import partial, wraps
from multiprocessing import parent_process
from time import time_ns
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from opentelemetry.context import Context, get_current
from opentelemetry.metrics import Histogram

_logger = logging.getLogger("otel_recmon")

EXEMPLAR_NS: Final = 100_000_000
"""The shortest time between two exemplars of one bucket, in nanoseconds.

An exemplar costs as much as the rest of the measurement, and an export contains only the last exemplar of a bucket.
"""

_TRACING: Final = "opentelemetry.sdk.trace"
"""The module of the SDK's own span class. A vendor's span class may have the same fields, but change attributes."""

_ONE_CONSUMER: Final = ("PeriodicExportingMetricReader", "InMemoryMetricReader")
collecting: ContextVar[object] = ContextVar("otel_recmon_collecting", default=None)
"""The metric reader that collects metrics now. None outside a collection, and always None for an unknown SDK."""

Keep = Callable[[str, Mapping[str, str]], bool]
Record = Callable[[float], None]


def forget(provider: object, scope: str, keep: Keep) -> bool:
    """Delete the aggregations of a scope for which ``keep(instrument name, attributes)`` is false.

    The SDK itself never deletes an aggregation. The aggregations of a retired model would count against the SDK's limit
    of 2,000 attribute sets, and a forked child would export the aggregations of its parent a second time.

    Returns:
        False, without a deletion, if the internals of the SDK are not as expected; else True.
    """
    with suppress(AttributeError, TypeError):
        for storage in _storages(provider):
            for instrument, matches in list(storage._instrument_view_instrument_matches.items()):
                if instrument.instrumentation_scope.name == scope:
                    for match in matches:
                        _prune(match, instrument.name, keep)
        return True
    return False


def instance(provider: object) -> str | None:
    """Return the ``service.instance.id`` of a provider's resource; None without an id, or for an unknown SDK."""
    with suppress(AttributeError):
        found = _real(provider)._sdk_config.resource.attributes.get("service.instance.id")
        return None if found is None else str(found)
    return None


def renew_instance(provider: object) -> bool:
    """Give a provider a new ``service.instance.id``, as the SDK itself does in a forked child.

    Returns:
        False, without a change, if the internals of the SDK are not as expected; else True.
    """
    before = instance(provider)
    with suppress(ImportError, AttributeError, TypeError):
        from opentelemetry.sdk.resources import ServiceInstanceIdResourceDetector  # noqa: PLC0415 - not every SDK has it

        _real(provider)._update_resource(ServiceInstanceIdResourceDetector().detect())
    return instance(provider) != before


def metric_readers(provider: Any) -> list[Any]:
    """Return the metric readers of a provider; [] for an unknown SDK."""
    with suppress(AttributeError):
        return list(_real(provider)._measurement_consumer._reader_storages)
    return []


def is_shutting_down(provider: object) -> bool:
    """Return whether the shutdown of a meter provider has begun; False for an unknown SDK."""
    return getattr(_real(provider), "_shutdown", False) is True


def hook_into(provider: object, prepare: Callable[[Callable[[], object]], None]) -> bool:
    """Set ``collecting`` during each collection, and call ``prepare`` before each flush and before the shutdown.

    Args:
        provider: A meter provider. Some of its methods are replaced.
        prepare: A function that must not raise an exception. Its argument is a function that exports all metrics once.

    Returns:
        False, without a change, if the provider is a proxy of the API or the internals of the SDK are not as expected;
        else True.
    """
    real: Any = _real(provider)
    try:
        flush, shutdown, consumer = real.force_flush, real.shutdown, real._measurement_consumer
        collections = [(reader, reader._collect) for reader in consumer._reader_storages]
        consumer.collect = _marked(consumer.collect)  # for the readers that are added later
    except AttributeError:
        return False
    for reader, collect in collections:
        reader._collect = _marked(collect)

    def prepared(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            prepare(flush)
            return original(*args, **kwargs)

        return call

    real.force_flush, real.shutdown = prepared(flush), prepared(shutdown)
    return True


def has_one_consumer(reader: object) -> bool:
    """Return whether a metric reader exports to one place only. Readers of other classes can have several scrapers."""
    return any(cls.__name__ in _ONE_CONSUMER for cls in type(reader).__mro__)


def _marked(collect: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(collect)
    def marked(reader: object, *args: Any, **kwargs: Any) -> Any:
        token = collecting.set(reader)
        try:
            return collect(reader, *args, **kwargs)
        finally:
            collecting.reset(token)

    return marked


def ensure_own_instance(provider: object) -> None:
    """Give a spawned worker its own ``service.instance.id`` if OTEL_RESOURCE_ATTRIBUTES sets one id for all workers.

    With the same id, the workers would overwrite each other's counts. The SDK renews the id in a forked child, but not
    in a spawned child, such as a worker of ``uvicorn --workers``.
    """
    shared = instance(provider)
    if shared is None or parent_process() is None or not _is_of_the_environment(shared):
        return
    renewed = renew_instance(provider)
    _logger.log(
        logging.WARNING if renewed else logging.ERROR,
        "otel-recmon: OTEL_RESOURCE_ATTRIBUTES gives every worker process the service.instance.id %r, so that the "
        "workers would overwrite each other's counts; %s",
        shared,
        f"this worker now uses {instance(provider)!r}"
        if renewed
        else "remove it, and each worker gets an id of its own",
    )


def _is_of_the_environment(value: str) -> bool:
    pairs = (pair.partition("=") for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    return any(name.strip() == "service.instance.id" and unquote(text.strip()) == value for name, _, text in pairs)


def _real(provider: Any) -> Any:
    return getattr(provider, "_real_meter_provider", None) or provider


def _storages(provider: Any) -> list[Any]:
    return list(_real(provider)._measurement_consumer._reader_storages.values())


def _prune(match: Any, name: str, keep: Keep) -> None:
    # In a forked child, the lock may be held by a thread that exists only in the parent. So the wait has a timeout.
    locked = match._lock.acquire(timeout=0.1)
    try:
        match._attributes_aggregation = {
            key: aggregation
            for key, aggregation in match._attributes_aggregation.items()
            if keep(name, aggregation._attributes or {})
        }
    finally:
        if locked:
            match._lock.release()


def describe(span: Any, attributes: Mapping[str, str | int | bool]) -> None:
    """Set attributes of a recording span. The values must be texts, whole numbers or booleans.

    ``set_attributes`` checks and copies each value, which costs as much as finding the items of a response. So the
    attributes are written directly into the span. Exceptions are an unknown SDK, an ended span, a limit on the length
    of values, and a span without room for so many attributes.
    """
    if type(span).__module__ != _TRACING or not _set_directly(span, attributes):
        span.set_attributes(attributes)


def _set_directly(span: Any, attributes: Mapping[str, str | int | bool]) -> bool:
    with suppress(AttributeError, TypeError):
        held = span._attributes
        with span._lock, held._lock:
            room = held.maxlen is None or len(held._dict) + len(attributes) <= held.maxlen
            if room and held.max_value_len is None and span._end_time is None:
                held._dict.update(attributes)
                return True
    return False


class BoundHistogram:
    """A histogram with a fixed set of attributes.

    ``Histogram.record`` checks, copies and hashes the attributes, which makes two thirds of the cost of a call. So
    only the first value is recorded by ``Histogram.record``, which creates the aggregations of these attributes.
    Further values go directly to these aggregations, with at most ten exemplars per second and bucket. With an unknown
    SDK, all values are recorded by ``Histogram.record``.
    """

    __slots__ = ("_attributes", "_histogram", "record")

    def __init__(self, histogram: Histogram, attributes: dict[str, str]) -> None:
        self._histogram = histogram
        self._attributes = attributes
        self.record: Record = self._record_by_api
        """Record a value, which must be finite and at least 0."""

    def _record_by_api(self, value: float) -> None:
        self._histogram.record(value, self._attributes)
        self.record = _direct_recorder(self._histogram, self._attributes, self._record_by_api) or self._record_by_api


class _Measured(NamedTuple):
    """The attributes of the SDK's ``Measurement`` that an aggregation reads."""

    value: float
    time_unix_nano: int
    attributes: dict[str, str]
    context: Context | None


_new = tuple.__new__  # faster than the constructor of a NamedTuple, which is a Python function


def _direct_recorder(histogram: Any, attributes: dict[str, str], by_api: Record) -> Record | None:
    """Return a function that records values directly. With an unknown SDK, return ``Histogram.record``.

    Return None if no provider is set yet: until then, the instrument is a proxy of the API.
    """
    instrument = getattr(histogram, "_real_instrument", histogram)
    if instrument is None:
        return None
    try:
        consumer = instrument._measurement_consumer
        storages = consumer._reader_storages
        is_sampled = consumer._sdk_config.exemplar_filter.should_sample
        is_enabled = instrument._is_enabled
        aggregations = [
            _aggregation(match, attributes)
            for storage in storages.values()
            for match in storage._instrument_view_instrument_matches[instrument]
        ]
        bounds = sorted({bound for aggregation in aggregations for bound in aggregation._boundaries})
    except (AttributeError, TypeError, LookupError):
        return partial(histogram.record, attributes=attributes)
    last_exemplar_ns = [0] * (len(bounds) + 1)

    def record(value: float) -> None:
        if consumer._reader_storages is not storages or not is_enabled():
            by_api(value)
            return
        now, context, sampled = time_ns(), None, False
        bucket = bisect_left(bounds, value)
        if not 0 <= now - last_exemplar_ns[bucket] < EXEMPLAR_NS:  # below 0 if the clock was set back
            context = get_current()
            sampled = is_sampled(value, now, attributes, context)
            if sampled:
                last_exemplar_ns[bucket] = now
        measured = _new(_Measured, (value, now, attributes, context))
        for aggregation in aggregations:
            aggregation.aggregate(measured, sampled)

    return record


def _aggregation(match: Any, attributes: dict[str, str]) -> Any:
    """Return the aggregation of a view for these attributes.

    Raises:
        LookupError: If there is no aggregation, or if the view starts new aggregations after each collection (delta
            temporality) or drops some of the attributes.
    """
    if match._reset_on_collect or match._view._attribute_keys is not None:
        raise LookupError
    found = [known for known in match._attributes_aggregation.values() if known._attributes == attributes]
    return found[0]
