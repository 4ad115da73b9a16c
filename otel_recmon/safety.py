"""Failures inside the plugin: counted, logged once, and kept from the host service.

Every handler of a broad exception in the run-time packages gives the error to a function of this module, or raises it.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from threading import Lock
from typing import Concatenate, ParamSpec, Protocol, TypeVar

_logger = logging.getLogger("otel_recmon")


class Faults:
    """The faults of one process: errors by site, unusable values by reason, label values over their cap by label.

    No value from outside is ever logged, because it may identify a person.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set all counts to 0, as a forked child must."""
        self._lock = Lock()
        self.errors: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self.overflowed: dict[str, int] = {}

    def error(self, site: str, error: BaseException) -> None:
        """Count a failure of the plugin's own code. The first one at each site is logged with its traceback."""
        if self._first(self.errors, site):
            _logger.error(
                "otel-recmon failed in %s; the service goes on, this measurement is lost", site, exc_info=error
            )

    def drop(self, reason: str, expected: str) -> None:
        """Count an unusable value. The first one for each reason is logged, with the value that was ``expected``."""
        if self._first(self.dropped, reason):
            _logger.warning("otel-recmon set a value aside (%s): expected %s", reason, expected)

    def overflow(self, label: str) -> None:
        """Count a label value that was folded into ``_other``."""
        if self._first(self.overflowed, label):
            _logger.warning(
                "otel-recmon: label %s has more values than its cap or its metric allows; the rest becomes _other",
                label,
            )

    def _first(self, counts: dict[str, int], key: str) -> bool:
        with self._lock:
            counts[key] = counts.get(key, 0) + 1
            return counts[key] == 1


class HasFaults(Protocol):
    """An object with a counter of faults."""

    @property
    def faults(self) -> Faults:
        """The counter."""


def swallow(faults: Faults, site: str, error: BaseException) -> None:
    """Count and log an error. It never raises, even if the counting fails."""
    with suppress(Exception):
        faults.error(site, error)


S = TypeVar("S", bound=HasFaults)
P = ParamSpec("P")
R = TypeVar("R")


def never_raises(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R | None]:
    """Make a function return None where it would raise, and count the failure under the function's name.

    The first argument of the function has the counter of faults.
    """
    site = method.__qualname__

    @wraps(method)
    def safe(self: S, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - kept from the host
            with suppress(Exception):
                swallow(self.faults, site, error)
            return None

    return safe  # type: ignore[return-value]  # the same, but for the name of its first parameter


def log_failed_start(error: Exception) -> None:
    """Log that the plugin could not start. Nothing counts it, because nothing exports metrics yet."""
    _logger.error("otel-recmon could not start; the service runs without its metrics", exc_info=error)
