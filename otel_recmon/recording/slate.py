"""The parts of a slate, and their checks. A check returns the usable values, and counts unusable values as dropped."""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from otel_recmon import catalog
from otel_recmon.recording.experiments import Subject
from otel_recmon.safety import Faults
from otel_recmon.values import UNKNOWN_INDEX, is_finite, label_text, position_index, reusable

MOST_ITEMS = 10_000


@dataclass(slots=True)
class Slate:
    """A slate from the code or the traffic, before any check. ``items`` is None if no items were recognized."""

    items: Any
    categories: Any = None
    scores: Any = None
    positions: Any = None
    outcome: str | None = None
    requested: int | None = None
    user: Any = None
    """The id of the user who receives the slate, if known. The event log contains only a keyed hash of the id."""
    cache_hit: bool | None = None
    subject: Subject | None = None
    """The experiment, user, variant and bucket of the slate; None without an experiment."""


def make_reusable(slate: Slate) -> None:
    """Replace iterators and arrays in a slate by lists, which can be read more than once."""
    slate.categories, slate.scores, slate.positions = (
        reusable(slate.categories),
        reusable(slate.scores),
        reusable(slate.positions),
    )


def usable_items(item_ids: object, faults: Faults) -> tuple[tuple[Hashable, ...], int]:
    """Return at most MOST_ITEMS item ids, and their number. If an id is not hashable, return () and the number."""
    if type(item_ids) is not list and (isinstance(item_ids, str | bytes) or not isinstance(item_ids, Iterable)):
        faults.drop("items_invalid", "item_ids to be a sequence of ids")
        return (), 0
    items = tuple(item_ids)
    if len(items) > MOST_ITEMS:
        faults.drop("slate_too_long", f"a slate of at most {MOST_ITEMS} items; the rest is not counted")
        items = items[:MOST_ITEMS]
    try:
        hash(items)
    except TypeError:
        faults.drop("items_invalid", "each item id to be a text or a number")
        return (), len(items)
    return items, len(items)


def top_score(scores: Sequence[Any], faults: Faults) -> float | None:
    """Return the highest score; None without usable scores, or if all scores are negative (a histogram starts at 0)."""
    if type(scores) is not list:
        if isinstance(scores, str | bytes) or not isinstance(scores, Iterable):
            faults.drop("score_invalid", "scores to be a sequence of numbers")
            return None
        scores = list(scores)
    try:
        usable = scores if all(map(math.isfinite, scores)) else None
    except (TypeError, OverflowError):
        usable = None
    if usable is None:
        faults.drop("score_invalid", "each score to be a finite number")
        usable = [score for score in scores if is_finite(score)]
    top = max(usable, default=None)
    if top is not None and top < 0:
        faults.drop("score_invalid", "a top score of at least 0, because a histogram starts at 0")
        return None
    return None if top is None else float(top)


def flat_categories(categories: object, faults: Faults) -> tuple[tuple[str, ...], int]:
    """Return the categories of all items, and the number of items without a usable category.

    If no item has a usable category, return () and 0.
    """
    flat: list[str] = []
    bare = 0
    invalid = not isinstance(categories, Iterable) or isinstance(categories, str | bytes)
    for entry in sequence(categories):
        values = categories_in(entry)
        invalid = invalid or (not values and not _is_missing(entry))
        flat.extend(values)
        bare += not values
    if invalid:
        faults.drop("category_invalid", "a category to be a text of at most 100 characters")
    return (tuple(flat), bare) if flat else ((), 0)


def categories_in(entry: object) -> list[str]:
    """Return the usable categories of one item, without duplicates."""
    entries = entry if isinstance(entry, list | tuple | set) else (entry,)
    return list(dict.fromkeys(value for value in map(label_text, entries) if value))


def _is_missing(entry: Any) -> bool:
    return entry is None or (isinstance(entry, float) and math.isnan(entry)) or entry in ("", [], ())


def position_indexes(positions: object, faults: Faults) -> tuple[int, ...] | None:
    """Return the index of each position in ``catalog.POSITIONS``. An unusable position has the index of ``unknown``.

    Return None if ``positions`` is not a collection.
    """
    usable = isinstance(positions, Iterable) and not isinstance(positions, str | bytes)
    found = [position_index(position) for position in sequence(positions)]
    if not usable or None in found:
        faults.drop("position_invalid", "a position to be a whole number from 1")
    return tuple(UNKNOWN_INDEX if index is None else index for index in found) if usable else None


def usable_outcome(outcome: str | None, faults: Faults) -> str | None:
    """Return the outcome if it is one of ``catalog.OUTCOMES_``, else None."""
    if outcome is None or outcome in catalog.OUTCOMES_:
        return outcome
    faults.drop("outcome_invalid", f"one of {', '.join(catalog.OUTCOMES_)}")
    return None


def sequence(values: Any) -> Iterable[Any]:
    """Return ``values`` if it is iterable and not a text, else an empty sequence."""
    return values if isinstance(values, Iterable) and not isinstance(values, str | bytes) else ()
