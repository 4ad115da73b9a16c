"""The words by which the kind of an event is known without configuration, on routes that take events of any kind."""

from collections.abc import Iterator
from typing import Any, Final

from otel_recmon.reading.item_keys import plain, words_of
from otel_recmon.reading.route_words import NEVER, RECOMMENDS
from otel_recmon.recording.request_context import CLICK, CONVERSION

MOST_EVENTS: Final = 1_000
"""The maximum number of events that are counted from one request."""
_KIND_FIELDS: Final = (
    "eventtype interactiontype actiontype actionname action interaction eventname event name type kind".split()
)
"""The fields that say the kind of an event, the most specific first."""
_KINDS: Final[dict[str, str]] = dict.fromkeys(
    """click clicks clicked clickreco clickthrough itemclick itemclicked productclick productclicked
    recommendationclick recommendationclicked selectcontent selectitem slotclick tap tapped""".split(),
    CLICK,
) | dict.fromkeys(
    """bought buy checkoutcompleted completepurchase conversion conversions converted order ordercompleted ordered
    orderplaced placeorder purchase purchasecomplete purchased purchases sale transaction""".split(),
    CONVERSION,
)
_OTHERS: Final = frozenset(
    """addtocart addtowishlist bookmark cart cartadd detailpageview dislike dismiss dwell favorite impression
    impressions itemview like list pageview play productadded productviewed rating remove save seen share shown skip
    view viewed viewitem viewitemlist views watch wishlist""".split()
)
"""Kinds that have no counter of their own. An event of such a kind is neither a click nor a conversion."""
_BATCHES: Final = frozenset("actions activities batch engagements eventlist events interactions".split())
"""Fields that hold a list of events."""
_DETAILS: Final = frozenset(
    "attributes context data details eventattributes eventdata metadata params payload properties".split()
)
"""Fields that hold more fields of the same event."""
_ROUTES: Final = frozenset(
    """action actions activities activity batch collect engagement engagements event events feedback interact
    interaction interactions reward rewards track tracking""".split()
)
_NOT_HERE: Final = NEVER - {"dismiss", "feedback"}
_CLICKS: Final = frozenset({"click", "clicks"})
_BESIDE_CLICK: Final = frozenset(
    "event item log product reco recommendation recommendations record register track".split()
)


def takes_events(method: str, template: str) -> bool:
    """Return whether a route takes events of any kind, by the words of its last two fixed segments."""
    last = _last_words(template, 2)
    recommends = any(RECOMMENDS.search(word) for word in _last_words(template, 1))
    return method == "POST" and not (recommends or _ROUTES.isdisjoint(last)) and _NOT_HERE.isdisjoint(last)


def takes_clicks(method: str, template: str) -> bool:
    """Return whether a route takes clicks, by the words of its last fixed segment, such as ``clickReco``."""
    last = set(_last_words(template, 1))
    return method == "POST" and not _CLICKS.isdisjoint(last) and last <= _CLICKS | _BESIDE_CLICK


def _last_words(template: str, segments: int) -> list[str]:
    fixed = [segment for segment in template.split("/") if segment and "{" not in segment]
    return [word for segment in fixed[-segments:] for word in words_of(segment)]


def kind_of(event: dict[str, Any]) -> str | None:
    """Return ``click`` or ``conversion`` from the fields of an event; None for any other kind."""
    named = {plain(name): value for name, value in event.items()}
    stated = (value for value in map(named.get, _KIND_FIELDS) if isinstance(value, str))
    return kind_named(next((value for value in stated if plain(value) in _KINDS.keys() | _OTHERS), None))


def kind_named(value: object) -> str | None:
    """Return ``click`` or ``conversion`` if a value is one of their names; None for any other value."""
    return _KINDS.get(plain(value)) if isinstance(value, str) else None


def events_in(body: Any) -> list[dict[str, Any]] | None:
    """Return the events of a body that is a list of events or has one; None for any other body."""
    if isinstance(body, dict):
        body = next((value for name, value in body.items() if plain(name) in _BATCHES and _is_batch(value)), None)
    return body if _is_batch(body) else None


def _is_batch(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(event, dict) for event in value)


def flat(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event with the fields of the objects in it that describe it. Its own fields win."""
    return {**dict(pair for inner in _details(event) for pair in inner.items()), **event}


def _details(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (value for name, value in event.items() if plain(name) in _DETAILS and isinstance(value, dict))
