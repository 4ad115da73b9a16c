"""The one place that reaches into the OpenTelemetry SDK, for what its API cannot do: forget a series."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

Keep = Callable[[str, Mapping[str, str]], bool]


def forget(provider: object, scope: str, keep: Keep) -> bool:
    """Drop the points of a scope's instruments that ``keep(instrument name, attributes)`` refuses.

    The SDK holds every attribute set for the life of the process: those of a retired model count against its
    limit of 2,000, and those copied into a forked child are exported a second time.

    Returns:
        Whether the SDK let us. Where its inside has changed, nothing is touched.
    """
    with suppress(AttributeError, TypeError):
        for storage in _storages(provider):
            for instrument, matches in list(storage._instrument_view_instrument_matches.items()):  # noqa: SLF001
                if instrument.instrumentation_scope.name == scope:
                    for match in matches:
                        _prune(match, instrument.name, keep)
        return True
    return False


def _storages(provider: Any) -> list[Any]:
    real = getattr(provider, "_real_meter_provider", None) or provider
    return list(real._measurement_consumer._reader_storages.values())  # noqa: SLF001


def _prune(match: Any, name: str, keep: Keep) -> None:
    # The timeout is for a forked child, in which a lock may be held by a thread that no longer exists.
    locked = match._lock.acquire(timeout=0.1)  # noqa: SLF001
    try:
        match._attributes_aggregation = {  # noqa: SLF001
            key: aggregation
            for key, aggregation in match._attributes_aggregation.items()  # noqa: SLF001
            if keep(name, aggregation._attributes or {})  # noqa: SLF001
        }
    finally:
        if locked:
            match._lock.release()  # noqa: SLF001
