"""Reads recommendations and events off the traffic of one route, as configured or by the usual names."""

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from otel_recmon.attribution import HEADER
from otel_recmon.catalog import FALLBACK, OUTCOMES_
from otel_recmon.config import Settings
from otel_recmon.reading.expressions import Exchange, Field, PerRoute, Source, field, source
from otel_recmon.reading.item_keys import Fields, categories_of, scores_of
from otel_recmon.reading.routes import RouteKind
from otel_recmon.reading.shapes import Found, as_objects, find_items
from otel_recmon.recording.slate import Slate
from otel_recmon.safety import Faults
from otel_recmon.values import number

_LIMITS: Final = frozenset("limit k n top_k topk top_n topn num count n_recommendations num_items".split())
_PLACES: Final = frozenset("position pos rank slot".split())
_REVENUES: Final = frozenset("revenue amount price total order_value value".split())
_USERS: Final = frozenset("user_id userid user uid customer_id customerid visitor_id account_id member_id".split())
_PARAMETERS: Final = re.compile(r"{(\w+)")
_IDS: Final = frozenset({"recommendation_id"})
_ITEMS: Final = (
    "item_id itemId item product_id productId product sku asin isbn movie_id content_id article_id video_id track_id id"
).split()
VERSIONS: Final = frozenset({"model_version"})
_DEEPEST_RANK: Final = 100
"""What is ranked further down was not shown there, unless all of a page was."""
_NO_FIELDS: Final = (None, False, None, None, None)
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
    limit_in_path: bool
    """Whether the asked number can stand elsewhere than in the query or the body."""
    position: Source
    revenue: Source
    user: Source
    recommendation_id: Source
    event_item_id: Source
    model_version: Source | None
    says_version: bool
    """Whether the version is what the service says of its own accord, nothing being configured."""
    variant: Source | None
    surface: Source | None
    experiment: Source | None
    labelled: bool
    """Whether the traffic can say anything that a request is counted under."""
    needs_user: bool
    position_base: int
    reads_body: bool

    def slate(self, exchange: Exchange, faults: Faults) -> Slate:
        """Return what a response of this route recommends; its items are None where nothing looks like items."""
        outcome = self._outcome(exchange, faults) if self.outcome else None
        found = self.found(exchange) if self.items else find_items(exchange.response)
        if found is None:
            return Slate(None, outcome=outcome)
        items, fields = found
        asked = None if exchange.bare and not self.limit_in_path else self._requested(exchange)
        slate = Slate(items, outcome=outcome, requested=asked)
        if self.needs_user:
            slate.user = self.user(exchange)
        if fields is not None or (items and isinstance(items[0], dict)):
            self._read_objects(slate, fields)
        return slate

    def found(self, exchange: Exchange) -> Found | None:
        """Return the items that are where the configuration says, and how to read them."""
        items = self.items(exchange) if self.items else None
        if not isinstance(items, list):
            return None
        if items and all(isinstance(item, dict) for item in items):
            return as_objects(items) or (items, None)
        return items, None

    def _read_objects(self, slate: Slate, fields: Fields | None) -> None:
        # Only what is there is read: this is done for every response.
        objects = slate.items
        key, _, category, score, position, *_ = fields or _NO_FIELDS
        if self.item_id is None and key is not None:
            slate.items = [item.get(key) for item in objects]
        else:
            slate.items = _column(objects, self.item_id, key) or list(range(len(objects)))
        if self.category or category:
            slate.categories = _categories(_column(objects, self.category, category))
        if self.score or score:
            slate.scores = scores_of(_column(objects, self.score, score))
        if position:
            slate.positions = _shown(position, self._positions(objects, position))

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

    def seen(self, exchange: Exchange) -> "Seen":
        """Return the positions that a client says were seen, from 1, and the items; either may be empty."""
        body = exchange.body
        said = body.get("positions") if isinstance(body, dict) else None
        if isinstance(said, list):
            return Seen([_rebased(position, self.position_base) for position in said], [])
        found = find_items(body)
        if found is None:
            return Seen([self.place(exchange)], [self.event_item_id(exchange)])
        items, fields = found
        if fields is None:
            return Seen([], items)
        said = self._positions(items, fields.position) if fields.position else None
        return Seen(said or [], _column(items, self.item_id, fields.id))


class Seen(NamedTuple):
    """What a client says was seen."""

    positions: list[Any]
    items: list[Any]


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
            limit_in_path=bool(find["limit"]) or not _LIMITS.isdisjoint(_PARAMETERS.findall(template)),
            position=find["position"] or partial(usual, _PLACES),
            revenue=find["revenue"] or partial(usual, _REVENUES),
            user=find["user"] or partial(usual, _USERS),
            recommendation_id=find["recommendation_id"] or _said_id,
            event_item_id=find["event_item_id"] or _said_item,
            model_version=find["model_version_from"] or self._usual_version(),
            says_version=not (texts["model_version_from"] or self._settings.model_version),
            variant=find["variant"],
            surface=find["surface"],
            experiment=find["experiment_from"],
            labelled=self._settings.experimental
            or not self._settings.model_version
            or any(texts[name] for name in ("model_version_from", "variant", "surface")),
            needs_user=self._settings.needs_user,
            position_base=self._settings.position_base,
            reads_body=kind is RouteKind.RECOMMENDATION
            or any(text is not None and ":" not in text for text in texts.values()),
        )

    def _usual_version(self) -> Source | None:
        return None if self._settings.model_version else _said_version


SOURCES: Final = (
    *"items outcome limit position revenue user model_version_from variant surface experiment_from".split(),
    *"recommendation_id event_item_id".split(),
)
FIELDS: Final = ("item_id", "category", "score")


def usual(names: frozenset[str], exchange: Exchange) -> Any:
    """Return the first of some usual names that the query, the path or the body has."""
    for place in (exchange.query, exchange.path_params, exchange.body):
        if place and isinstance(place, dict) and not names.isdisjoint(place):
            return next(value for name, value in place.items() if name in names)
    return None


def _said_id(exchange: Exchange) -> Any:
    """Return the recommendation id that comes with an event."""
    return exchange.headers.get(HEADER.lower()) or usual(_IDS, exchange)


def _said_item(exchange: Exchange) -> Any:
    """Return the item of an event, by the most telling of its usual names."""
    found = (usual(frozenset({name}), exchange) for name in _ITEMS)
    return next((item for item in found if isinstance(item, str | int | float)), None)


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
    try:
        if all(raw) and "|" not in "".join(raw):  # plain texts, as nearly always
            return raw
    except TypeError:
        pass
    categories = [categories_of(value) for value in raw]
    return categories if any(categories) else None


def _shown(key: str, positions: list[Any] | None) -> list[Any] | None:
    """Return the positions; ranks far down a list that they do not follow are others', as those by popularity."""
    if positions is None or key.lower() != "rank":
        return positions
    ranks = sorted(rank for rank in positions if isinstance(rank, float))
    follow = bool(ranks) and ranks == [ranks[0] + n for n in range(len(positions))]
    return positions if follow or not ranks or ranks[-1] <= _DEEPEST_RANK else None


def _rebased(position: Any, base: int) -> Any:
    found = number(position)
    return position if found is None else found + 1 - base
