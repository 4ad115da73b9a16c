"""The rank of a key of a response: how likely its list has the items."""

import re
from functools import lru_cache
from typing import Any, Final

from otel_recmon.reading.item_keys import NAMES_RECOMMENDATIONS, is_foreign_id, plain, words_of
from otel_recmon.reading.words import words

KNOWN: Final = frozenset(words("items.keys"))
DECOYS: Final = frozenset(words("items.others"))
_PAST: Final = frozenset(words("items.past"))
_LONGEST_KEY: Final = 100
NAMED: Final = 2
"""The rank of a key that names recommendations."""
_DESPITE_DECOY: Final = re.compile(r"^becauseyou|^(recommended|suggested)users$")
"""Keys of slates whose last word usually names another list."""
_SCORED_ITEMS: Final = "itemscores"
"""The key of a list of items with scores. By its last word, the key looks like one of bare scores."""


def rank_of(key: str) -> float:
    """Return 2 for a key that names recommendations, 1 for a usual key, 0 for an unknown key, -1 for other lists."""
    return _remembered(key) if len(key) <= _LONGEST_KEY else 0


@lru_cache(maxsize=1024)
def _remembered(key: str) -> float:
    lower = key.lower()
    listed = words_of(key)
    words = set(listed)
    decoy = listed[-1:] and listed[-1] in DECOYS and lower != _SCORED_ITEMS
    strong = NAMES_RECOMMENDATIONS.search(plain(key))
    if _DESPITE_DECOY.search(plain(key)):
        return NAMED
    if decoy or words & _PAST or (words & DECOYS and not strong):
        return -1
    if strong:
        return NAMED
    of_items = listed[-1:] == ["ids"] and not is_foreign_id(plain(key)[:-1])
    return 1 if words & KNOWN or lower in KNOWN or of_items else 0


def recommending_keys(body: Any) -> list[str]:
    """Return the keys of lists and objects of a response that name recommendations, at most one object down."""
    if not isinstance(body, dict):
        return []
    nested = {key: value for key, value in body.items() if isinstance(value, list | dict)}
    inner = [key for value in nested.values() if isinstance(value, dict) for key in value]
    return [key for key in (*nested, *inner) if rank_of(key) == NAMED]


def keys_with(words: frozenset[str], body: Any) -> list[str]:
    """Return the keys of the lists of a response that contain one of the words."""
    if not isinstance(body, dict):
        return []
    return [key for key, value in body.items() if isinstance(value, list) and not words.isdisjoint(words_of(key))]


def lists_in(body: Any) -> list[tuple[str, ...]]:
    """Return the places of lists that may be the items, at most one object down. A place is the keys on the way."""
    if not isinstance(body, dict):
        return []
    nested = [(key, value) for key, value in body.items() if isinstance(value, dict)]
    paths: list[tuple[tuple[str, ...], Any]] = [((key,), value) for key, value in body.items()]
    paths += [((key, inner), value) for key, object_ in nested for inner, value in object_.items()]
    return [path for path, value in paths if isinstance(value, list) and value and rank_of(path[-1]) >= 0]
