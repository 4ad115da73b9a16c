"""What may become a label value: cleaned, and at most as many as the label's cap."""

from collections.abc import Iterator
from typing import NamedTuple

from otel_recmon.catalog import OTHER

LONGEST_VALUE = 100
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


def clean(value: object) -> str | None:
    """Return a value as a label, or None where it cannot be one: only short text and numbers can."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    return text if 0 < len(text) <= LONGEST_VALUE else None


class Vocabulary:
    """The values one label may have: the reserved ones, and as many others as the cap leaves room for."""

    def __init__(self, label: str, cap: int) -> None:
        """Start with no value known."""
        self.label = label
        self.cap = cap
        self.reserved: set[str] = set()
        self.used: dict[str, float] = {}

    def reserve(self, value: str) -> None:
        """Keep a slot for a configured value, whatever comes."""
        self.reserved.add(value)
        self.used.setdefault(value, 0.0)

    def admits(self, value: str, now: float) -> bool:
        """Say whether the value is known or still finds room, and remember that it was used."""
        if value not in self.used and value != OTHER and len(self.used) >= self.cap:
            return False
        if value != OTHER:
            self.used[value] = now
        return True

    def touch(self, value: str, used: float) -> None:
        """Note when a known value was last used."""
        if value in self.used:
            self.used[value] = max(self.used[value], used)

    def idle(self, now: float) -> set[str]:
        """Return the values that nothing has used for 24 hours."""
        return {
            value
            for value, used in self.used.items()
            if now - used >= IDLE_SECONDS and value not in self.reserved
        }

    def free(self, values: set[str]) -> None:
        """Give the slots of these values back."""
        for value in values:
            self.used.pop(value, None)
