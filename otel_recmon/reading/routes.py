"""The watched routes. Each kind of route has patterns for the method and the route template."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from otel_recmon.config import Settings
from otel_recmon.reading.event_words import takes_clicks, takes_conversions, takes_events, tracks_clicks
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


_SETTINGS: Final = {
    RouteKind.CLICK: "click_routes",
    RouteKind.CONVERSION: "conversion_routes",
    RouteKind.TRACKER: "click_routes",
    RouteKind.EVENT: "event_routes",
    RouteKind.RECOMMENDATION: "routes",
}
"""For each kind whose routes are found by their words, the setting that names the routes in place of the words."""


def _kinds_by_words(method: str, template: str) -> Iterator[RouteKind]:
    """Yield the kinds of a route by the words of its template. The first kind wins."""
    if takes_clicks(method, template):
        yield RouteKind.CLICK
    if takes_conversions(method, template):
        yield RouteKind.CONVERSION
    if tracks_clicks(method, template):
        yield RouteKind.TRACKER
    if takes_events(method, template):
        yield RouteKind.EVENT
    if certainty(method, template):
        yield RouteKind.RECOMMENDATION


@dataclass(frozen=True)
class Routes:
    """The watched routes of a service. If a route matches several kinds, it is an event route."""

    kinds: Sequence[tuple[RouteKind, tuple[Pattern, ...]]]
    by_words: frozenset[RouteKind] = frozenset()
    """The kinds without a setting. Their routes are found by the words of the templates."""

    @classmethod
    def of(cls, settings: Settings) -> "Routes":
        """Return the routes of the settings. The routes of a kind without a setting are found by their words."""

        def chosen(text: str | None) -> tuple[Pattern, ...]:
            return patterns(text) if text else ()

        return cls(
            (
                (RouteKind.CLICK, chosen(settings.click_routes)),
                (RouteKind.CONVERSION, chosen(settings.conversion_routes)),
                (RouteKind.IMPRESSION, chosen(settings.impression_routes)),
                (RouteKind.EVENT, chosen(settings.event_routes)),
                (RouteKind.RECOMMENDATION, chosen(settings.routes)),
            ),
            frozenset(kind for kind, setting in _SETTINGS.items() if not getattr(settings, setting)),
        )

    def kind(self, method: str, template: str) -> RouteKind | None:
        """Return the kind of a route, or None if it is not watched."""
        if method in ("HEAD", "OPTIONS"):
            return None
        for kind, choices in self.kinds:
            if any(pattern.matches(method, template) for pattern in choices):
                return kind
        return next((kind for kind in _kinds_by_words(method, template) if kind in self.by_words), None)

    def certainty(self, method: str, template: str) -> Certainty:
        """Return the certainty that a watched route is of its kind. Configured routes and event routes are sure."""
        if self.kind(method, template) is not RouteKind.RECOMMENDATION or RouteKind.RECOMMENDATION not in self.by_words:
            return Certainty.SURE
        return certainty(method, template)
