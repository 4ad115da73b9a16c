"""Search for the items in a parsed response. The search knows the shapes that public recommendation services return."""

import re
from collections.abc import Iterator
from typing import Any, Final

from otel_recmon.reading.bodies import loads
from otel_recmon.reading.item_keys import words_of
from otel_recmon.reading.items import as_objects, is_id, restarting
from otel_recmon.reading.ranks import KNOWN, NAMED, rank_of
from otel_recmon.reading.tables import Found, is_tensors, table_in, tensors_in
from otel_recmon.reading.words import words

_OF_ANY: Final = frozenset(words("items.any"))
_NESTED: Final = frozenset({list, dict})
_OBJECTS: Final = frozenset({dict})
_LISTS: Final = frozenset({list})
_LONGEST_RANK: Final = 5
_PAIR: Final = 2
_SEVERAL: Final = 2
_IN_USUAL: Final = 0.9
"""The rank of a list under an unknown key, inside an object under a usual key."""
_SHELF_MAPS: Final = frozenset(words("items.shelf_maps"))
_HAS_DIGIT: Final = re.compile(r"\d")
_DEEPEST: Final = 4
"""The maximum number of objects around the items, such as ``{"data": {"Get": {"Article": [...]}}}``."""


def find_items(body: Any) -> Found | None:
    """Return the items of a response, or None if nothing in it looks like items.

    A list under a known key wins over a list under an unknown key. Among lists under unknown keys, the one whose
    elements look most like items wins. An empty list is an empty slate if the list is the whole body or is under a
    known key.
    """
    if isinstance(body, str):
        body = _loaded(body)
    if isinstance(body, list):
        return _listed(body)
    return _in_object(body) if isinstance(body, dict) else None


def _in_object(body: dict[str, Any]) -> Found | None:
    nested = [key for key, value in body.items() if value.__class__ in _NESTED]
    if len(nested) == 1 and body[nested[0]].__class__ is list and rank_of(nested[0]) >= 1:
        return _listed(body[nested[0]])
    if is_tensors(body.get("outputs")):
        return tensors_in(body["outputs"])
    found = _as_table(body, nested) or _as_score_map(body) or _ranked(body) or _side_by_side(body)
    found = found or _shelf_map(body, nested) or _best(body) or _inside(body, nested)
    return found if found is not None else _in_text(body)


def _as_table(body: dict[str, Any], nested: list[str]) -> Found | None:
    if len(nested) < _SEVERAL:
        return None
    return table_in(body, next((key for key in nested if rank_of(key) >= 1), None))


def _as_score_map(body: dict[str, Any]) -> Found | None:
    """Return the items of a body that is a map from id to score: ``{"5f1a": 0.9, "60b2": 0.4}``.

    An id has a digit. Other keys, as in ``{"mean": 0.5}``, may name figures.
    """
    if len(body) < _SEVERAL or not all(map(_HAS_DIGIT.search, body)):
        return None
    return _as_scores(NAMED, body) if set(map(type, body.values())) <= {float, int} else None


def _in_text(body: dict[str, Any]) -> Found | None:
    """Return the items in a JSON text under a usual key; no items for null in place of a list."""
    for key, value in body.items():
        if isinstance(value, str) and value[:1] in ("[", "{") and (rank_of(key) >= 1 or key == "body"):
            return find_items(value)
        if value is None and rank_of(key) == NAMED:
            return Found([])
    return None


def _loaded(text: str) -> Any:
    """Return the JSON in a text that is itself a JSON value; None if the text is not JSON."""
    try:
        return loads(text) if text[:1] in "[{" else None
    except ValueError:
        return None


def _side_by_side(body: dict[str, Any]) -> Found | None:
    """Return the items of several lists that are all slates, as in ``{"for_you": [...], "trending": [...]}``.

    The lists must have elements of the same kind. Either none has a usual key of a single slate, or each key is a noun,
    as in ``{"movies": [...], "books": [...]}``. Lists that are no
    slates, such as a history, may stand beside them.
    """
    lists = {key: value for key, value in body.items() if isinstance(value, list | dict) and rank_of(key) >= 0}
    nouns = [key.lower() in KNOWN - _OF_ANY for key in lists]
    if len(lists) < _SEVERAL or not (all(nouns) or not any(key.lower() in KNOWN for key in lists)):
        return None
    return _joined(list(lists.values()), texts=all(nouns))


def _shelf_map(body: dict[str, Any], nested: list[str]) -> Found | None:
    """Return the items of named shelves: ``{"recommendations": {"films": [...], "books": [...]}}``."""
    holds = len(nested) == 1 and (rank_of(nested[0]) == NAMED or not _SHELF_MAPS.isdisjoint(words_of(nested[0])))
    shelves = body[nested[0]] if holds else None
    if not isinstance(shelves, dict) or len(shelves) < _SEVERAL:
        return None
    lists = list(shelves.values())
    if not all(shelf.__class__ is list for shelf in lists):
        return None
    if all(map(_HAS_DIGIT.search, shelves)):  # the keys are the ids of users
        found = _joined(lists, texts=True)
        return found and found._replace(positions=restarting(lists))
    return table_in(shelves) or _joined(lists)


def _joined(lists: list[Any], *, texts: bool = False) -> Found | None:
    """Return the items of lists with elements of the same kind, one list after the other; None for other lists.

    Texts count as items only if ``texts`` is true, because they may be words.
    """
    found = [one for one in map(_as_items, lists) if one is not None and one.items]
    kinds = {(one.fields is None, one.fields and (one.fields.id, one.fields.by_id)) for one in found}
    if len(found) != len([one for one in lists if one]) or len(kinds) != 1:
        return None
    items = [item for one in found for item in one.items]
    fields = found[0].fields
    return Found(items, fields) if fields is not None or texts or all(map(_are_numbers, found)) else None


def _are_texts(found: Found) -> bool:
    return bool(found.items) and found.fields is None and isinstance(found.items[0], str)


def _are_numbers(found: Found) -> bool:
    """Return whether items are different whole numbers. Texts may be words, and equal numbers are counts."""
    return all(isinstance(item, int) for item in found.items) and len(set(found.items)) == len(found.items)


def _inside(body: dict[str, Any], nested: list[str], depth: int = 1) -> Found | None:
    """Return the items in the only object of an object, and so on: ``{"data": {"Get": {"Article": [...]}}}``."""
    if len(nested) != 1 or body[nested[0]].__class__ is not dict or depth >= _DEEPEST:
        return None
    if rank_of(nested[0]) < (1 if depth == 1 else 0):
        return None
    inner = body[nested[0]]
    if rank_of(nested[0]) >= 1:
        shelves = list(inner.values())
        if len(shelves) >= _SEVERAL and all(shelf.__class__ in _NESTED for shelf in shelves):
            joined = _joined([_slate_in(shelf) for shelf in shelves])
            if joined:
                return joined
    found = _best(inner)
    return found or _inside(inner, [key for key, value in inner.items() if value.__class__ in _NESTED], depth + 1)


def _slate_in(shelf: Any) -> Any:
    """Return the only list of an object with a usual key, such as ``recommendations``; other values unchanged."""
    if shelf.__class__ is not dict or _ranked(shelf):
        return shelf
    lists = [value for key, value in shelf.items() if value.__class__ is list and rank_of(key) >= 1]
    return lists[0] if len(lists) == 1 else shelf


def _best(body: dict[str, Any]) -> Found | None:
    """Return the list that looks most like items; None if two lists under unknown keys look the same."""
    best: Found | None = None
    best_score, best_rank, is_tied = -1.0, 0.0, False
    for rank, value in _candidates(body):
        found = (_as_items(value) or _as_scores(rank, value)) if rank >= 0 else None
        if found is not None and (rank >= 1 or _like_items(value, found) or (rank > 0 and _are_texts(found))):
            score = rank * 2 + _likeness(found)
            is_tied = (is_tied or score == best_score) if score <= best_score else False
            if score > best_score:
                best, best_score, best_rank = found, score, rank
    return None if is_tied and best_rank < 1 else best


def _as_scores(rank: float, value: Any) -> Found | None:
    """Return the items of a map from id to score, if its key names recommendations."""
    scored = _from_scores(value) if rank == NAMED and isinstance(value, dict) else None
    return as_objects(scored) if scored else None


def _like_items(value: Any, found: Found) -> bool:
    """Return whether the value of an unknown key counts as items: objects and numbers do, words and pairs do not.

    Equal numbers are no ids.
    """
    if isinstance(value, list) and value and isinstance(value[0], list):
        return False
    if found.fields is not None:
        return True
    return bool(found.items) and not isinstance(found.items[0], str) and len(set(found.items)) == len(found.items)


def _candidates(body: dict[str, Any]) -> Iterator[tuple[float, Any]]:
    """Yield the values of an object and the lists in its objects, each with the rank of its key."""
    for key, value in body.items():
        rank = rank_of(key)
        yield rank, value
        if isinstance(value, dict):
            for inner, nested in value.items():
                if isinstance(nested, list):
                    own = rank_of(inner)
                    yield _IN_USUAL if own == 0 and rank >= 1 else min(own, 1), nested


def _as_items(value: Any) -> Found | None:
    if isinstance(value, dict):
        return _ranked(value) or table_in(value)
    return _listed(value) if isinstance(value, list) else None


def _listed(value: list[Any]) -> Found | None:
    kinds = set(map(type, value))
    if kinds == _OBJECTS:
        return as_objects(value)
    if kinds == _LISTS:
        pairs = _from_pairs(value)
        if pairs:
            return as_objects(pairs)
        return _listed(value[0]) if len(value) == 1 and len(value[0]) > _PAIR else None
    if type(None) in kinds and len(kinds) > 1:
        return _listed([element for element in value if element is not None])
    return Found(value) if all(map(is_id, value)) else None


def _ranked(value: dict[str, Any]) -> Found | None:
    """Return the items of an object whose keys are the ranks 0, 1, 2 ... or 1, 2, 3 ...; None for another object."""
    if not value or not all(key.isdecimal() and len(key) <= _LONGEST_RANK for key in value):
        return None
    ranks = sorted(int(key) for key in value)
    if ranks not in (list(range(len(ranks))), list(range(1, len(ranks) + 1))):
        return None
    items = [value[key] for key in sorted(value, key=int)]
    return _as_items(items)


def _likeness(found: Found) -> float:
    """Return the similarity of elements to items, 0 to 1.9. Objects with id, score and category get 1.9."""
    fields = found.fields
    if fields is None:
        return 0.5 if found.items else 0
    return 1.0 + 0.3 * (fields.by_id) + 0.3 * bool(fields.score) + 0.3 * bool(fields.category)


def _from_pairs(elements: list[Any]) -> list[dict[str, Any]] | None:
    """Return ``[[id, score], ...]`` as objects, or None. Pairs with only whole numbers are coordinates or ranges."""
    if all(len(element) == _PAIR and is_id(element[0]) for element in elements):
        return _scored(elements)
    return None


def _from_scores(found: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return ``{id: score, ...}`` as objects in the same order, or None."""
    return _scored(list(found.items()))


def _scored(pairs: list[Any]) -> list[dict[str, Any]] | None:
    kinds = {type(score) for _, score in pairs}
    if float in kinds and kinds <= {float, int}:
        return [{"id": item, "score": score} for item, score in pairs]
    return None
