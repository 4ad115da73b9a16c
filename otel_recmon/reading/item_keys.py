"""The keys of an item that hold its id, category, score and position.

Each list contains key names of public recommendation services. If an item has several of them, the first one wins.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

_MOST_REMEMBERED: Final = 2_000
"""The maximum total length of the keys of an item that are cached. The keys of a response may come from a client."""
_TITLES: Final = ("title", "name", "label", "headline")
_CATEGORIES: Final = (
    "category",
    "categories",
    "categoryname",
    "genre",
    "genres",
    "topic",
    "topics",
    "department",
    "section",
)
_SCORES: Final = (
    "score",
    "predictedrating",
    "predictedscore",
    "estimatedrating",
    "similarity",
    "similarityscore",
    "relevance",
    "relevancescore",
    "confidence",
    "probability",
    "prediction",
)
_POSITIONS: Final = ("position", "rank")
_IDS: Final = (
    "id",
    "itemid",
    "productid",
    "sku",
    "asin",
    "isbn",
    "isbn13",
    "uuid",
    "gid",
    "code",
    "slug",
    "key",
    "item",
    "product",
)
_WRAPPERS: Final = ("item", "product")
SHELVES: Final = frozenset("items recommendations recs results contents entries cards movies titles".split())
"""Keys under which a shelf has its items. A shelf is a titled group of items in a response with several groups."""
_FOREIGN_IDS: Final = re.compile(
    r"(user|session|customer|category|genre|author|brand|parent|request|model|list|page|query|artist|publisher|seller)id$"
)


class Fields(NamedTuple):
    """The keys of an item; None for a missing key."""

    id: str
    by_id: bool
    """Whether ``id`` is an id, and not a title used in its place."""
    category: str | None
    score: str | None
    position: str | None
    wraps: bool = False
    """Whether the key of the id usually holds a whole item."""
    shelf: bool = False
    """Whether one of the keys usually holds a list of items."""


def fields_of(item: dict[str, Any]) -> Fields | None:
    """Return the keys of an item; None if it has neither an id nor a title."""
    keys = tuple(item)
    return _fields(keys) if len("".join(keys)) <= _MOST_REMEMBERED else _fields.__wrapped__(keys)


@lru_cache(maxsize=256)
def _fields(keys: tuple[str, ...]) -> Fields | None:
    """Return the meaning of each key of an item; None if it has neither an id nor a title."""
    named = {plain(key): key for key in reversed(keys)}
    item_id = _first(named, _IDS) or _own_id(named)
    title = _first(named, _TITLES) or next((key for name, key in named.items() if name.endswith(_TITLES)), None)
    key = item_id or title
    if key is None:
        return None
    return Fields(
        key,
        item_id is not None,
        _first(named, _CATEGORIES),
        _first(named, _SCORES) or next((k for name, k in named.items() if name.endswith("score")), None),
        _first(named, _POSITIONS),
        key.lower() in _WRAPPERS,
        not SHELVES.isdisjoint(named),
    )


def plain(key: str) -> str:
    """Return a key in lower case, without characters such as ``_`` between its words."""
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _first(named: dict[str, str], wanted: Iterable[str]) -> str | None:
    return next((named[name] for name in wanted if name in named), None)


def _own_id(named: dict[str, str]) -> str | None:
    return next(
        (key for name, key in reversed(named.items()) if name.endswith("id") and not _FOREIGN_IDS.search(name)), None
    )


def categories_of(value: Any) -> list[str] | str | None:
    """Return the categories of a category field: a text, texts joined by ``|``, a list, or objects with a name."""
    if isinstance(value, str):
        if "|" in value:
            return [part.strip() for part in value.split("|") if part.strip()]
        return value.strip() or None
    if isinstance(value, dict):
        return categories_of(next((value[key] for key in (*_TITLES, "id") if value.get(key)), None))
    if isinstance(value, list):
        found = [categories_of(element) for element in value if not isinstance(element, list)]
        return [part for part in found if isinstance(part, str)] or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def scores_of(values: Iterable[Any]) -> list[Any] | None:
    """Return the scores without missing scores; None if no item has a score."""
    return [value for value in values if value is not None] or None
