"""Which routes are watched, and as what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_recmon.config import Settings
from otel_recmon.reading.route_words import Certainty
from otel_recmon.reading.routes import RouteKind, Routes

RECOMMENDATION, CLICK = RouteKind.RECOMMENDATION, RouteKind.CLICK
CONVERSION, IMPRESSION, EVENT = RouteKind.CONVERSION, RouteKind.IMPRESSION, RouteKind.EVENT

DEFAULTS: dict[str, tuple[str, RouteKind | None]] = {
    "the plain name": ("GET /recommendations", RECOMMENDATION),
    "with a slash at the end": ("GET /recommendations/", RECOMMENDATION),
    "the verb before a parameter": ("GET /recommend/{user_id}", RECOMMENDATION),
    "the verb before two parameters": ("GET /recommend/{user_id}/{item_id}", RECOMMENDATION),
    "below a parameter": ("GET /users/{id}/recommendations", RECOMMENDATION),
    "a parameter of a type": ("GET /recommend/{user_id:int}", RECOMMENDATION),
    "by POST": ("POST /v1/recommend", RECOMMENDATION),
    "in camel case": ("GET /getRecommendations", RECOMMENDATION),
    "in a longer name": ("GET /recommended-for-you", RECOMMENDATION),
    "something below it": ("GET /recommendations/health", None),
    "something below it with a parameter": ("GET /recommendations/{id}/feedback", None),
    "the name only in a parameter": ("GET /{recommendations}", None),
    "by PUT": ("PUT /recommendations", None),
    "by DELETE": ("DELETE /recommendations/{id}", None),
    "by HEAD": ("HEAD /recommendations", None),
    "by OPTIONS": ("OPTIONS /recommendations", None),
    "a click": ("POST /click", CLICK),
    "clicks of an item": ("POST /items/{id}/clicks", CLICK),
    "a click on an item": ("POST /click/{item_id}", CLICK),
    "a click below recommendations": ("POST /recommendations/{id}/click", CLICK),
    "a click by GET": ("GET /click", RouteKind.TRACKER),
    "a word that starts like click": ("POST /clicker", None),
    "a conversion": ("POST /conversion", CONVERSION),
    "conversions": ("POST /v1/conversions", CONVERSION),
    "a purchase": ("POST /users/{id}/purchase", CONVERSION),
    "purchases": ("POST /purchases/{id}", CONVERSION),
    "a purchase beside another word": ("POST /log-purchase", CONVERSION),
    "a purchase beside a word that says more": ("POST /purchase-orders", None),
    "a list of purchases": ("GET /purchases", None),
    "an order": ("POST /orders", None),
    "impressions, without configuration": ("POST /impressions", RouteKind.EVENT),
    "a segment before others": ("GET /recommendations/user/{user_id}", RECOMMENDATION),
    "a model before it": ("GET /api/v1/model/recommendations/user/{id}", RECOMMENDATION),
    "in Spanish": ("GET /recomendar/{user_id}", RECOMMENDATION),
    "a misspelling": ("GET /user_recomendation", RECOMMENDATION),
    "an action to recommend": ("POST /action-recommendations", RECOMMENDATION),
    "a stored recommendation": ("GET /recommendations/{recommendation_id}", None),
    "a part of a stored recommendation": ("GET /recommendations/{recId}/recipe", None),
    "its statistics": ("GET /recommendations/stats", None),
    "its training": ("POST /recommendations/train", None),
    "its history": ("GET /recommendation-history", None),
    "similar items": ("GET /similar-products/{product_id}", RECOMMENDATION),
    "a feed in camel case": ("GET /xrpc/app.feed.getFeedSkeleton", RECOMMENDATION),
    "for you": ("GET /events/for-you", RECOMMENDATION),
    "a search for similar items": ("GET /search/similar/{id}", None),
    "related searches": ("GET /related-searches", None),
    "perhaps completions": ("GET /suggest", RECOMMENDATION),
    "a word that contains another": ("GET /breed", None),
    "events of any kind": ("POST /v1/events", EVENT),
    "events of a user": ("POST /v1/events/user/{user_id}", EVENT),
    "a batch of events": ("POST /events/batch", EVENT),
    "interactions": ("POST /interactions", EVENT),
    "feedback on a recommendation": ("POST /recommendations/{id}/feedback", EVENT),
    "a song": ("POST /next_track", RECOMMENDATION),
    "songs": ("POST /similar_track", RECOMMENDATION),
    "an event of a track": ("POST /track_event", EVENT),
    "statistics of feedback": ("POST /feedback/stats", None),
    "a list of events": ("GET /events", None),
    "clicks on recommendations in camel case": ("POST /activities/{site}/clickReco", CLICK),
    "an export of clicks": ("POST /clicks/export", None),
    "the root": ("GET /", None),
    "nothing": ("GET ", None),
}


@pytest.mark.parametrize("case", DEFAULTS)
def test_by_default_a_route_is(case: str) -> None:
    text, kind = DEFAULTS[case]
    method, _, template = text.partition(" ")

    assert Routes.of(Settings()).kind(method, template) == kind


def test_configured_routes_replace_the_defaults_of_their_kind_alone() -> None:
    routes = Routes.of(Settings(routes="GET /home/{user_id}, POST /v1/rank", impression_routes="POST /seen"))

    kinds = {
        text: routes.kind(*text.split(" "))
        for text in ("GET /home/{id}", "POST /v1/rank", "GET /recommendations", "POST /seen", "POST /click")
    }
    assert kinds == {
        "GET /home/{id}": RECOMMENDATION,
        "POST /v1/rank": RECOMMENDATION,
        "GET /recommendations": None,
        "POST /seen": IMPRESSION,
        "POST /click": CLICK,
    }


def test_an_event_route_wins_over_a_recommendation_route() -> None:
    routes = Routes.of(Settings(routes="/*", click_routes="GET /r/{id}", conversion_routes="POST /orders"))

    assert [routes.kind("GET", "/r/{id}"), routes.kind("POST", "/orders"), routes.kind("GET", "/x")] == [
        CLICK,
        CONVERSION,
        RECOMMENDATION,
    ]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_head_and_options_never_count_even_where_any_method_does(method: str) -> None:
    assert Routes.of(Settings(routes="/*")).kind(method, "/home") is None


@given(st.sampled_from(["GET", "POST", "PUT"]), st.text(alphabet="/{}abcrecommend.*", max_size=40))
def test_any_template_has_a_kind_or_none(method: str, template: str) -> None:
    assert Routes.of(Settings()).kind(method, template) in (None, *RouteKind)


@pytest.mark.parametrize(
    ("route", "certainty"),
    [
        ("GET /users/{id}/recommendations", Certainty.SURE),
        ("GET /recommendations/user/{id}", Certainty.LIKELY),
        ("GET /similar/{id}", Certainty.POSSIBLE),
        ("POST /v1/predict", Certainty.FAINT),
        ("POST /click", Certainty.SURE),
    ],
)
def test_a_route_whose_words_say_less_is_a_guess(route: str, certainty: Certainty) -> None:
    method, _, template = route.partition(" ")

    assert Routes.of(Settings()).certainty(method, template) is certainty
    assert Routes.of(Settings(routes="/*")).certainty(method, template) is Certainty.SURE
