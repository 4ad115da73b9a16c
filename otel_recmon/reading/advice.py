"""The sentences that a service is told once: why the plugin reads nothing or counts nothing, and what to set."""

import logging
import re
from collections.abc import Callable, Iterable
from typing import Final

from otel_recmon import catalog
from otel_recmon.config import variable
from otel_recmon.reading.event_words import suggests_events
from otel_recmon.reading.exchange import Exchange
from otel_recmon.reading.item_keys import words_of
from otel_recmon.reading.ranks import lists_in
from otel_recmon.reading.route_words import NEVER, Certainty, certainty
from otel_recmon.reading.routes import TAKE_CLICKS, RouteKind, Routes
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.observation import Observation

_logger = logging.getLogger("otel_recmon")

Route = tuple[str, str]
"""A method and a route template."""
UNWATCHED: Final = 20
"""The number of requests after which a service that counts nothing is told so."""
ONE_SIDED: Final = 1_000
"""The number of slates without a click, or of clicks without a slate, after which a service is told so."""
_MOST_NAMED: Final = 3
_OF_USERS: Final = frozenset("account accounts auth login me profile profiles register users".split())
"""Segments of routes about the users themselves."""
_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*")


class Adviser:
    """Logs once that a service counts nothing, or only slates, or only clicks."""

    def __init__(self, routes: Routes, defaults: Defaults) -> None:
        self.listed: Callable[[], list[Route]] | None = None
        """Returns the routes of the application; None until the application is known."""
        self.is_waiting = True
        """Whether ``pass_by`` still waits for the first sign that the service counts something."""
        self._routes = routes
        self._defaults = defaults
        self._passed = self._slates = self._clicks = 0

    def pass_by(self, template: str | None) -> None:
        """Note a request that the plugin does not watch."""
        if not self._defaults.store.is_empty:  # the code of the service records requests
            self.is_waiting = False
        elif template is not None and not is_background(template):
            self._passed += 1
            if self._passed >= UNWATCHED:
                self.is_waiting = False
                if not any(map(self._is_watched, self._known())):
                    _logger.warning("%s", unwatched(self._known()))

    def note(self, seen: Observation) -> None:
        """Note a recorded request. Log once that ONE_SIDED slates brought no click, or ONE_SIDED events no slate."""
        if seen.slate is not None:
            self._slates += 1
            if self._slates == ONE_SIDED and not self._count(catalog.CLICKED) and not self._takes_clicks():
                _logger.warning("%s", without_clicks(self._known()))
        elif seen.events:
            self._clicks += 1
            if self._clicks == ONE_SIDED and self._count(catalog.CLICKED) and not self._count(catalog.REQUESTS):
                _logger.warning("%s", without_slates(self._known()))

    def _known(self) -> list[Route]:
        return self.listed() if self.listed else []

    def _is_watched(self, route: Route) -> bool:
        """Return whether a route is watched for recommendations, by more than a word such as ``predict``."""
        is_faint = self._routes.certainty(*route) is Certainty.FAINT
        return self._routes.kind(*route) is RouteKind.RECOMMENDATION and not is_faint

    def _takes_clicks(self) -> bool:
        return any(self._routes.kind(*route) in TAKE_CLICKS for route in self._known())

    def _count(self, metric: catalog.Metric) -> float:
        return self._defaults.store.total(metric)


def unwatched(routes: Iterable[Route]) -> str:
    """Return the sentences for a service none of whose routes is watched."""
    return (
        f"otel-recmon has counted nothing in {UNWATCHED} requests, because it watches none of their routes. "
        f"{_proposal('routes', likeliest(routes), 'return recommendations')}"
    )


def unknown_kinds(template: str) -> str:
    """Return the sentence for a route whose events have an unknown kind."""
    return (
        f"otel-recmon does not know the kind of some events of {template}, so they do not count; "
        f"set {variable('event_kinds')} to what the kinds of your events count as"
    )


def without_clicks(routes: Iterable[Route]) -> str:
    """Return the sentences for a service that counts slates, and has no route for clicks."""
    return (
        f"otel-recmon has counted {ONE_SIDED} slates and no click, so the click-through rate is unknown. "
        f"{_proposal('click_routes', [route for route in routes if suggests_events(*route)], 'receive clicks')} "
        f"If another service receives the clicks, nothing is wrong."
    )


def without_slates(routes: Iterable[Route]) -> str:
    """Return the sentences for a service that counts clicks, and no slates."""
    return (
        f"otel-recmon has counted {ONE_SIDED} events and no slate, so the click-through rate is unknown. "
        f"{_proposal('routes', likeliest(routes), 'return recommendations')} "
        f"If another service returns the recommendations, nothing is wrong."
    )


def _proposal(setting: str, routes: list[Route], what: str) -> str:
    if not routes:
        return f"Set {variable(setting)} to the routes that {what}."
    named = ", ".join(f"{method} {template}" for method, template in routes[:_MOST_NAMED])
    return f"Set {variable(setting)} to the routes that {what}; the likeliest are: {variable(setting)}='{named}'."


def likeliest(routes: Iterable[Route]) -> list[Route]:
    """Return the routes that may return recommendations, the likeliest first."""
    rated = [(_likelihood(*route), route) for route in routes]
    return [route for likelihood, route in sorted(rated, key=lambda one: -one[0]) if likelihood > 0]


def is_background(template: str) -> bool:
    """Return whether a route certainly returns no recommendations, such as ``/health``."""
    return any(not NEVER.isdisjoint(words_of(segment)) for segment in template.split("/") if "{" not in segment)


def _likelihood(method: str, template: str) -> int:
    if method not in ("GET", "POST") or is_background(template):
        return 0
    if not _OF_USERS.isdisjoint(template.split("/")):
        return 0
    is_for_someone = re.search(r"\{(user|customer|item|product|id)\w*\}", template) is not None
    return 3 * certainty(method, template) + 2 * is_for_someone + (method == "GET")


def unrecognized(template: str, exchange: Exchange) -> str:
    """Return the sentence for a route whose responses have no items."""
    return f"otel-recmon finds no items in the responses of {template}: {what_helps(exchange)}"


def what_helps(exchange: Exchange) -> str:
    """Return why no items are found in a response, as far as that is known, and what helps, as a clause."""
    if exchange.unread is not None:
        return exchange.unread
    candidates = lists_in(exchange.response)
    if not candidates:
        return f"set {variable('items')} to their place in the response"
    place = ".".join(key if _IDENTIFIER.fullmatch(key) else f'"{key}"' for key in candidates[0])
    return f"if the list {place} has the items, set {variable('items')}={place}"
