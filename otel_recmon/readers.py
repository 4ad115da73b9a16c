"""Reads recommendations and events off the traffic of one route, as configured or by the usual names."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from otel_recmon.catalog import FALLBACK, OUTCOMES_
from otel_recmon.config import Settings
from otel_recmon.expressions import Exchange, Field, PerRoute, Source, field, source
from otel_recmon.fields import Fields, categories_of, number, scores_of
from otel_recmon.routes import RouteKind
from otel_recmon.safety import Faults
from otel_recmon.shapes import Found, as_objects, find_items
from otel_recmon.slate import Slate

_LIMITS: Final = frozenset("limit k n top_k topk top_n topn num count n_recommendations num_items".split())
_PLACES: Final = frozenset("position pos rank slot".split())
_REVENUES: Final = frozenset("revenue amount price total order_value value".split())
_USERS: Final = frozenset("user_id userid user uid customer_id customerid visitor_id account_id member_id".split())
VERSIONS: Final = frozenset({"model_version"})
_NO_KEYS: Final = (None, None, None, None)
_TRUE: Final = (True, "true", "True", "1", "yes")


@dataclass(frozen=True)
class Reader:
    """How to read one route."""

    kind: RouteKind
    template: str
    items: Source | None
    item_id: Field | None
    category: Field | None
    score: Field | None
    outcome: Source | None
    limit: Source
    position: Source
    revenue: Source
    user: Source
    model_version: Source
    says_version: bool
    """Whether the version is what the service says of its own accord, nothing being configured."""
    variant: Source | None
    surface: Source | None
    position_base: int
    reads_body: bool

    def slate(self, exchange: Exchange, faults: Faults) -> Slate:
        """Return what a response of this route recommends; its items are None where nothing looks like items."""
        outcome = self._outcome(exchange, faults) if self.outcome else None
        found = self.found(exchange) if self.items else find_items(exchange.response)
        if found is None:
            return Slate(None, outcome=outcome)
        items, fields = found
        slate = Slate(items, outcome=outcome, requested=self._requested(exchange))
        if fields is not None or (items and isinstance(items[0], dict)):
            self._read_objects(slate, fields)
        return slate

    def found(self, exchange: Exchange) -> Found | None:
        """Return the items that are where the configuration says, and how to read them."""
        items = self.items(exchange) if self.items else None
        if not isinstance(items, list):
            return None
        if items and all(isinstance(item, dict) for item in items):
            return as_objects(items) or Found(items, None)
        return Found(items, None)

    def _read_objects(self, slate: Slate, fields: Fields | None) -> None:
        # Only what is there is read: this is done for every response.
        objects = slate.items
        key, category, score, position = fields.keys if fields else _NO_KEYS
        slate.items = _column(objects, self.item_id, key) or list(range(len(objects)))
        if self.category or category:
            slate.categories = _categories(_column(objects, self.category, category))
        if self.score or score:
            slate.scores = scores_of(_column(objects, self.score, score))
        if position:
            slate.positions = self._positions(objects, position)

    def _positions(self, items: list[Any], key: str | None) -> list[Any] | None:
        positions = [item.get(key) for item in items]
        if None in positions:
            return None
        return [_rebased(position, self.position_base) for position in positions]

    def _requested(self, exchange: Exchange) -> int | None:
        said = self.limit(exchange)
        asked = None if said is None else number(said)
        return int(asked) if asked is not None and asked >= 1 else None

    def _outcome(self, exchange: Exchange, faults: Faults) -> str | None:
        said = self.outcome(exchange) if self.outcome else None
        if said in OUTCOMES_ or said is None:
            return said
        if said in _TRUE:
            return FALLBACK
        if isinstance(said, str) and said.lower() not in ("false", "0", "no", ""):
            faults.drop("outcome_invalid", f"one of {', '.join(OUTCOMES_)}, true or false")
        return None

    def place(self, exchange: Exchange) -> Any:
        """Return the position of an event, from 1, as the client says it."""
        return _rebased(self.position(exchange), self.position_base)

    def seen(self, exchange: Exchange) -> list[Any]:
        """Return the positions of the items that a client says were seen, from 1."""
        body = exchange.body
        said = body.get("positions") if isinstance(body, dict) else None
        if isinstance(said, list):
            return [_rebased(position, self.position_base) for position in said]
        found = find_items(body)
        if found is None or (found.fields is None and not isinstance(body, dict)):
            return list(range(1, len(found.items) + 1)) if found else [self.place(exchange)]
        items, fields = found
        return (fields and fields.position and self._positions(items, fields.position)) or list(
            range(1, len(items) + 1)
        )


class Readers:
    """The readers of a service, one for each watched route."""

    def __init__(self, settings: Settings) -> None:
        """Take the expressions of the settings.

        Raises:
            ValueError: If one of them is not valid.
        """
        self._settings = settings
        self._sources = {name: PerRoute.of(getattr(settings, name), source) for name in SOURCES}
        self._fields = {name: PerRoute.of(getattr(settings, name), field) for name in FIELDS}

    def reader(self, kind: RouteKind, method: str, template: str) -> Reader:
        """Return how to read a route."""
        texts = {name: rules.at(method, template) for name, rules in self._sources.items()}
        find: dict[str, Source | None] = {name: source(text) if text else None for name, text in texts.items()}
        fields = {name: rules.at(method, template) for name, rules in self._fields.items()}
        pick: dict[str, Field | None] = {name: field(text) if text else None for name, text in fields.items()}
        return Reader(
            kind=kind,
            template=template,
            items=find["items"],
            item_id=pick["item_id"],
            category=pick["category"],
            score=pick["score"],
            outcome=find["outcome"],
            limit=find["limit"] or partial(usual, _LIMITS),
            position=find["position"] or partial(usual, _PLACES),
            revenue=find["revenue"] or partial(usual, _REVENUES),
            user=find["user"] or partial(usual, _USERS),
            model_version=find["model_version_from"] or self._usual_version(),
            says_version=not (texts["model_version_from"] or self._settings.model_version),
            variant=find["variant"],
            surface=find["surface"],
            position_base=self._settings.position_base,
            reads_body=kind is RouteKind.RECOMMENDATION
            or any(text is not None and ":" not in text for text in texts.values()),
        )

    def _usual_version(self) -> Source:
        return (lambda _: None) if self._settings.model_version else _said_version


SOURCES: Final = tuple("items outcome limit position revenue user model_version_from variant surface".split())
FIELDS: Final = ("item_id", "category", "score")


def usual(names: frozenset[str], exchange: Exchange) -> Any:
    """Return the first of some usual names that the query, the path or the body has."""
    for place in (exchange.query, exchange.path_params, exchange.body):
        if place and isinstance(place, dict) and not names.isdisjoint(place):
            return next(value for name, value in place.items() if name in names)
    return None


def _said_version(exchange: Exchange) -> Any:
    """Return the model version that a service says of its own accord."""
    said = exchange.response.get("model_version") if isinstance(exchange.response, dict) else None
    return said or exchange.response_headers.get("x-model-version")


def _column(items: list[Any], pick: Field | None, key: str | None) -> list[Any]:
    """Return one value of each item, by the configured expression or by its usual key."""
    if pick is not None:
        return [pick(item) for item in items]
    return [item.get(key) for item in items] if key is not None else []


def _categories(raw: list[Any]) -> list[Any] | None:
    # A loop over what is nearly always a plain text, on every response.
    categories = [v if v.__class__ is str and v and "|" not in v else categories_of(v) for v in raw]
    return categories if any(categories) else None


def _rebased(position: Any, base: int) -> Any:
    found = number(position)
    return position if found is None else found + 1 - base
