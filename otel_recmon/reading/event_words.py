"""The words by which events are known without configuration: in the fields of an event, and in route templates."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from otel_recmon.catalog import CLICK, CONVERSION, IMPRESSION
from otel_recmon.reading.item_keys import plain, words_of
from otel_recmon.reading.route_words import NEVER, RECOMMENDS
from otel_recmon.reading.words import tables, words

MOST_EVENTS: Final = 1_000
"""The maximum number of events that are counted from one request."""
_KIND_FIELDS: Final = words("event.kinds")
_USUAL: Final = {word: event for event, kinds in tables("event.is").items() for word in kinds}
_NOT_IN_ROUTES: Final = frozenset(words("routes.not_events"))
_BATCHES: Final = frozenset(words("event.batches"))
_ITEM_LISTS: Final = frozenset(words("event.item_lists"))
_DETAILS: Final = frozenset(words("event.details"))
_ROUTES: Final = frozenset(words("routes.events"))
_NOT_HERE: Final = NEVER - {"dismiss", "feedback", "ratings"}
_NOUNS: Final = frozenset({"track", "tracking"})
"""Words that name events only at the beginning of a segment: ``next_track`` is a song, ``track_view`` an event."""
_PIXEL: Final = re.compile(r"\.(gif|png)$")
"""The end of the template of a route that counts an event when a page loads an image."""
_CLICKS: Final = frozenset(words("routes.clicks"))
_CONVERSIONS: Final = frozenset(words("routes.conversions"))
_BESIDE: Final = frozenset(words("routes.beside_events"))


def takes_events(method: str, template: str) -> bool:
    """Return whether a route takes events: of any kind by its last two fixed segments, or of one kind by its last."""
    last = _last_words(template, 2)
    recommends = any(RECOMMENDS.search(word) for word in _last_words(template, 1))
    if not _NOT_HERE.isdisjoint(last):
        return False
    if method == "GET":
        return _PIXEL.search(template) is not None and event_of_route(template) is not None
    if method not in ("POST", "PUT"):
        return False
    of_any_kind = method == "POST" and not recommends and any(map(_takes_any_kind, _fixed(template)[-2:]))
    if "batch" in last and any(RECOMMENDS.search(word) for word in last):
        return False  # recommendations for several users
    return of_any_kind or event_of_route(template) is not None


def _takes_any_kind(segment: str) -> bool:
    found = words_of(segment)
    return any(word in _ROUTES and (word not in _NOUNS or found[0] == word) for word in found)


def suggests_events(method: str, template: str) -> bool:
    """Return whether a route that is not watched may take clicks, by any word of its template."""
    words = {word for segment in template.split("/") if "{" not in segment for word in words_of(segment)}
    telling = _ROUTES | _CLICKS | _USUAL.keys()
    return method in ("POST", "PUT", "GET") and not words.isdisjoint(telling) and words.isdisjoint(_NOT_HERE)


def event_of_route(template: str) -> str | None:
    """Return the event that the last fixed segment of a template names, such as ``view`` for ``/track-view``."""
    is_pixel = _PIXEL.search(template) is not None
    template = _PIXEL.sub("", template)
    one, two = _last_words(template, 1), _last_words(template, 2)
    telling = [word for word in one if word not in _BESIDE] or [word for word in two if word not in _BESIDE]
    candidates = map("".join, (one, telling, two))
    unclear: frozenset[str] = frozenset() if is_pixel else _NOT_IN_ROUTES
    named = next((_USUAL[one] for one in candidates if one in _USUAL and one not in unclear), None)
    if named in (CLICK, CONVERSION) and not is_pixel:
        return None  # they have patterns of their own
    recommends = any(RECOMMENDS.search(word) for word in one)
    return IMPRESSION if named == "view" and recommends else named


def takes_clicks(method: str, template: str) -> bool:
    """Return whether a route takes clicks, by the words of its last fixed segment, such as ``clickReco``."""
    return method == "POST" and _names(template, _CLICKS)


def takes_conversions(method: str, template: str) -> bool:
    """Return whether a route takes conversions, by the words of its last fixed segment, such as ``log-purchase``."""
    return method == "POST" and _names(template, _CONVERSIONS)


def _names(template: str, events: frozenset[str]) -> bool:
    """Return whether the last fixed segment names one of the events, and has no words but usual ones beside it."""
    last = set(_last_words(template, 1))
    return not events.isdisjoint(last) and last <= events | _BESIDE


def tracks_clicks(method: str, template: str) -> bool:
    """Return whether a route may send a client who clicks to the page of an item, such as ``GET /r/click``."""
    return method == "GET" and set(_last_words(template, 1)) in ({"click"}, {"clicks"}, {"track", "click"})


def _last_words(template: str, segments: int) -> list[str]:
    return [word for segment in _fixed(template)[-segments:] for word in words_of(segment)]


def _fixed(template: str) -> list[str]:
    return [segment for segment in template.split("/") if segment and "{" not in segment]


def kind_of(event: Mapping[str, Any], own: Mapping[str, str]) -> str | None:
    """Return what an event counts as, such as ``click`` or ``add_to_cart``; None if its kind is unknown.

    Args:
        event: The fields of the event.
        own: The kinds of the service and what they count as. The kinds are plain. These kinds win over usual kinds.
    """
    named = {plain(name): value for name, value in event.items()}
    stated = (kind_named(named[name], own) for name in _KIND_FIELDS if name in named)
    flags = (kind_named(name, own) for name, value in named.items() if value is True)
    return next((kind for kind in (*stated, *flags) if kind is not None), None)


def kind_named(value: object, own: Mapping[str, str]) -> str | None:
    """Return what a kind of event counts as; None if the kind is unknown. See ``kind_of``."""
    if not isinstance(value, str):
        return None
    return own.get(plain(value)) or _USUAL.get(plain(value))


def events_in(body: Any) -> list[dict[str, Any]] | None:
    """Return the events of a body that is a list of events or has one; None for any other body.

    Two lists side by side are events too: ``{"item_ids": ["a", "b"], "actions": ["like", "skip"]}``.
    """
    if isinstance(body, dict):
        listed = [value for name, value in body.items() if plain(name) in _BATCHES]
        columns = next((value for value in listed if _is_kinds(value)), None)
        if columns is not None:
            return _from_columns(body, columns)
        body = next(filter(_is_batch, listed), None)
    return body if _is_batch(body) else None


def _is_batch(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(event, dict) for event in value)


def _is_kinds(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(kind, str) for kind in value)


def _from_columns(body: dict[str, Any], kinds: list[str]) -> list[dict[str, Any]]:
    rest = {name: value for name, value in body.items() if not isinstance(value, list)}
    items = next((value for name, value in body.items() if plain(name) in _ITEM_LISTS), None)
    if not isinstance(items, list) or len(items) != len(kinds):
        items = [None] * len(kinds)
    return [{**rest, "action": kind, "item_id": item} for kind, item in zip(kinds, items, strict=True)]


def flat(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event with the fields of the objects in it that describe it, except their ids. Its own fields win."""
    return {**{name: value for inner in _details(event) for name, value in inner.items() if name != "id"}, **event}


def _details(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (value for name, value in event.items() if plain(name) in _DETAILS and isinstance(value, dict))
