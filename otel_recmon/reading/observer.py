"""The observer. It finds the reader for the route of a request, and records each finished request."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from otel_recmon.catalog import REJECTED
from otel_recmon.config import Settings
from otel_recmon.reading.advice import Adviser, unknown_kinds, unrecognized
from otel_recmon.reading.exchange import ABANDONED, Exchange
from otel_recmon.reading.guess import Guess
from otel_recmon.reading.reader import Reader, Readers
from otel_recmon.reading.route_words import Certainty, finds_alike
from otel_recmon.reading.routes import Routes
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.observation import NOTHING_OBSERVED, Observation, record_observation
from otel_recmon.recording.request_context import RequestContext
from otel_recmon.sdk import describe

_logger = logging.getLogger("otel_recmon")

MOST_ROUTES: Final = 4096
"""The maximum number of routes with a cached reader. A client could otherwise fill the memory with invented methods."""


class Observer:
    """Watches the routes of a service, and records requests with the defaults of one collector."""

    def __init__(self, settings: Settings, defaults: Defaults) -> None:
        """Compile the route patterns and expressions of the settings.

        Raises:
            ValueError: If a pattern or an expression is not valid.
        """
        self.settings = settings
        self.defaults = defaults
        self.recorder = defaults.recorder
        self.faults = defaults.faults
        self._routes = Routes.of(settings)
        self.adviser = Adviser(self._routes, defaults)
        self._readers = Readers(settings, defaults.store)
        self._known: dict[tuple[str, str], Reader | None] = {}
        self._warned: set[str] = set()
        self.routes_changed: Callable[[], None] = lambda: None
        """A function to call when a watched route turns out to be none."""

    def reader(self, method: str, template: str) -> Reader | None:
        """Return the reader of a route, or None if the route is not watched."""
        key = (method, template)
        if key not in self._known:
            if len(self._known) >= MOST_ROUTES:
                self._known.clear()
            kind = self._routes.kind(method, template)
            found = self._known[key] = self._readers.reader(kind, method, template) if kind else None
            certainty = self._routes.certainty(method, template)
            if found is not None and certainty is not Certainty.SURE:
                self._known[key] = replace(found, guess=Guess(certainty, finds_alike(template)))
        return self._known[key]

    def finish(self, request: RequestContext, reader: Reader | None, exchange: Exchange, seconds: float) -> None:
        """Record a finished request; ``seconds`` is its duration."""
        seen = NOTHING_OBSERVED if reader is None else reader.read(exchange, request)
        status = REJECTED if exchange.status == ABANDONED else exchange.status
        guess = None if reader is None else reader.guess
        if reader is not None and guess is not None and not self._is_confirmed(guess, request, seen, exchange):
            self._hold(reader, guess, seen, status, seconds)
            request.close(frozenset())
            return
        record_observation(self.defaults, request, seen, status, seconds)
        if guess is not None and guess.held:
            self._record_held(guess)
        self.adviser.note(seen)
        if reader is not None and reader.misses_kind(exchange, seen):
            self._warn_once(reader.template, unknown_kinds(reader.template))
        if reader is not None and seen.recommends:
            self._warn_unrecognized(reader, seen, exchange)
            if request.labels is not None and exchange.span.is_recording():
                describe(exchange.span, _span_attributes(request))

    def _is_confirmed(self, guess: Guess, request: RequestContext, seen: Observation, exchange: Exchange) -> bool:
        """Return whether a guessed route returns recommendations.

        The code of the route, or a response with items, confirms the guess.
        """
        if not guess.confirmed and (request.recorded_by is not None or guess.fits(seen.slate, exchange)):
            guess.confirmed = True
        return guess.confirmed

    def _record_held(self, guess: Guess) -> None:
        """Record the requests before the confirmation. They have no model version: the confirming response names it."""
        held, guess.held = guess.held, []
        for earlier, status, seconds in held:
            record_observation(self.defaults, RequestContext(closed_by_plugin=True), earlier, status, seconds)

    def _hold(self, reader: Reader, guess: Guess, seen: Observation, status: str | None, seconds: float) -> None:
        """Hold a request of a guessed route. If that rejects the guess, watch the route no longer."""
        if not guess.rejected and guess.hold(seen, status, seconds):
            self._known = {key: None if found is reader else found for key, found in self._known.items()}
            self.routes_changed()

    def _warn_unrecognized(self, reader: Reader, seen: Observation, exchange: Exchange) -> None:
        if seen.slate is None or seen.slate.items is not None:
            return
        self._warn_once(reader.template, unrecognized(reader.template, exchange))

    def _warn_once(self, template: str, message: str) -> None:
        if template not in self._warned and len(self._warned) < MOST_ROUTES:
            self._warned.add(template)
            _logger.warning("%s", message)


def _span_attributes(request: RequestContext) -> dict[str, str | int | bool]:
    known: dict[str, str | int | bool] = {}
    labels = request.labels
    if labels is not None:
        known["recommendation.model_version"] = labels.model_version
        if labels.variant is not None:
            known["recommendation.variant"] = labels.variant
        if labels.surface is not None:
            known["recommendation.surface"] = labels.surface
    if request.outcome is not None:
        known["recommendation.outcome"] = request.outcome
    if request.items is not None:
        known["recommendation.item_count"] = request.items
    if request.cache_hit is not None:
        known["recommendation.cache_hit"] = request.cache_hit
    return known
