"""The one place that swallows: what goes wrong inside is counted, logged once, and kept from the host."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from threading import Lock
from typing import Concatenate, ParamSpec, Protocol, TypeVar

_logger = logging.getLogger("otel_recmon")


class Faults:
    """What one process set aside: errors by site, unusable values by reason, labels over their cap.

    The log never holds a value that came from outside, for it may identify a person.
    """

    def __init__(self) -> None:
        """Start with nothing counted."""
        self.forget()

    def forget(self) -> None:
        """Start over, as a forked child must."""
        self._lock = Lock()
        self.errors: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self.overflowed: dict[str, int] = {}

    def error(self, site: str, error: BaseException) -> None:
        """Count a failure of our own code; its traceback is logged the first time."""
        if self._first(self.errors, site):
            _logger.error(
                "otel-recmon failed in %s; the service goes on, this measurement is lost", site, exc_info=error
            )

    def drop(self, reason: str, expected: str) -> None:
        """Count an unusable value; what would have been right is logged the first time."""
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
    """Anything that knows where its failures are counted."""

    @property
    def faults(self) -> Faults:
        """Where failures are counted."""


def swallow(faults: Faults, site: str, error: BaseException) -> None:
    """Count ``error``; not even the counting may fail."""
    with suppress(Exception):
        faults.error(site, error)


S = TypeVar("S", bound=HasFaults)
P = ParamSpec("P")
R = TypeVar("R")


def never_raises(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R | None]:
    """Make a method return None where it would raise, and count the failure under the method's name."""
    site = method.__qualname__

    @wraps(method)
    def safe(self: S, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - this is the one place that swallows
            with suppress(Exception):
                swallow(self.faults, site, error)
            return None

    return safe  # type: ignore[return-value]  # the same, but for the name of its first parameter
