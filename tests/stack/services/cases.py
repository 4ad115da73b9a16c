"""What the plugin must count for each call to these services, read off the contract by hand."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

TEN = "1 2 3 4 5 6 7 8 9 10"


@dataclass(frozen=True)
class Call:
    """One request and the status its client must see; None where the body is cut short."""

    method: str
    path: str
    json: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = 200


@dataclass(frozen=True)
class Case:
    """Calls to one service and the exact, complete increase of the counters they cause."""

    name: str
    service: str
    calls: tuple[Call, ...]
    counts: Mapping[str, float]
    env: Mapping[str, str] = field(default_factory=dict)


def _series(name: str, labels: Mapping[str, str]) -> str:
    return name + "{" + ",".join(f'{key}="{labels[key]}"' for key in sorted(labels)) + "}"


def _slates(
    outcomes: str,
    shown: str = "",
    items: Mapping[str, int] | None = None,
    scores: tuple[float, ...] = (),
    **labels: str,
) -> dict[str, float]:
    """One word of `outcomes` a response, one of `shown` an item, one of `scores` a slate."""
    labels = {"model_version": "v1"} | labels
    counts: Counter[str] = Counter()
    for outcome in outcomes.split():
        status = outcome if outcome in {"error", "rejected"} else "success"
        counts[_series("recommendation_requests_total", labels | {"status": status})] += 1
        if outcome != "rejected":
            counts[_series("recommendation_outcomes_total", labels | {"outcome": outcome})] += 1
            counts[_series("recommendation_latency_seconds_count", labels)] += 1
    for position in shown.split():
        counts[_series("recommendation_impressions_total", labels | {"position": position})] += 1
    for category, count in (items or {}).items():
        counts[_series("recommendation_items_total", labels | {"category": category})] = count
    if scores:
        counts[_series("recommendation_score_count", labels)] = len(scores)
    return {key: float(n) for key, n in counts.items()} | (
        {_series("recommendation_score_sum", labels): sum(scores)} if scores else {}
    )


def _events(
    clicks: str = "", converted: int = 0, revenue: tuple[float, ...] = (), **labels: str
) -> dict[str, float]:
    """One word of `clicks` a click, its position; one of `revenue` an amount worth recording."""
    labels = {"model_version": "v1"} | labels
    counts: Counter[str] = Counter()
    for position in clicks.split():
        counts[_series("recommendations_clicked_total", labels | {"position": position})] += 1
    found = {key: float(n) for key, n in counts.items()}
    if converted:
        found[_series("recommendations_converted_total", labels)] = float(converted)
    if revenue:
        found[_series("recommendation_revenue_dollars_count", labels)] = float(len(revenue))
        found[_series("recommendation_revenue_dollars_sum", labels)] = sum(revenue)
    return found


def _get(path: str, status: int | None = 200, **headers: str) -> Call:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("GET", path, headers=named, status=status)


def _post(path: str, json: object = None, status: int = 200, **headers: str) -> Call:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("POST", path, json=json, headers=named, status=status)


MOVIES = (
    Case(
        "a bare list of movie ids",
        "movies",
        (_get("/recommend/2"),),
        _slates("served", "1 2 3"),
    ),
    Case(
        "fewer movies than top_n asked for, then as many",
        "movies",
        # Read as: the usual query parameters (limit, k, n, top_n) are the asked number unless
        # LIMIT says otherwise; a default in the handler's signature is not, nobody asked.
        (_get("/recommend/1?top_n=5"), _get("/recommend/2?top_n=2")),
        _slates("partial served", "1 2 1 2"),
    ),
    Case(
        "a movie nobody knows and an id that is not a number",
        "movies",
        (_get("/recommend/99", 404), _get("/recommend/abc", 422)),
        _slates("rejected rejected"),
    ),
    Case(
        "a list of titles under recommendations",
        "movies",
        (_get("/recommend?movie=heat"),),
        _slates("served", "1 2 3"),
    ),
    Case(
        "an error message with status 200",
        "movies",
        (_get("/recommend?movie=nope"),),
        _slates("unrecognized"),
    ),
    Case(
        "pipe-separated genres and a predicted rating, next to what was watched",
        "movies",
        # Read as: genres joined by a pipe (MovieLens) are several categories.
        (_get("/users/7/recommendations"),),
        _slates(
            "served", "1 2 3", {"Comedy": 1, "Romance": 1, "Crime": 1, "Drama": 2}, scores=(4.5,)
        ),
    ),
    Case(
        "an empty slate next to a long list of what was watched",
        "movies",
        (_get("/users/8/recommendations"),),
        _slates("empty"),
    ),
    Case(
        "a slate in which some predicted ratings are null",
        "movies",
        (_get("/users/9/recommendations"),),
        _slates(
            "served",
            "1 2 3 4 5",
            {"Animation": 1, "Comedy": 2, "Crime": 2, "Drama": 3, "Romance": 1},
            scores=(4.5,),
        ),
    ),
    Case(
        "recommended_movies next to input_movies",
        "movies",
        (_get("/recommended_movies?movie=Alien"),),
        _slates("served", "1 2 3"),
    ),
    Case(
        "movies known only by title, on a route in camel case",
        "movies",
        # Read as: "contains recommend" ignores case, getRecommendations is common in the wild.
        (_get("/getRecommendations?description=cards"),),
        _slates("served", "1 2"),
    ),
    Case(
        "movies of which one has no genre",
        "movies",
        (_get("/movies/1/recommendations"),),
        _slates("served", "1 2 3", {"Crime": 2, "_none": 1}),
    ),
    Case(
        "results with genres as objects that have a name",
        "movies",
        # Read as: a genre given as an object is its name, the shape TMDB made usual.
        (_get("/tmdb/1/recommendations"),),
        _slates("served", "1 2", {"Crime": 1, "Drama": 2}),
    ),
    Case(
        "routes that recommend nothing",
        "movies",
        (
            _get("/"),
            _get("/movies"),
            _get("/recommendations/health"),
            _get("/recommendations", 404),
            _get("/recommendations/7/nowhere", 404),
        ),
        {},
    ),
)

ANIME = (
    Case(
        "a dict of objects keyed by rank, with lists of genres",
        "anime",
        (_post("/recommend/", {"user_id": 1, "n_recommendations": 3}),),
        _slates("served", "1 2 3", {"Action": 1, "Adventure": 1, "Sci-Fi": 2, "Drama": 1}),
    ),
    Case(
        "a dict keyed by rank whose last item has an empty list of genres",
        "anime",
        (_post("/recommend/", {"user_id": 1, "n_recommendations": 4}),),
        _slates(
            "served",
            "1 2 3 4",
            {"Action": 1, "Adventure": 1, "Sci-Fi": 2, "Drama": 1, "_none": 1},
        ),
    ),
    Case(
        "a missing slash that the router redirects, and a route below the recommendations",
        "anime",
        (
            _post("/recommend", {"user_id": 1}, status=307),
            _post("/recommend/titles", {"user_id": 1}),
        ),
        {},
    ),
    Case(
        "a dict of names keyed by rank",
        "anime",
        (_get("/anime/5114/recommendations"),),
        _slates("served", "1 2 3"),
    ),
    Case(
        "the neighbours of an item under the item's own id",
        "anime",
        # Read as: the only list in an object is the slate, whatever its key.
        (_get("/recommend-knn?item_id=42&n=4"), _get("/recommend-knn?item_id=42&n=6")),
        _slates("served partial", "1 2 3 4 1 2 3 4"),
    ),
    Case(
        "objects with nothing but a name under the singular key",
        "anime",
        (_get("/recommendation_user?user_id=zombie"),),
        _slates("served", "1 2"),
    ),
    Case(
        "a list of pydantic models, created with 201",
        "anime",
        (_post("/recommendations", {"user_id": 1, "n_recommendations": 2}, status=201),),
        _slates("served", "1 2", {"Action": 1, "Adventure": 1, "Sci-Fi": 1}),
    ),
    Case(
        "a request body that does not validate",
        "anime",
        (_post("/recommend/", {"n_recommendations": 2}, status=422),),
        _slates("rejected"),
    ),
    Case(
        "a browser that asks OPTIONS and HEAD before it asks GET",
        "anime",
        (
            Call(
                "OPTIONS",
                "/recommendations",
                headers={"Origin": "https://a.example", "Access-Control-Request-Method": "GET"},
            ),
            Call("HEAD", "/recommendations"),
            _get("/recommendations", Origin="https://a.example"),
        ),
        _slates("served", "1 2"),
    ),
)

BOOKS = (
    Case(
        "two pages, each counted from the top",
        "books",
        # Read as: without ranks of their own, items count from 1 on every page.
        (
            _get("/api/v1/books/recommendations?page=1&size=2"),
            _get("/api/v1/books/recommendations?page=2&size=2"),
        ),
        _slates(
            "served served", "1 2 1 2", {"Fantasy": 1, "Classics": 3, "Romance": 1, "_none": 1}
        ),
    ),
    Case(
        "a page object with the books under data",
        "books",
        (_get("/api/v1/books/recommendations/0441013597?skip=0&limit=2"),),
        _slates("served", "1 2", {"Fantasy": 1, "Classics": 2}),
    ),
    Case(
        "the last page of a list, shorter than its limit, none of its books with a category",
        "books",
        # Read as: _none exists only beside categories; where no item has one, nothing is counted.
        (_get("/api/v1/books/recommendations/0441013597?skip=3&limit=4"),),
        _slates("served", "1 2"),
    ),
    Case(
        "the items one level down, for readers with a token only",
        "books",
        (
            _get("/api/v1/library/users/1/recommendations", x_token="ann"),
            _get("/api/v1/library/users/1/recommendations", 401),
        ),
        _slates("served rejected", "1 2 3", {"Fantasy": 1, "Classics": 3, "Romance": 1}),
    ),
    Case(
        "an empty list of recommendations next to a history of objects",
        "books",
        (_get("/api/v1/library/users/1/recommend"),),
        _slates("empty"),
    ),
    Case(
        "reviews of a recommendation, and a websocket asked over plain HTTP",
        "books",
        (
            _get("/api/v1/books/recommendations/0441013597/reviews"),
            _get("/ws/recommendations", 404),
        ),
        {},
    ),
)

MUSIC = (
    Case(
        "recs of integers with k, all of them and fewer",
        "music",
        (
            _post("/recommendations?user_id=1&k=4"),
            _post("/recommendations?user_id=1&k=2"),
            _post("/recommendations?user_id=1&k=100"),
        ),
        _slates("served served partial", "1 2 3 4 1 2 1 2 3 4"),
    ),
    Case(
        "tracks that carry their own rank, out of order and beyond ten",
        "music",
        (_get("/radio/night/recommendations"),),
        _slates("served", "3 1 11+"),
    ),
    Case(
        "objects that carry their own position",
        "music",
        (_get("/sessions/s1/recommendations"),),
        _slates("served", "4 2"),
    ),
    Case(
        "newline-delimited JSON",
        "music",
        (_get("/stream/recommendations"),),
        _slates("served", "1 2 3", {"Trip hop": 2, "Rock": 1}, scores=(0.75,)),
    ),
    Case(
        "one JSON object streamed in pieces of seven bytes",
        "music",
        (_get("/export/recommendations"),),
        _slates("served", "1 2 3", {"Trip hop": 2, "Rock": 1}, scores=(0.75,)),
    ),
    Case(
        "a stream that dies half-way",
        "music",
        (_get("/live/recommendations", None),),
        _slates("error"),
    ),
    Case(
        "a user the model knows and one that raises a KeyError",
        "music",
        (_get("/recommend/1"), _get("/recommend/2", 500)),
        _slates("served error", "1 2"),
    ),
    Case(
        "a stream below the word that recommends",
        "music",
        (_get("/recommend/stream"),),
        _slates("served", "1 2 3", {"Trip hop": 2, "Rock": 1}, scores=(0.75,)),
    ),
)

TWOTOWER = (
    Case(
        "scored items, whose best is not the first",
        "twotower",
        (_get("/recommend?user_id=1&k=3"), _get("/recommend?user_id=1&k=2")),
        _slates("served served", "1 2 3 1 2", scores=(0.875, 0.875)),
    ),
    Case(
        "one scored item of three asked for",
        "twotower",
        (_get("/recommend?user_id=2&k=3"),),
        _slates("partial", "1", scores=(1.5,)),
    ),
    Case(
        "k out of its range",
        "twotower",
        (_get("/recommend?user_id=1&k=0", 422),),
        _slates("rejected"),
    ),
    Case(
        "every way to fail with a 5xx",
        "twotower",
        (
            _get("/recommend?user_id=2000", 503),
            _get("/recommend?user_id=1000", 503),
            _get("/recommend?user_id=5", 500),
            _get("/v0/recommendations", 500),
        ),
        _slates("error error error error"),
    ),
    Case(
        "scored objects under an unknown key next to a longer list of names",
        "twotower",
        (_get("/lightfm/recommendations/1"),),
        _slates("served", "1 2", scores=(1.25,)),
    ),
    Case(
        "recommended_items next to a list of their scores",
        "twotower",
        (_get("/als/recommendations/1"),),
        _slates("served", "1 2 3 4", scores=(0.9,)),
    ),
    Case("a health check with items in it", "twotower", (_get("/health"),), {}),
)

SHOP = (
    Case(
        "products next to offers, with a comma in a category",
        "shop",
        # Read as: only the pipe separates; a comma belongs to the name.
        (_get("/recommendations/c1"),),
        _slates("served", "1 2 3", {"Clothing, Shoes & Jewelry": 1, "Home": 2}),
    ),
    Case(
        "results known by asin, with a similarity",
        "shop",
        (_get("/products/B000TEST00/recommended"),),
        _slates("served", "1 2", scores=(0.875,)),
    ),
    Case(
        "a slate longer than ten under data.items, on a route with a path converter",
        "shop",
        (_get("/recommend/men/shoes?limit=12"), _get("/recommend/men/shoes?limit=20")),
        _slates("served partial", f"{TEN} 11+ 11+ {TEN} 11+ 11+"),
    ),
    Case(
        "bestsellers, and a redirect on a recommendation route",
        "shop",
        (_get("/bestsellers"), _get("/account/recommendations", 307)),
        {},
    ),
    Case(
        "from a slate to a click to a purchase",
        "shop",
        (
            _get("/recommendations/c1"),
            _post(
                "/recommendations/c1/click",
                {"customer_id": "c1", "sku": "HG-7", "position": 2},
                status=204,
            ),
            _post("/purchase", {"order_id": "o1", "revenue": 19.5}, status=201),
        ),
        _slates("served", "1 2 3", {"Clothing, Shoes & Jewelry": 1, "Home": 2})
        | _events("2", 1, (19.5,)),
    ),
    Case(
        "clicks without a position",
        "shop",
        (
            _post("/recommendations/c1/click", {"customer_id": "c1", "sku": "HG-7"}, status=204),
            _post(
                "/recommendations/c1/click",
                {"customer_id": "c1", "sku": "HG-7", "position": None},
                status=204,
            ),
        ),
        _events("unknown unknown"),
    ),
    Case(
        "purchases worth nothing, less than nothing and something",
        "shop",
        (
            _post("/purchase", {"order_id": "o1"}, status=201),
            _post("/purchase", {"order_id": "o2", "revenue": 0}, status=201),
            _post("/purchase", {"order_id": "o3", "revenue": -5}, status=201),
            _post("/purchase", {"order_id": "o4", "revenue": 4.25}, status=201),
        ),
        _events(converted=4, revenue=(4.25,)),
    ),
)

NEWS = (
    Case(
        "a gzipped slate behind four middlewares, one category an empty string",
        "news",
        # Read as: an empty category is no category.
        (_get("/readers/r1/recommendations", Accept_Encoding="gzip"),),
        _slates("served", "1 2 3 4", {"Economy": 1, "Sport": 2, "_none": 1}),
    ),
    Case(
        "the same slate for a client that does not take gzip",
        "news",
        (_get("/readers/r1/recommendations", Accept_Encoding="identity"),),
        _slates("served", "1 2 3 4", {"Economy": 1, "Sport": 2, "_none": 1}),
    ),
    Case(
        "sixty long articles, gzipped and not",
        "news",
        # Read as: a hundred kilobytes are below the default of MAX_BODY_BYTES.
        (
            _get("/archive/recommendations", Accept_Encoding="gzip"),
            _get("/archive/recommendations", Accept_Encoding="identity"),
        ),
        _slates("served served", f"{TEN} {TEN}" + " 11+" * 100),
    ),
    Case(
        "a gzipped stream",
        "news",
        (_get("/feed/recommendations", Accept_Encoding="gzip"),),
        _slates("served", "1 2 3", {"Economy": 1, "Sport": 1, "_none": 1}),
    ),
    Case(
        "a background task after the slate",
        "news",
        (_get("/digest/recommendations"),),
        _slates("served", "1 2"),
    ),
    Case(
        "HTML, plain text and a message",
        "news",
        (_get("/recommended"), _get("/recommended.txt"), _get("/recommend?user_id=r1")),
        _slates("unrecognized unrecognized unrecognized"),
    ),
)

GATEWAY = (
    Case(
        "a mounted recommender, counted once",
        "gateway",
        (_get("/films/recommendations/5"), _get("/films/recommendations/0", 400)),
        _slates("served rejected", "1 2"),
    ),
    Case(
        "a recommender that is only so by where it is mounted",
        "gateway",
        # Read as: the template is the whole one, mount path included.
        (_get("/recommend/u1"),),
        _slates("served", "1 2 3"),
    ),
    Case(
        "recommendations one level down under an unknown key",
        "gateway",
        (_get("/recommendations"),),
        _slates("served", "1 2"),
    ),
    Case(
        "neighbours of a mounted recommender",
        "gateway",
        (
            _get("/recommend/health"),
            _get("/films/recommendations/5/explain"),
            _get("/recommender/status"),
        ),
        {},
    ),
)

TRACKING = (
    Case(
        "clicks with a position in a JSON body",
        "tracking",
        (
            _post("/click", {"item_id": "m1", "position": 1}),
            _post("/click", {"item_id": "m2", "position": 10}),
            _post("/click", {"item_id": "m3", "position": 1}),
        ),
        _events("1 10 1"),
    ),
    Case(
        "clicks with a position nobody can use",
        "tracking",
        (
            _post("/click", {"item_id": "m1", "position": "abc"}),
            _post("/click", {"item_id": "m1", "position": 0}),
            _post("/click", {"item_id": "m1", "position": -2}),
            _post("/click", {"item_id": "m1", "position": 57}),
            _post("/click", {"item_id": "m1"}),
        ),
        _events("unknown unknown unknown 11+ unknown"),
    ),
    Case(
        "clicks with a position in the path",
        "tracking",
        (
            _post("/clicks/m1/4", status=202),
            _post("/clicks/m1/11", status=202),
            _post("/clicks/m1/top", status=202),
        ),
        _events("4 11+ unknown"),
    ),
    Case(
        "clicks below a recommendation, with a position in the query the handler ignores",
        "tracking",
        (
            _post("/recommendations/s1/click?item_id=m1&position=2"),
            _post("/recommendations/s1/click?item_id=m1&position=abc"),
            _post("/recommendations/s1/click?item_id=m1"),
        ),
        _events("2 unknown unknown"),
    ),
    Case(
        "a click that redirects to the shop",
        "tracking",
        (_post("/out/m1/click?position=5", status=302),),
        _events("5"),
    ),
    Case(
        "events that fail",
        "tracking",
        (
            _post("/click", {"item_id": "nope", "position": 1}, status=404),
            _post("/click", {"position": 1}, status=422),
            _post("/click", {"item_id": "broken", "position": 1}, status=500),
            _post("/purchase", {"item_id": "nope", "revenue": 5}, status=404),
            _post("/conversion?item_id=m1&revenue=much", status=422),
        ),
        {},
    ),
    Case(
        "routes that only sound like events",
        "tracking",
        (_get("/clicks"), _post("/clicks/export"), _get("/click", 405)),
        {},
    ),
    Case(
        "conversions with a revenue in the query, usable and not",
        "tracking",
        (
            _post("/conversion?item_id=m1&revenue=12.5"),
            _post("/conversion?item_id=m1"),
            _post("/conversion?item_id=m1&revenue=nan"),
            _post("/conversion?item_id=m1&revenue=inf"),
            _post("/conversion?item_id=m1&revenue=-3"),
            _post("/items/m1/conversions?revenue=7.25"),
        ),
        _events(converted=6, revenue=(12.5, 7.25)),
    ),
    Case(
        "purchases with a revenue in the body and in the path",
        "tracking",
        (
            _post("/purchase", {"item_id": "m1", "revenue": 20.25}),
            _post("/purchase", {"item_id": "m2", "revenue": None}),
            _post("/purchases/o1/49.5"),
        ),
        _events(converted=3, revenue=(20.25, 49.5)),
    ),
)

FEED = {
    "OTEL_RECMON_ROUTES": "GET /feed/{user_id}",
    "OTEL_RECMON_ITEMS": "response.docs[]",
    "OTEL_RECMON_ITEM_ID": "ref",
    "OTEL_RECMON_CATEGORY": "attributes.department",
    "OTEL_RECMON_SCORE": "ranking.confidence",
}
ROWS = {"OTEL_RECMON_ROUTES": "GET /rows/*", "OTEL_RECMON_ITEMS": "rows[].cards[]"}
EXPERIMENT = {
    "OTEL_RECMON_VARIANT": "header:x-variant",
    "OTEL_RECMON_SURFACE": "query:surface",
}
VERSIONED = {"OTEL_RECMON_MODEL_VERSION_FROM": "response_header:x-model-version"}
EVENTS = {
    "OTEL_RECMON_CLICK_ROUTES": "GET /r/{item_id}",
    "OTEL_RECMON_CONVERSION_ROUTES": "POST /checkout",
    "OTEL_RECMON_POSITION": "query:slot",
    "OTEL_RECMON_REVENUE": "body:order.total",
}
SAID = {"OTEL_RECMON_LIMIT": "query:page_size", "OTEL_RECMON_OUTCOME": "source"}

CONFIGURED = (
    Case(
        "a feed described by expressions, and nothing else counted",
        "storefront",
        # Read as: configured routes replace the default ones.
        (_get("/feed/u1"), _get("/recommendations")),
        _slates("served", "1 2 3", {"Garden": 1, "Kitchen": 1, "_none": 1}, scores=(0.5,)),
        FEED,
    ),
    Case(
        "rows flattened into one slate, on a route with a wildcard",
        "storefront",
        (_get("/rows/u1"),),
        _slates("served", "1 2 3"),
        ROWS,
    ),
    Case(
        "a slate, a rejected request and a click in arm b on the home page",
        "storefront",
        (
            _get("/recommendations?surface=home", x_variant="b"),
            _get("/recommendations?user_id=x&surface=home", 422, x_variant="b"),
            _post("/click?position=3&surface=home", status=204, x_variant="b"),
        ),
        _slates(
            "served rejected", "1 2 3", {"Kitchen": 1, "Garden": 2}, variant="b", surface="home"
        )
        | _events("3", variant="b", surface="home"),
        EXPERIMENT,
    ),
    Case(
        "a purchase in arm a from the cart",
        "storefront",
        (_post("/purchase?revenue=8.5&surface=cart", x_variant="a"),),
        _events(converted=1, revenue=(8.5,), variant="a", surface="cart"),
        EXPERIMENT,
    ),
    Case(
        "two users on the new model and one on the old",
        "storefront",
        (
            _get("/users/2/recommendations"),
            _get("/users/1/recommendations"),
            _get("/users/4/recommendations"),
        ),
        _slates("served served", "1 2 1 2", scores=(0.5, 0.5), model_version="v2")
        | _slates("served", "1 2", scores=(0.5,)),
        VERSIONED,
    ),
    Case(
        "a link that counts as a click and a checkout that counts as a conversion",
        "storefront",
        (
            _get("/r/l1?slot=2", 307),
            _get("/r/l1?position=2", 307),
            _post("/checkout", {"basket": "k1", "order": {"total": 30.5}}),
        ),
        _events("2 unknown", 1, (30.5,)),
        EVENTS,
    ),
    Case(
        "clicks of a client that counts from zero",
        "storefront",
        (
            _post("/click?position=0", status=204),
            _post("/click?position=9", status=204),
            _post("/click?position=10", status=204),
            _post("/click?position=-1", status=204),
        ),
        _events("1 10 11+ unknown"),
        {"OTEL_RECMON_POSITION_BASE": "0"},
    ),
    Case(
        "a service that says where the slate came from, and how many were asked for",
        "storefront",
        # Read as: a value that is no outcome ("model") and null leave the usual rule in place;
        # fallback, once said, wins over partial.
        (
            _get("/recommendations?user_id=1&page_size=3"),
            _get("/recommendations?user_id=2&page_size=3"),
            _get("/recommendations?user_id=3&page_size=2"),
            _get("/recommendations?user_id=3&page_size=5"),
            _get("/recommendations?user_id=2&page_size=5"),
        ),
        _slates(
            "served fallback served partial fallback",
            "1 2 3 1 2 3 1 2 1 2 3 1 2 3",
            {"Kitchen": 5, "Garden": 9},
        ),
        SAID,
    ),
    Case(
        "a body over the limit, and one below it",
        "news",
        # Read as: what is too long to be held is delivered whole and counts as unrecognized.
        (
            _get("/archive/recommendations", Accept_Encoding="identity"),
            _get("/digest/recommendations"),
        ),
        _slates("unrecognized served", "1 2"),
        {"OTEL_RECMON_MAX_BODY_BYTES": "20000"},
    ),
)

CASES: tuple[Case, ...] = (
    *MOVIES,
    *ANIME,
    *BOOKS,
    *MUSIC,
    *TWOTOWER,
    *SHOP,
    *NEWS,
    *GATEWAY,
    *TRACKING,
    *CONFIGURED,
)
