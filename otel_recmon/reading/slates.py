"""Reading of slates from responses, with the configured expressions or by the usual shapes and keys."""

from dataclasses import dataclass
from typing import Any, Final

from otel_recmon.catalog import FAILED, FALLBACK, OUTCOMES_
from otel_recmon.reading import usual_names
from otel_recmon.reading.exchange import Exchange
from otel_recmon.reading.expressions import Field, Source
from otel_recmon.reading.item_keys import Fields, categories_of, scores_of
from otel_recmon.reading.items import as_objects
from otel_recmon.reading.shapes import find_items
from otel_recmon.reading.tables import Found, table_in
from otel_recmon.recording.slate import Slate
from otel_recmon.safety import Faults
from otel_recmon.values import number

_DEEPEST_RANK: Final = 100
"""The largest rank that can be a position on a page. A larger rank comes from a longer list, such as all products."""
_NO_FIELDS: Final = (None, False, None, None, None)
_TRUE: Final = (True, "true", "True", "1", "yes")


@dataclass(frozen=True)
class SlateRules:
    """The expressions that read a slate on one route. None stands for the usual keys."""

    items: Source | None
    item_id: Field | None
    category: Field | None
    score: Field | None
    outcome: Source | None
    limit: Source
    limit_in_path: bool
    """Whether a request without query and body can have a limit, such as a path parameter."""
    offset: Source | None
    """Finds the number of items on earlier pages."""
    position_base: int
    """The number of the first position, 0 or 1."""

    def read(self, exchange: Exchange, faults: Faults) -> Slate:
        """Return the slate of a response. The items are None if nothing in the response looks like items."""
        outcome = self._outcome(exchange, faults) if self.outcome else None
        found = self._configured_items(exchange) if self.items else find_items(exchange.response)
        if found is None and exchange.is_empty:
            found = Found([])
        if outcome is None and self.outcome is None and usual_names.states_fallback(exchange.response):
            outcome = FALLBACK if found is not None and found.items else None
        if (found is None or not found.items) and outcome is None and usual_names.states_error(exchange.response):
            outcome = FAILED
        if found is None:
            return Slate(None, outcome=outcome)
        items, fields, positions = found
        requested = None
        if positions is None and (exchange.has_parameters or self.limit_in_path):
            requested = self._requested(exchange)
        slate = Slate(items, positions=positions, outcome=outcome, requested=requested)
        if fields is not None or (items and isinstance(items[0], dict)):
            self._read_objects(slate, fields)
        if self.offset is not None and slate.positions is None:
            slate.positions = self._positions_after(exchange, len(slate.items))
        return slate

    def _positions_after(self, exchange: Exchange, length: int) -> list[int] | None:
        """Return the positions of a page. If its offset is unknown or 0, return None."""
        stated = self.offset(exchange) if self.offset else None
        offset = None if stated is None else number(stated)
        if offset is None or offset < 1:
            return None
        return [int(offset) + position for position in range(1, length + 1)]

    def positions(self, items: list[Any], key: str | None) -> list[Any] | None:
        """Return the position of each item from a key, counted from 1; None if an item has no position."""
        positions = [item.get(key) for item in items] if key else [None]
        return None if None in positions else [rebased(position, self.position_base) for position in positions]

    def _configured_items(self, exchange: Exchange) -> Found | None:
        items = self.items(exchange) if self.items else None
        if not isinstance(items, list):
            return None
        if items and all(isinstance(item, dict) for item in items):
            return as_objects(items) or Found(items)
        if items and all(isinstance(item, list) for item in items):
            return find_items(items) or Found(items)
        return _with_columns(exchange.response, items) or Found(items)

    def _read_objects(self, slate: Slate, fields: Fields | None) -> None:
        # Absent columns are skipped one by one, because this runs for every response.
        objects = slate.items
        key, _, category, score, position, *_ = fields or _NO_FIELDS
        if self.item_id is None and key is not None:
            slate.items = [item.get(key) for item in objects]
        else:
            slate.items = column(objects, self.item_id, key) or list(range(len(objects)))
        if self.category or category:
            slate.categories = _categories(column(objects, self.category, category))
        if self.score or score:
            slate.scores = scores_of(column(objects, self.score, score))
        if position:
            slate.positions = _page_positions(position, self.positions(objects, position))

    def _requested(self, exchange: Exchange) -> int | None:
        stated = self.limit(exchange)
        if stated is None or usual_names.named(usual_names.PAGES, exchange) is not None:
            return None  # the last page of a list is often short
        found = number(stated)
        return int(found) if found is not None and found >= 1 else None

    def _outcome(self, exchange: Exchange, faults: Faults) -> str | None:
        stated = self.outcome(exchange) if self.outcome else None
        if stated in OUTCOMES_ or stated is None:
            return stated
        if stated in _TRUE:
            return FALLBACK
        if isinstance(stated, str) and stated.lower() not in ("false", "0", "no", ""):
            faults.drop("outcome_invalid", f"one of {', '.join(OUTCOMES_)}, true or false")
        return None


def _with_columns(response: Any, items: list[Any]) -> Found | None:
    """Return ids with the scores or categories in a parallel list; None without such a list."""
    if not isinstance(response, dict):
        return None
    key = next((key for key, value in response.items() if value is items), None)
    return None if key is None else table_in(response, key)


def column(items: list[Any], pick: Field | None, key: str | None) -> list[Any]:
    """Return one value of each item: the result of the configured expression, or else the value of the usual key."""
    if pick is not None:
        return [pick(item) for item in items]
    return [item.get(key) for item in items] if key is not None else []


def rebased(position: Any, base: int) -> Any:
    """Convert a position that is counted from ``base`` to a position from 1. Return other values unchanged."""
    found = number(position)
    return position if found is None else found + 1 - base


def _categories(raw: list[Any]) -> list[Any] | None:
    try:
        if all(raw) and "|" not in "".join(raw):  # plain texts, as nearly always
            return raw
    except TypeError:
        pass
    categories = [categories_of(value) for value in raw]
    return categories if any(categories) else None


def _page_positions(key: str, positions: list[Any] | None) -> list[Any] | None:
    """Return the positions; None if they are ranks in a longer list (not consecutive, and one of them is above 100)."""
    if positions is None or key.lower() != "rank":
        return positions
    ranks = sorted(rank for rank in positions if isinstance(rank, float))
    consecutive = bool(ranks) and ranks == [ranks[0] + n for n in range(len(positions))]
    return positions if consecutive or not ranks or ranks[-1] <= _DEEPEST_RANK else None
