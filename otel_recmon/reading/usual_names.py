"""The usual names of query, path and body fields. They are used if no expression is configured."""

from typing import Any, Final

from otel_recmon.attribution import HEADER
from otel_recmon.reading.exchange import Exchange

LIMITS: Final = frozenset("limit k n top_k topk top_n topn num count n_recommendations num_items".split())
POSITIONS: Final = frozenset("position pos rank slot".split())
REVENUES: Final = frozenset("revenue amount price total order_value value".split())
USERS: Final = frozenset("user_id userid user uid customer_id customerid visitor_id account_id member_id".split())
VERSIONS: Final = frozenset({"model_version"})
_IDS: Final = frozenset({"recommendation_id"})
_ITEMS: Final = tuple(
    frozenset({name})
    for name in (
        "item_id itemId item product_id productId product sku asin isbn movie_id content_id article_id video_id "
        "track_id id"
    ).split()
)
"""The names of an item id, most specific first. ``id`` is last, because it may be the id of the event itself."""


def named(names: frozenset[str], exchange: Exchange) -> Any:
    """Return the first value with one of these names in the query, the path or the body; None if there is none."""
    for fields in (exchange.query, exchange.path_params, exchange.body):
        if fields and isinstance(fields, dict) and not names.isdisjoint(fields):
            return next(value for name, value in fields.items() if name in names)
    return None


def recommendation_id(exchange: Exchange) -> Any:
    """Return the recommendation id of an event, from the header or a field."""
    return exchange.headers.get(HEADER.lower()) or named(_IDS, exchange)


def item_id(exchange: Exchange) -> Any:
    """Return the item id of an event, from the most specific name that has a text or a number."""
    found = (named(names, exchange) for names in _ITEMS)
    return next((item for item in found if isinstance(item, str | int | float)), None)


def served_version(exchange: Exchange) -> Any:
    """Return the model version in the body or the header of a response."""
    stated = exchange.response.get("model_version") if isinstance(exchange.response, dict) else None
    return stated or exchange.response_headers.get("x-model-version")
