"""Containment of failures: errors and unusable values are counted, and never reach the service.

In all code that a service runs, ``except Exception`` passes the error to this module or raises the error again.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from threading import Lock
from typing import Concatenate, ParamSpec, Protocol, TypeVar

_logger = logging.getLogger("otel_recmon")


class Faults:
    """Counts of the errors, unusable values and overflowing labels of one process.

    The first error of each site, the first value of each reason and the first overflow of each label are also logged.
    The message never contains a value that came from outside, because the value may identify a person.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Reset all counts. A forked child does this, because it starts with a copy of the counts of its parent."""
        self._lock = Lock()
        self.errors: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self.overflowed: dict[str, int] = {}

    def error(self, site: str, error: BaseException) -> None:
        """Count an error of otel-recmon by its site. The first time for each site, log the traceback."""
        if self._first(self.errors, site):
            _logger.error(
                "otel-recmon failed in %s; the service is not affected, one measurement is lost", site, exc_info=error
            )

    def drop(self, reason: str, expected: str) -> None:
        """Count a dropped value by its reason. The first time for each reason, log the expected form of the value."""
        if self._first(self.dropped, reason):
            _logger.warning("otel-recmon dropped a value (%s): expected %s", reason, expected)

    def overflow(self, label: str) -> None:
        """Count a label value that was replaced by ``_other``. The first time for each label, log a warning."""
        if self._first(self.overflowed, label):
            _logger.warning(
                "otel-recmon: label %s has more values than its cap or its metric allows; further values become _other",
                label,
            )

    def _first(self, counts: dict[str, int], key: str) -> bool:
        with self._lock:
            counts[key] = counts.get(key, 0) + 1
            return counts[key] == 1


class HasFaults(Protocol):
    """An object whose methods may be decorated with ``never_raises``."""

    @property
    def faults(self) -> Faults:
        """The counts of the failures of this object."""


def swallow(faults: Faults, site: str, error: BaseException) -> None:
    """Count an error under its site. Suppress any error in the counting itself."""
    with suppress(Exception):
        faults.error(site, error)


S = TypeVar("S", bound=HasFaults)
P = ParamSpec("P")
R = TypeVar("R")


def never_raises(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R | None]:
    """Decorate a method so that it never raises: it counts an exception under the method's name and returns None."""
    site = method.__qualname__

    @wraps(method)
    def safe(self: S, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - no error of otel-recmon may reach the service
            with suppress(Exception):
                swallow(self.faults, site, error)
            return None

    return safe  # type: ignore[return-value]  # the types differ only in the name of the first parameter


def log_failed_start(error: Exception) -> None:
    """Log that otel-recmon could not start. The error is not counted, because nothing exports metrics yet."""
    _logger.error("otel-recmon could not start; the service runs without its metrics", exc_info=error)
