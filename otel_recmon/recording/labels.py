"""The labels of a request, and the values that a label may have."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from otel_recmon.catalog import OTHER

IDLE_SECONDS = 24 * 3600.0


class ExportedSeries(NamedTuple):
    """The attributes of an exported series, and the times of its first readings."""

    attributes: dict[str, str]
    first_read: dict[int, float]
    """The time at which each metric reader first read the series, in seconds since 1970, by ``id(reader)``."""


class Labels(NamedTuple):
    """The labels under which a request is counted."""

    model_version: str
    variant: str | None = None
    surface: str | None = None

    def attributes(self) -> dict[str, str]:
        """Return the known labels as metric attributes."""
        return {name: value for name, value in zip(self._fields, self, strict=True) if value is not None}

    def folds(self) -> Iterator["Labels"]:
        """Yield these labels, then coarser labels.

        First ``_other`` replaces the surface, then also the variant, then also the model version.
        """
        surface = self.surface and OTHER
        variant = self.variant and OTHER
        yield self
        yield Labels(self.model_version, self.variant, surface)
        yield Labels(self.model_version, variant, surface)
        yield Labels(OTHER, variant, surface)


class Vocabulary:
    """The admitted values of one label. The label has ``cap`` slots, and each value takes one slot.

    A reserved value is admitted even if no slot is free. The time of the last use of a value is needed only when all
    slots are taken. Until then, this time is not kept up to date.
    """

    def __init__(self, label: str, cap: int) -> None:
        self.label = label
        self.cap = cap
        self.full = False
        self._reserved: set[str] = set()
        self._used: dict[str, float] = {}

    def reserve(self, value: str, now: float = 0.0) -> None:
        """Keep a slot for a configured value."""
        self._reserved.add(value)
        self._used.setdefault(value, now)
        self.full = len(self._used) >= self.cap

    def release(self, value: str) -> None:
        """Remove the reservation of a value that is no longer configured."""
        self._reserved.discard(value)

    def admit(self, value: str, now: float) -> bool:
        """Add a value or note its use. Return False if the value is new and there is no free slot."""
        if value == OTHER:
            return True
        if value not in self._used and len(self._used) >= self.cap:
            return False
        self._used[value] = now
        if not self.full and len(self._used) >= self.cap:
            self.full = True
            self._used = dict.fromkeys(self._used, now)
        return True

    def touch(self, values: Iterable[str], used: float) -> None:
        """Note that values were used at the time ``used``. Values without a slot are ignored."""
        for value in values:
            if value in self._used:
                self._used[value] = max(self._used[value], used)

    def idle(self, now: float) -> set[str]:
        """Return the values, except reserved ones, that were unused for 24 hours; the empty set if a slot is free."""
        if not self.full:
            return set()
        return {value for value, used in self._used.items() if now - used >= IDLE_SECONDS} - self._reserved

    def free(self, values: set[str]) -> None:
        """Free the slots of these values."""
        for value in values:
            self._used.pop(value, None)
        self.full = len(self._used) >= self.cap
