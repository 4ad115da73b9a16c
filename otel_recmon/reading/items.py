"""The items of a list of objects: unwrapped, taken out of shelves, and completed with their stored fields."""

from typing import Any

from otel_recmon.reading.item_keys import (
    CONTAINERS,
    NAMES_RECOMMENDATIONS,
    NOT_THE_ITEM,
    SHELVES,
    USERS,
    Fields,
    fields_of,
    plain,
    words_of,
)
from otel_recmon.reading.tables import Found


def as_objects(items: list[dict[str, Any]]) -> Found | None:
    """Return objects and the keys of an item. An object that wraps its item, as in ``{"item": {...}}``, is unwrapped.

    The keys are taken from the object with the most keys. Shelves, as in ``{"title": "New", "items": [...]}``, are read
    in order.
    """
    fields = _fields_of_all(items)
    if fields is None or fields.shelf:
        shelves = _from_shelves(items)
        if shelves is not None:
            found = _as_unshelved([item for shelf in shelves for item in shelf])
            of_users = found and len(shelves) > 1 and not USERS.isdisjoint(map(plain, items[0]))
            return found._replace(positions=restarting(shelves)) if found and of_users else found
    return _as_unwrapped(items, fields)


def restarting(slates: list[Any]) -> list[int]:
    """Return the positions of the items of several slates, each counted from 1."""
    return [position for slate in slates for position in range(1, len(slate) + 1)]


def _fields_of_all(items: list[dict[str, Any]]) -> Fields | None:
    """Return the keys of an item. A key under which one of the items has null is not used for the id."""
    fields = fields_of(max(items, key=len))
    if fields is None or not fields.by_id or None not in [item.get(fields.id) for item in items]:
        return fields
    never_null = {
        key: value for key, value in max(items, key=len).items() if all(item.get(key) is not None for item in items)
    }
    other = fields_of(never_null)
    return other if other is not None and other.by_id else fields


def _as_unwrapped(items: list[dict[str, Any]], fields: Fields | None) -> Found | None:
    key = _wrapper(items, fields)
    if key is not None:
        rows = [item for item in items if isinstance(item.get(key), dict)]
        merged = [_merged(row, key, fields) for row in rows]
        fields = _fields_of_all(merged)
        # A configured expression may name the wrapper or the id of the row, so the row's own fields stay.
        items = [{**row, **item} for row, item in zip(rows, merged, strict=True)]
    if fields is not None and fields.containers and fields.category is None:
        items, fields = _with_stored_fields(items, fields)
    if fields is None and all(len(item) == 1 for item in items):
        key = next(iter(items[0]))
        values = [item.get(key) for item in items]
        return Found(values) if all(isinstance(value, str) and value for value in values) else None
    return Found(items, fields) if fields else None


def _with_stored_fields(items: list[dict[str, Any]], fields: Fields) -> tuple[list[dict[str, Any]], Fields]:
    """Return the items with the fields of the object inside them, as search engines and vector stores return them."""
    for key in fields.containers:
        if all(isinstance(item.get(key), dict) for item in items):
            items = [{**item[key], **item} for item in items]
            found = fields_of(max(items, key=len))
            if found is None:
                return items, fields
            return items, found._replace(id=fields.id, by_id=True) if fields.by_id else found
    return items, fields


def _wrapper(items: list[dict[str, Any]], fields: Fields | None) -> str | None:
    """Return the key of the object that is the item itself, as in ``{"score": 0.5, "article": {...}}``; or None."""
    first = max(items, key=len)
    if fields is not None and _wrapped(items, fields):
        return fields.id
    if fields is not None and not fields.by_id and first[fields.id].__class__ is not dict:
        return None
    candidates = [key for key, value in first.items() if value.__class__ is dict and _can_be_item(key, value)]
    named = [key for key in candidates if NAMES_RECOMMENDATIONS.search(key.lower())]
    if len(named or candidates) != 1 or (fields is not None and _has_title(first)):
        return None
    return (named or candidates)[0]


def _can_be_item(key: str, value: dict[str, Any]) -> bool:
    if NOT_THE_ITEM.intersection(words_of(key)) or plain(key) in CONTAINERS - {"data", "document", "doc", "item"}:
        return False
    inner = fields_of(value)
    return inner is not None and inner.by_id


def _has_title(item: dict[str, Any]) -> bool:
    return any(plain(key).endswith(("title", "name", "headline")) for key in item)


def _merged(item: dict[str, Any], key: str, fields: Fields | None) -> dict[str, Any]:
    """Return the inner object with the other fields of the outer object. The id of the inner object wins."""
    inner = item[key]
    own = {fields.id} if fields is not None and fields.by_id and fields_of(inner) else set()
    return {**inner, **{name: value for name, value in item.items() if name != key and name not in own}}


def _as_unshelved(items: list[Any]) -> Found | None:
    """Return the items of shelves. An item of a shelf is not read as a shelf again."""
    if items and all(isinstance(item, dict) for item in items):
        return _as_unwrapped(items, _fields_of_all(items))
    return Found(items) if all(map(is_id, items)) else None


def _wrapped(items: list[dict[str, Any]], fields: Fields) -> bool:
    if isinstance(items[0].get(fields.id), dict):
        return True
    return fields.wraps and any(isinstance(item.get(fields.id), dict) for item in items)


def is_id(element: Any) -> bool:
    """Return whether a JSON value can be the id of an item."""
    if isinstance(element, bool):
        return False
    return isinstance(element, int) or (isinstance(element, str) and bool(element))


def _from_shelves(shelves: list[dict[str, Any]]) -> list[list[Any]] | None:
    """Return the items of each shelf, or None if one of the objects is not a shelf."""
    key = next((key for key in shelves[0] if plain(key) in SHELVES), None)
    lists = [shelf.get(key) for shelf in shelves] if key is not None else [None]
    if not all(isinstance(items, list) for items in lists):
        return None
    return [items or [] for items in lists]
