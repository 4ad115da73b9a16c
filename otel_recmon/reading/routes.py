"""The watched routes. Each kind of route has patterns for the method and the route template."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from otel_recmon.config import Settings
from otel_recmon.reading.event_words import takes_clicks, takes_events, tracks_clicks
from otel_recmon.reading.patterns import Pattern, patterns
from otel_recmon.reading.route_words import Certainty, certainty


class RouteKind(Enum):
    """The kinds of watched routes, by the content of their requests."""

    RECOMMENDATION = "recommendation"
    CLICK = "click"
    CONVERSION = "conversion"
    IMPRESSION = "impression"
    TRACKER = "tracker"
    """A route that counts a click when it sends the client to the page of the item."""
    EVENT = "event"
    """A route for events of any kind."""


TAKE_CLICKS: Final = (RouteKind.CLICK, RouteKind.TRACKER, RouteKind.EVENT)
"""The kinds of routes that report clicks."""
_LAST_FIXED: Final = r"(?:.*/)?{word}(?:/\{{[^}}]*\}})*/?"
_CLICKS: Final = Pattern(frozenset({"POST"}), re.compile(_LAST_FIXED.format(word="clicks?"), re.IGNORECASE))
_CONVERTS: Final = Pattern(
    frozenset({"POST"}), re.compile(_LAST_FIXED.format(word="(?:conversions?|purchases?)"), re.IGNORECASE)
)


@dataclass(frozen=True)
class Routes:
    """The watched routes of a service. If a route matches several kinds, it is an event route."""

    kinds: Sequence[tuple[RouteKind, tuple[Pattern, ...]]]
    by_words: bool = False
    """Whether recommendation routes are found by the words of their templates."""
    events_by_words: bool = False
    clicks_by_words: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Routes":
        """Return the routes of the settings. For a kind without a setting, they are the default routes."""

        def chosen(text: str | None, default: tuple[Pattern, ...]) -> tuple[Pattern, ...]:
            return patterns(text) if text else default

        return cls(
            (
                (RouteKind.CLICK, chosen(settings.click_routes, (_CLICKS,))),
                (RouteKind.CONVERSION, chosen(settings.conversion_routes, (_CONVERTS,))),
                (RouteKind.IMPRESSION, chosen(settings.impression_routes, ())),
                (RouteKind.EVENT, chosen(settings.event_routes, ())),
                (RouteKind.RECOMMENDATION, chosen(settings.routes, ())),
            ),
            by_words=not settings.routes,
            events_by_words=not settings.event_routes,
            clicks_by_words=not settings.click_routes,
        )

    def kind(self, method: str, template: str) -> RouteKind | None:
        """Return the kind of a route, or None if it is not watched."""
        if method in ("HEAD", "OPTIONS"):
            return None
        for kind, choices in self.kinds:
            if any(pattern.matches(method, template) for pattern in choices):
                return kind
        if self.clicks_by_words and takes_clicks(method, template):
            return RouteKind.CLICK
        if self.clicks_by_words and tracks_clicks(method, template):
            return RouteKind.TRACKER
        if self.events_by_words and takes_events(method, template):
            return RouteKind.EVENT
        return RouteKind.RECOMMENDATION if self.by_words and certainty(method, template) else None

    def certainty(self, method: str, template: str) -> Certainty:
        """Return the certainty that a watched route is of its kind. Configured routes and event routes are sure."""
        if not self.by_words or self.kind(method, template) is not RouteKind.RECOMMENDATION:
            return Certainty.SURE
        return certainty(method, template)
