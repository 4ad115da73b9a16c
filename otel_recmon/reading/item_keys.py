"""The keys of an item that hold its id, category, score and position."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from otel_recmon.reading.words import words
from otel_recmon.values import number

_MOST_REMEMBERED: Final = 2_000
"""The maximum total length of the keys of an item that are cached. The keys of a response may come from a client."""
_LONGEST_CACHED: Final = 100
"""The maximum length of a key that is cached on its own."""
_TITLES: Final = words("item.titles")
_CATEGORIES: Final = words("item.categories")
_SCORES: Final = words("item.scores")
_NO_SCORES: Final = re.compile(rf"({'|'.join(words('item.no_scores'))})score$")
_POSITIONS: Final = words("item.positions")
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_IDS: Final = words("item.ids")
_WRAPPERS: Final = words("item.wrappers")
SHELVES: Final = frozenset(words("items.shelves"))
CONTAINERS: Final = frozenset(words("items.containers"))
USERS: Final = frozenset((*words("request.users"), *words("request.visitors")))
_LAST_OF_CONTAINERS: Final = (["details"], ["info"], ["metadata"], ["attributes"], ["payload"])
"""The last word of such keys, as in ``product_details``."""
_PERSON_NAMES: Final = frozenset(words("item.person_names"))
_NOT_OF_PERSONS: Final = words("item.not_of_persons")
NOT_THE_ITEM: Final = frozenset(words("items.not_the_item"))
_FOREIGN_IDS: Final = re.compile(rf"({'|'.join(words('item.foreign_ids'))})id$")


NAMES_RECOMMENDATIONS: Final = re.compile(
    r"recommend|suggest|^recs?$|^recos?$|^itemscores$|^foryou$|^youmaylike$|^becauseyou"
)
"""Keys that name recommendations, without the characters between their words."""


class Fields(NamedTuple):
    """The keys of an item; None for a missing key."""

    id: str
    by_id: bool
    """True if ``id`` is the key of an id, False if it is the key of a title, which then stands for the id."""
    category: str | None
    score: str | None
    position: str | None
    wraps: bool = False
    """Whether the key of the id usually holds a whole item."""
    shelf: bool = False
    """Whether one of the keys usually holds a list of items."""
    containers: tuple[str, ...] = ()
    """The keys that usually hold an object with more fields of the item."""


def fields_of(item: dict[str, Any]) -> Fields | None:
    """Return the keys of an item; None if it has neither an id nor a title."""
    keys = tuple(item)
    return _fields(keys) if len("".join(keys)) <= _MOST_REMEMBERED else _fields.__wrapped__(keys)


@lru_cache(maxsize=256)
def _fields(keys: tuple[str, ...]) -> Fields | None:
    """Return the meaning of each key of an item; None if it has neither an id nor a title."""
    named = {plain(key): key for key in reversed(keys)}
    item_id = _first(named, _IDS) or _own_id(keys, named)
    title = _first(named, _TITLES) or next((key for name, key in named.items() if name.endswith(_TITLES)), None)
    item_id = item_id or _person_id(named)
    key = item_id or title or _only_id(named)
    if key is None:
        return None
    return Fields(
        key,
        item_id is not None,
        _first(named, _CATEGORIES),
        _first(named, _SCORES) or next((k for name, k in named.items() if _is_score(name)), None),
        _first(named, _POSITIONS),
        key.lower() in _WRAPPERS,
        not SHELVES.isdisjoint(named),
        tuple(key for name, key in named.items() if name in CONTAINERS or words_of(key)[-1:] in _LAST_OF_CONTAINERS),
    )


def plain(key: str) -> str:
    """Return a key in lower case, without characters such as ``_`` between its words."""
    return _plain(key) if len(key) <= _LONGEST_CACHED else _plain.__wrapped__(key)


@lru_cache(maxsize=2048)
def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _first(named: dict[str, str], wanted: Iterable[str]) -> str | None:
    return next((named[name] for name in wanted if name in named), None)


def _own_id(keys: tuple[str, ...], named: dict[str, str]) -> str | None:
    """Return the key of the item's own id, such as ``movie_id``, ``id_movie`` or ``course_key``."""
    own = [name for name in reversed(named) if name.endswith("id") and not is_foreign_id(name)]
    if own:
        return named[own[0]]
    first = next((key for key in keys if words_of(key)[:1] == ["id"]), None)
    return first or next((named[name] for name in reversed(named) if name.endswith(("key", "sku", "slug"))), None)


def _only_id(named: dict[str, str]) -> str | None:
    """Return the key of the only id of an item, even if it usually belongs to another entity, such as an artist."""
    ids = [key for name, key in named.items() if name.endswith("id")]
    return ids[0] if len(ids) == 1 else None


def _person_id(named: dict[str, str]) -> str | None:
    """Return the key of the id of a person who is recommended: it stands beside a name, and not beside a title."""
    is_person = not _PERSON_NAMES.isdisjoint(named) and not any(name.endswith(_NOT_OF_PERSONS) for name in named)
    return _first(named, sorted(name for name in USERS if name.endswith("id"))) if is_person else None


def is_foreign_id(name: str) -> bool:
    """Return whether a plain name is that of the id of another entity, such as a user."""
    return _FOREIGN_IDS.search(name) is not None


def _is_score(name: str) -> bool:
    return name.endswith("score") and not _NO_SCORES.search(name)


def words_of(key: str) -> list[str]:
    """Return the words of a key in camelCase, snake_case or kebab-case, in lower case."""
    return [word.lower() for word in _WORDS.findall(key)]


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
    """Return the scores without missing scores; None if no item has a score. A text such as "0.7" is a number."""
    return [number(value) if isinstance(value, str) else value for value in values if value is not None] or None
