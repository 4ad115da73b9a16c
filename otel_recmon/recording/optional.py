"""A decorator for the optional parts of recording, which are recommendation ids and the event log."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from otel_recmon.safety import HasFaults, never_raises


class OptionalPart(HasFaults, Protocol):
    """A part of recording that a setting can switch on."""

    enabled: bool


S = TypeVar("S", bound=OptionalPart)
P = ParamSpec("P")
R = TypeVar("R")


def when_enabled(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R | None]:
    """Decorate a method of an optional part. The method returns None while the part is off, and never raises.

    Callers therefore need not check whether the part is on.
    """
    safe = never_raises(method)

    @wraps(method)
    def switched(self: S, *args: P.args, **kwargs: P.kwargs) -> R | None:
        return safe(self, *args, **kwargs) if self.enabled else None

    return switched  # type: ignore[return-value]  # the same, but for the name of its first parameter
