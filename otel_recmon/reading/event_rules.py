"""The rules by which the events of one route are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from otel_recmon.catalog import CLICK, CONVERSION, IMPRESSION
from otel_recmon.config import NO_EVENT, Settings
from otel_recmon.reading import usual_names
from otel_recmon.reading.event_words import event_of_route, kind_named, kind_of
from otel_recmon.reading.exchange import Exchange
from otel_recmon.reading.expressions import Source
from otel_recmon.reading.item_keys import plain


@dataclass(frozen=True)
class EventRules:
    """The expressions that find the values of a click, a conversion or impressions on one route."""

    position: Source
    revenue: Source
    item_id: Source
    recommendation_id: Source


@dataclass(frozen=True)
class KindRules:
    """The rules that find the kind of an event on a route for events of any kind."""

    stated: Source | None
    """The configured expression; None for the usual fields."""
    own: Mapping[str, str]
    """What the kinds of the service count as. The kinds are plain."""
    route: str | None
    """What an event of this route counts as if it states no known kind, but names an item."""
    clients_report: bool
    """Whether impressions are counted from events."""

    def kind(self, exchange: Exchange) -> str | None:
        """Return what an event counts as, such as ``click`` or ``add_to_cart``; None if it does not count."""
        if self.stated is not None:
            found = kind_named(self.stated(exchange), self.own)
        else:
            fields = exchange.body if isinstance(exchange.body, dict) else exchange.query
            found = kind_of(fields, self.own)
        if found is None and self.route is not None and usual_names.names_item(exchange):
            found = self.route
        return None if found == NO_EVENT else found

    def is_action(self, kind: str) -> bool:
        """Return whether an event counts by its action. Reports of seen items do, if responses count impressions."""
        return kind not in (CLICK, CONVERSION) and not (kind == IMPRESSION and self.clients_report)


def event_rules(find: Mapping[str, Source | None]) -> EventRules:
    """Return the rules for the values of events, from the configured expressions or the usual names."""
    return EventRules(
        position=find["position"] or partial(usual_names.named, usual_names.POSITIONS),
        revenue=find["revenue"] or usual_names.revenue,
        item_id=find["event_item_id"] or usual_names.item_id,
        recommendation_id=find["recommendation_id"] or usual_names.recommendation_id,
    )


def kind_rules(stated: Source | None, template: str, settings: Settings) -> KindRules:
    """Return the rules for the kinds of events. ``stated`` is the configured expression of the route."""
    return KindRules(
        stated=stated,
        own={plain(kind): event for kind, event in settings.event_kinds or ()},
        route=event_of_route(template),
        clients_report=settings.clients_report_impressions,
    )
