"""Items in other clothes: pairs of id and score, maps from id to score, shelves that hold lists of items."""

from typing import Any

from otel_recmon.reading.item_keys import SHELVES, plain

PAIR = 2


def is_id(element: Any) -> bool:
    """Say whether a JSON value can be the id of an item."""
    if isinstance(element, bool):
        return False
    return isinstance(element, int) or (isinstance(element, str) and bool(element))


def from_pairs(elements: list[Any]) -> list[dict[str, Any]] | None:
    """Return ``[[id, score], ...]`` as objects, or None; whole numbers alone are no scores but points and such."""
    if all(len(element) == PAIR and is_id(element[0]) for element in elements):
        return _scored(elements)
    return None


def from_scores(found: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return ``{id: score, ...}`` as objects in its order, or None."""
    return _scored(list(found.items()))


def _scored(pairs: list[Any]) -> list[dict[str, Any]] | None:
    kinds = {type(score) for _, score in pairs}
    if float in kinds and kinds <= {float, int}:
        return [{"id": item, "score": score} for item, score in pairs]
    return None


def from_shelves(shelves: list[dict[str, Any]]) -> list[Any] | None:
    """Return the items of all shelves in reading order, or None where one is no shelf."""
    key = next((key for key in shelves[0] if plain(key) in SHELVES), None)
    lists = [shelf.get(key) for shelf in shelves] if key is not None else [None]
    if not all(isinstance(items, list) for items in lists):
        return None
    return [item for items in lists for item in items or ()]
