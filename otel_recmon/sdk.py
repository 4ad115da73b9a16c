"""Access to private parts of the OpenTelemetry SDK, for needs that its API does not cover. No other module has any.

Each function works without the private part, only slower or with less, so that a new SDK cannot break a service:

- ``forget`` drops the series of retired models, which the SDK keeps for the life of the process.
- ``ensure_own_instance`` gives each worker process a ``service.instance.id`` of its own.
- ``metric_readers`` finds a Prometheus reader that is already there.
- ``describe`` and ``Series`` skip checks of attributes that never change.
"""

import logging
import os
from bisect import bisect_left
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from multiprocessing import parent_process
from time import time_ns
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from opentelemetry.context import Context, get_current
from opentelemetry.metrics import Histogram

_logger = logging.getLogger("otel_recmon")

EXEMPLAR_NS: Final = 100_000_000
"""Between two exemplars of one bucket: an export shows the last one only, and each costs as much as all the rest."""

_TRACING: Final = "opentelemetry.sdk.trace"
"""Where its spans are defined; those of others may look like them, and do more."""

Keep = Callable[[str, Mapping[str, str]], bool]
Record = Callable[[float], None]


def forget(provider: object, scope: str, keep: Keep) -> bool:
    """Drop the points of a scope's instruments that ``keep(instrument name, attributes)`` refuses.

    The SDK holds every attribute set for the life of the process: those of a retired model count against its
    limit of 2,000, and those copied into a forked child are exported a second time.

    Returns:
        Whether the SDK let us. Where its inside has changed, nothing is touched.
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
    """Return the service.instance.id that a provider exports under, as far as it can be seen."""
    with suppress(AttributeError):
        found = _real(provider)._sdk_config.resource.attributes.get("service.instance.id")
        return None if found is None else str(found)
    return None


def renew_instance(provider: object) -> bool:
    """Give a provider a service.instance.id of its own, as the SDK itself does in a forked child.

    Returns:
        Whether the SDK let us. Where its inside has changed, nothing is touched.
    """
    before = instance(provider)
    with suppress(ImportError, AttributeError, TypeError):
        from opentelemetry.sdk.resources import ServiceInstanceIdResourceDetector  # noqa: PLC0415 - it may be absent

        _real(provider)._update_resource(ServiceInstanceIdResourceDetector().detect())
    return instance(provider) != before


def metric_readers(provider: Any) -> list[Any]:
    """Return the metric readers of a provider; [] if they cannot be seen."""
    with suppress(AttributeError):
        return list(_real(provider)._measurement_consumer._reader_storages)
    return []


def ensure_own_instance(provider: object) -> None:
    """Give a spawned worker an id of its own if OTEL_RESOURCE_ATTRIBUTES gives all workers the same.

    Under one id, the workers would overwrite each other's counts. The SDK renews the id in a forked child, but not in
    a spawned one, such as those of ``uvicorn --workers``.
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
    # The timeout is for a forked child, in which a lock may be held by a thread that no longer exists.
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
    """Set attributes of a span that is recording; their values are short texts, numbers and truths.

    The public way checks and copies each value again, which costs as much as finding the items of a response. Where the
    SDK is another one than we know, or has limits that these attributes may meet, they go on the public way.
    """
    if type(span).__module__ != _TRACING or not _described(span, attributes):
        span.set_attributes(attributes)


def _described(span: Any, attributes: Mapping[str, str | int | bool]) -> bool:
    with suppress(AttributeError, TypeError):
        held = span._attributes
        with span._lock, held._lock:
            room = held.maxlen is None or len(held._dict) + len(attributes) <= held.maxlen
            if room and held.max_value_len is None and span._end_time is None:
                held._dict.update(attributes)
                return True
    return False


class Series:
    """A histogram under one set of attributes that never change.

    The public way checks, copies and hashes the attributes at every call, which is two thirds of its cost. Once
    it has made the aggregations of these attributes, values go straight to them, exemplars included, of each
    bucket ten a second at most; where the SDK is another one than we know, they go on the public way.
    """

    __slots__ = ("_attributes", "_histogram", "record")

    def __init__(self, histogram: Histogram, attributes: dict[str, str]) -> None:
        """Know the histogram and the attributes; nothing is recorded yet."""
        self._histogram = histogram
        self._attributes = attributes
        self.record: Record = self._publicly
        """Records a value, which is finite and not below 0."""

    def _publicly(self, value: float) -> None:
        self._histogram.record(value, self._attributes)
        self.record = _straight(self._histogram, self._attributes, self._publicly) or self._publicly


class _Measured(NamedTuple):
    """What an aggregation asks of a measurement."""

    value: float
    time_unix_nano: int
    attributes: dict[str, str]
    context: Context | None


_new = tuple.__new__


def _straight(histogram: Any, attributes: dict[str, str], publicly: Record) -> Record | None:
    """Return what records a value, or does so publicly where it cannot; None while there is no SDK, which may come."""
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
    shown = [0] * (len(bounds) + 1)

    def record(value: float) -> None:
        if consumer._reader_storages is not storages or not is_enabled():
            publicly(value)
            return
        now, context, sampled = time_ns(), None, False
        bucket = bisect_left(bounds, value)
        if not 0 <= now - shown[bucket] < EXEMPLAR_NS:  # a clock may be set back
            context = get_current()
            sampled = is_sampled(value, now, attributes, context)
            if sampled:
                shown[bucket] = now
        measured = _new(_Measured, (value, now, attributes, context))
        for aggregation in aggregations:
            aggregation.aggregate(measured, sampled)

    return record


def _aggregation(match: Any, attributes: dict[str, str]) -> Any:
    """Return where a view counts these attributes.

    Raises:
        LookupError: If it counts them elsewhere after each reading, or without some of them.
    """
    if match._reset_on_collect or match._view._attribute_keys is not None:
        raise LookupError
    found = [known for known in match._attributes_aggregation.values() if known._attributes == attributes]
    return found[0]
