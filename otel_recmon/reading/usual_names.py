"""The usual names of query, path and body fields. They are used if no expression is configured.

All names are plain: in lower case, and without characters between their words. So ``userId`` and ``user-id`` are the
same name as ``user_id``.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from otel_recmon.attribution import HEADER
from otel_recmon.reading.exchange import Exchange
from otel_recmon.reading.item_keys import USERS, is_foreign_id, plain
from otel_recmon.reading.words import words
from otel_recmon.values import number

LIMITS: Final = frozenset(words("request.limits"))
PAGES: Final = frozenset(words("request.pages"))
_KNOWN_USERS: Final = frozenset(words("request.users"))
SEARCHES: Final = frozenset(words("request.searches"))
POSITIONS: Final = frozenset(words("event.positions"))
VERSIONS: Final = frozenset({"modelversion"})
_IDS: Final = frozenset({"recommendationid"})
_ITEMS: Final = tuple(frozenset({name}) for name in words("event.items"))
_NAMES_ITEM: Final = frozenset(words("event.names_item"))
_REVENUES: Final = frozenset(words("event.revenues"))
_TOTALS: Final = frozenset(words("event.totals"))
_PRICES: Final = frozenset(words("event.prices"))
_QUANTITIES: Final = frozenset(words("event.quantities"))
_AMOUNTS: Final = frozenset(words("event.amounts"))
_OWN_IDS: Final = frozenset(words("request.own_ids"))
_METAS: Final = words("response.metas")
_FALLBACKS: Final = frozenset(words("response.fallbacks"))
_SOURCES: Final = words("response.sources")
_REASON: Final = "fallbackreason"
_MOST_REMEMBERED: Final = 2_000
"""The maximum total length of the keys of a response that are cached."""
_ERRORS: Final = words("response.errors")


def named(names: frozenset[str], exchange: Exchange) -> Any:
    """Return the first value with one of these names in the query, the path or the body; None if there is none."""
    for fields in (exchange.query, exchange.path_params, exchange.body):
        if fields and isinstance(fields, dict):
            for name, value in fields.items():
                if plain(name) in names:
                    return value
    return None


def user(exchange: Exchange) -> Any:
    """Return the id of the user, also from an object in the body, as in ``{"context": {"userId": 7}}``."""
    found = named(_KNOWN_USERS, exchange)
    found = named(USERS, exchange) if found is None else found
    if found is None and isinstance(exchange.body, dict):
        inner = [value for value in exchange.body.values() if isinstance(value, dict)]
        inner += [value for fields in inner for value in fields.values() if isinstance(value, dict)]
        stated = (value for names in (_KNOWN_USERS, USERS) for fields in inner for value in _values(fields, names))
        found = next(stated, None)
    if isinstance(found, dict):
        return next(_values(found, _OWN_IDS), None)
    return found


def revenue(exchange: Exchange) -> Any:
    """Return the revenue of a conversion: a total, else the price times the quantity, else an amount."""
    total = named(_REVENUES, exchange)
    total = named(_TOTALS, exchange) if total is None else total
    if total is not None:
        return total
    price = named(_PRICES, exchange)
    if price is None:
        return named(_AMOUNTS, exchange)
    each, quantity = number(price), number(named(_QUANTITIES, exchange))
    return price if each is None or quantity is None else each * quantity


def recommendation_id(exchange: Exchange) -> Any:
    """Return the recommendation id of an event, from the header or a field."""
    return exchange.headers.get(HEADER.lower()) or named(_IDS, exchange)


def item_id(exchange: Exchange) -> Any:
    """Return the item id of an event, from the most specific name that has a text or a number."""
    found = (named(names, exchange) for names in _ITEMS)
    return next((item for item in found if isinstance(item, str | int | float)), None)


def names_item(exchange: Exchange) -> bool:
    """Return whether an event names its item or its slate: an id other than that of a user, a session and so on."""
    fields = (exchange.query, exchange.path_params, exchange.body)
    given = [plain(name) for one in fields if isinstance(one, Mapping) for name, value in one.items() if value]
    return any(name in _NAMES_ITEM or (name.endswith("id") and not is_foreign_id(name)) for name in given)


def served_version(exchange: Exchange) -> Any:
    """Return the model version in the body or the header of a response."""
    stated = exchange.response.get("model_version") if isinstance(exchange.response, dict) else None
    return stated or exchange.response_headers.get("x-model-version")


def states_error(response: Any) -> bool:
    """Return whether a response says that the request failed, although its status code says success."""
    if not isinstance(response, dict):
        return False
    status = response.get("status")
    return response.get("success") is False or (isinstance(status, str) and status.lower() in _ERRORS)


def states_fallback(response: Any) -> bool:
    """Return whether a response says that its list is a fallback, as in ``{"is_fallback": true}``."""
    if not isinstance(response, dict):
        return False
    return any(_is_fallback(name, response[name]) for name in _telling_of_fallback(response))


def _telling_of_fallback(fields: dict[str, Any]) -> tuple[str, ...]:
    """Return the keys that can say that a list is a fallback. They are cached, because nearly no response has any."""
    names = tuple(fields)
    return _telling(names) if len("".join(names)) <= _MOST_REMEMBERED else _telling.__wrapped__(names)


@lru_cache(maxsize=256)
def _telling(names: tuple[str, ...]) -> tuple[str, ...]:
    telling = _FALLBACKS | {_REASON, *_METAS, *_SOURCES}
    return tuple(name for name in names if plain(name) in telling)


def _is_fallback(name: str, value: Any) -> bool:
    if isinstance(value, dict):
        return name in _METAS and any(_is_fallback(inner, value[inner]) for inner in _telling_of_fallback(value))
    if isinstance(value, str):
        return (name in _SOURCES and value == "fallback") or (bool(value) and plain(name) == _REASON)
    return value is True and plain(name) in _FALLBACKS


def _values(fields: dict[str, Any], names: frozenset[str]) -> Iterator[Any]:
    return (value for name, value in fields.items() if plain(name) in names)
