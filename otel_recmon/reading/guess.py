"""The state of a route that may return recommendations: its requests are held until a response has items."""

from dataclasses import dataclass, field
from typing import Final

from otel_recmon.catalog import NOT_MODIFIED, SUCCESS
from otel_recmon.recording.observation import Observation
from otel_recmon.recording.slate import Slate

MOST_HELD: Final = 100
"""The maximum number of requests that are held."""
MOST_MISSES: Final = 20
"""The number of successful responses without items after which the route is no longer watched."""


@dataclass
class Guess:
    """A route whose template does not say for sure that it returns recommendations."""

    needs_evidence: bool
    """Whether the items of a response must have a score, a category or whole numbers as ids to confirm the guess."""
    confirmed: bool = False
    rejected: bool = False
    misses: int = 0
    """The number of successful responses without items."""
    held: list[tuple[Observation, str | None, float]] = field(default_factory=list)
    """The observation, the status and the duration in seconds of each request before the first response with items."""

    def fits(self, slate: Slate | None) -> bool:
        """Return whether a slate confirms the guess. A list of words may be completions, objects may be settings."""
        if slate is None or not slate.items:
            return False
        if not self.needs_evidence:
            return True
        return bool(slate.scores or slate.categories) or all(isinstance(item, int) for item in slate.items)

    def hold(self, seen: Observation, status: str | None, seconds: float) -> bool:
        """Hold a request. Return whether the guess is now rejected, after too many responses without items."""
        self.misses += status == SUCCESS and seen.outcome != NOT_MODIFIED and not _is_empty(seen.slate)
        if self.misses >= MOST_MISSES:
            self.rejected, self.held = True, []
        elif len(self.held) < MOST_HELD:
            self.held.append((seen, status, seconds))
        return self.rejected


def _is_empty(slate: Slate | None) -> bool:
    return slate is not None and slate.items is not None and not slate.items
