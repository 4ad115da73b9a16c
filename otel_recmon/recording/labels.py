"""What may become a label value: cleaned, and at most as many as the label's cap."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from otel_recmon.catalog import OTHER

IDLE_SECONDS = 24 * 3600.0


class Labels(NamedTuple):
    """What a request is counted under."""

    model_version: str
    variant: str | None = None
    surface: str | None = None

    def attributes(self) -> dict[str, str]:
        """Return the labels that are known, as metric attributes."""
        return {name: value for name, value in zip(self._fields, self, strict=True) if value is not None}

    def folds(self) -> Iterator["Labels"]:
        """Yield these labels, then ever coarser ones: without surface, without variant, without version."""
        surface = self.surface and OTHER
        variant = self.variant and OTHER
        yield self
        yield Labels(self.model_version, self.variant, surface)
        yield Labels(self.model_version, variant, surface)
        yield Labels(OTHER, variant, surface)


class Vocabulary:
    """The values one label may have: the reserved ones, and as many others as the cap leaves room for.

    When a value was last used matters only once all slots are taken, so that only then is it kept up to date.
    """

    def __init__(self, label: str, cap: int) -> None:
        """Start with no value known."""
        self.label = label
        self.cap = cap
        self.full = False
        self._reserved: set[str] = set()
        self._used: dict[str, float] = {}

    def reserve(self, value: str, now: float = 0.0) -> None:
        """Keep a slot for a configured value, whatever comes."""
        self._reserved.add(value)
        self._used.setdefault(value, now)
        self.full = len(self._used) >= self.cap

    def release(self, value: str) -> None:
        """Let a value go the way of all others, once it is configured no longer."""
        self._reserved.discard(value)

    def admits(self, value: str, now: float) -> bool:
        """Say whether the value is known or still finds room, and remember that it was used."""
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
        """Note that values that are known were used at a time."""
        for value in values:
            if value in self._used:
                self._used[value] = max(self._used[value], used)

    def idle(self, now: float) -> set[str]:
        """Return the values that nothing has used for 24 hours."""
        if not self.full:
            return set()
        return {value for value, used in self._used.items() if now - used >= IDLE_SECONDS} - self._reserved

    def free(self, values: set[str]) -> None:
        """Give the slots of these values back."""
        for value in values:
            self._used.pop(value, None)
        self.full = len(self._used) >= self.cap
