"""The state of a route that may return recommendations: its requests are held until a response has items."""

from dataclasses import dataclass, field
from typing import Final

from otel_recmon.catalog import NOT_MODIFIED, SUCCESS
from otel_recmon.reading import usual_names
from otel_recmon.reading.exchange import Exchange
from otel_recmon.reading.ranks import keys_with, recommending_keys
from otel_recmon.reading.route_words import GUESSES, Certainty
from otel_recmon.reading.shapes import find_items
from otel_recmon.recording.observation import Observation
from otel_recmon.recording.slate import Slate

MOST_HELD: Final = 100
"""The maximum number of requests that are held."""
MOST_MISSES: Final = 20
"""The number of successful responses without items after which the route is no longer watched."""


@dataclass
class Guess:
    """A route whose template does not say for sure that it returns recommendations."""

    certainty: Certainty
    finds_alike: bool = False
    """Whether the route returns items like another item."""
    confirmed: bool = False
    rejected: bool = False
    misses: int = 0
    """The number of successful responses without items."""
    held: list[tuple[Observation, str | None, float]] = field(default_factory=list)
    """The observation, the status and the duration in seconds of each request before the first response with items."""

    def fits(self, slate: Slate | None, exchange: Exchange) -> bool:
        """Return whether a slate confirms the guess.

        The less the template says, the more the response must say. A list of words may be completions or advice, and
        objects with an id may be settings.
        """
        if slate is None or not slate.items:
            return False
        if self.certainty is Certainty.LIKELY:
            return True
        if usual_names.named(usual_names.SEARCHES, exchange) and usual_names.user(exchange) is None:
            return False  # a search, or completions of what somebody types
        return _says_enough(slate, exchange, self)

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


def _says_enough(slate: Slate, exchange: Exchange, guess: Guess) -> bool:
    found = find_items(exchange.response)
    fields = None if found is None else found.fields
    is_scored = bool(slate.scores or slate.categories) or all(isinstance(item, int) for item in slate.items)
    keys = recommending_keys(exchange.response)
    if guess.certainty is Certainty.FAINT:
        return bool(keys) and (is_scored or fields is not None)
    keys += keys_with(GUESSES, exchange.response)
    if is_scored or (keys and fields is not None) or any("suggest" not in key for key in keys):
        return True  # but texts called suggestions are completions
    if guess.finds_alike and exchange.path_params and not (fields and fields.by_id):
        return True  # titles like a title; objects with an id may be settings
    is_asked_for = usual_names.user(exchange) is not None or usual_names.names_item(exchange)
    return fields is not None and fields.by_id and is_asked_for
