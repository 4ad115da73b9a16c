"""Definitions of all metrics, labels, label values, histogram buckets, span attributes and log events.

Instruments, panels, alerts and reference tables are generated from these definitions.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

SeriesKey = tuple[str, tuple[tuple[str, str], ...]]
"""The Prometheus name of a series, and its labels as (name, value) in alphabetical order."""


class Kind(Enum):
    """The metric types, with their Prometheus names."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Attribute:
    """A label. It has either a closed set of values, or free values up to a maximum number (the cap)."""

    name: str
    brief: str
    values: tuple[str, ...] = ()
    cap: int = 0

    def __post_init__(self) -> None:
        """Check that the cardinality of the label is bounded.

        Raises:
            ValueError: If the label has neither a closed set of values nor a cap.
        """
        if not self.values and not self.cap:
            msg = f"attribute {self.name!r} needs a closed set of values or a cap"
            raise ValueError(msg)


OTHER: Final = "_other"
"""The label value that replaces all further values of a label that has reached its cap."""
NO_CATEGORY: Final = "_none"
"""The value of the label ``category`` for an item that has no category."""
UNKNOWN: Final = "unknown"
"""The label value for an unusable position or an unknown model version."""
MAX_SERIES: Final = 1500
"""The maximum number of label combinations of one metric in one process.

The limit of the SDK is 2,000. The SDK silently merges all further label combinations into one series.
"""

SUCCESS, ERROR, REJECTED = STATUSES = ("success", "error", "rejected")
SERVED, PARTIAL, FALLBACK, EMPTY, NOT_MODIFIED, FAILED, UNRECOGNIZED = OUTCOMES_ = (
    "served",
    "partial",
    "fallback",
    "empty",
    "not_modified",
    "error",
    "unrecognized",
)
GOOD_OUTCOMES: Final = (SERVED, PARTIAL, NOT_MODIFIED)
"""The outcomes of responses that meet the service level objective, if their latency also meets the objective."""
REGISTERS: Final = tuple(str(register) for register in range(512))
"""The register indexes of a sketch, 0 to 511.

512 is the largest power of two with which the sketches of two model versions stay within MAX_SERIES.
"""
POSITIONS: Final = (*(str(position) for position in range(1, 11)), "11+", UNKNOWN)
GOOD, BAD = GOODNESS = ("true", "false")
CLICK, CONVERSION, IMPRESSION = REPORTED = ("click", "conversion", "impression")
"""The user events that have metrics of their own. All other events count by their action."""
CONTROL, TREATMENT = ROLES = ("control", "treatment")
BUCKETS: Final = tuple(f"{bucket:02}" for bucket in range(32))
"""The buckets of users of each arm. A standard error that is computed from 32 buckets has 31 degrees of freedom."""
MAX_ARMS: Final = MAX_SERIES // len(BUCKETS)
"""The maximum number of arms in one process: the arms of all experiments, including the arm ``_other``.

Each arm has one series per bucket. More arms would exceed MAX_SERIES.
"""
ATTRIBUTED, DUPLICATE, EXPIRED, FORGED, FUTURE, MALFORMED, MISSING, UNSUPPORTED = ATTRIBUTIONS_ = (
    "attributed",
    "duplicate",
    "expired",
    "forged",
    "future",
    "malformed",
    "missing",
    "unsupported",
)
DROP_REASONS: Final = (
    "body_encoding",
    "body_too_large",
    "body_unreadable",
    "candidates_invalid",
    "category_invalid",
    "coverage_invalid",
    "diversity_invalid",
    "event_too_long",
    "events_too_many",
    "items_invalid",
    "label_invalid",
    "latency_invalid",
    "outcome_invalid",
    "position_invalid",
    "revenue_invalid",
    "score_invalid",
    "slate_too_long",
    "slate_unsigned",
    "timestamp_invalid",
)

MODEL_VERSION: Final = Attribute("model_version", "The version of the model that made the recommendations.", cap=20)
VARIANT: Final = Attribute("variant", "The experiment arm, if known.", cap=10)
SURFACE: Final = Attribute("surface", "The placement of the slate, such as `home` or `product_page`.", cap=20)
CATEGORY: Final = Attribute("category", "The category of a recommended item.", cap=50)
STAGE: Final = Attribute("stage", "A stage of the recommendation pipeline, such as `retrieval` or `ranking`.", cap=20)
STATUS: Final = Attribute(
    "status", "The result of the request: `success` (2xx or 304), `error` (5xx) or `rejected` (4xx).", STATUSES
)
OUTCOME: Final = Attribute(
    "outcome",
    "The result for the user: all requested items (`served`), fewer items than requested (`partial`), fallback items "
    "(`fallback`), no items (`empty`), the list that the client has already (`not_modified`, status code 304), a "
    "failed request (`error`), or a response in which otel-recmon recognizes no list of items (`unrecognized`).",
    OUTCOMES_,
)
POSITION: Final = Attribute("position", "The position of the item in the slate. The first position is 1.", POSITIONS)
IS_GOOD: Final = Attribute(
    "good",
    "`true` if the outcome is `served`, `partial` or `not_modified` and the latency is within "
    "`OTEL_RECMON_SLO_LATENCY`.",
    GOODNESS,
)
REGISTER: Final = Attribute("register", "The index of a HyperLogLog register in the sketch.", REGISTERS)
REASON: Final = Attribute("reason", "The reason why a value was dropped.", DROP_REASONS)
EXPERIMENT: Final = Attribute("experiment", "The experiment that the arm belongs to.", cap=5)
BUCKET: Final = Attribute(
    "bucket",
    "The bucket of the user, from `00` to `31`: a hash of the experiment and the user id.",
    BUCKETS,
)
ROLE: Final = Attribute("role", "The role of the arm in its experiment.", ROLES)
RESULT: Final = Attribute("result", "The result of the verification of a recommendation id.", ATTRIBUTIONS_)
SITE: Final = Attribute("site", "The function of otel-recmon that failed.", cap=300)
LABEL: Final = Attribute(
    "label",
    "The label that has more values than its cap allows.",
    ("action", "category", "experiment", "model_version", "stage", "surface", "variant"),
)
ACTION: Final = Attribute("action", "The action of the user, such as `add_to_cart` or `like`.", cap=20)
VERSION: Final = Attribute("version", "The version of otel-recmon.", cap=1)


@dataclass(frozen=True)
class Metric:
    """The definition of a metric, with its OpenTelemetry name and unit."""

    name: str
    kind: Kind
    unit: str
    brief: str
    attributes: tuple[Attribute, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of all labels that the series can have, in alphabetical order."""
        names = {attribute.name for attribute in self.attributes}
        return tuple(sorted(names | ({"variant", "surface"} if self.splits else set())))

    @property
    def splits(self) -> bool:
        """Whether the series can also have the labels ``variant`` and ``surface``."""
        return MODEL_VERSION in self.attributes and self.kind is not Kind.GAUGE

    @property
    def own(self) -> Attribute | None:
        """The first attribute other than the model version, such as ``position``; None without another attribute."""
        return next((a for a in self.attributes if a is not MODEL_VERSION), None)

    @property
    def prometheus(self) -> str:
        """The Prometheus name, which follows the translation rules of the OpenTelemetry specification."""
        unit = {"s": "_seconds", "h": "_hours", "dollars": "_dollars"}.get(self.unit, "")
        total = "_total" if self.kind is Kind.COUNTER else ""
        return self.name.replace(".", "_") + unit + total


_DURATION_BUCKETS: Final = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
# The last bound is a week, because the attribution window (by default a day) can be set to longer times.
_DELAY_BUCKETS: Final = (1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0, 604_800.0)

REQUESTS: Final = Metric(
    "recommendation.requests",
    Kind.COUNTER,
    "{request}",
    "Requests for recommendations.",
    (MODEL_VERSION, STATUS),
)
LATENCY: Final = Metric(
    "recommendation.latency",
    Kind.HISTOGRAM,
    "s",
    "Time from the start of a request to the last byte of its response. Rejected requests (4xx) are not included.",
    (MODEL_VERSION,),
    _DURATION_BUCKETS,
)
CLICKED: Final = Metric(
    "recommendations.clicked",
    Kind.COUNTER,
    "{click}",
    "Clicks on recommended items, by position.",
    (MODEL_VERSION, POSITION),
)
CONVERTED: Final = Metric(
    "recommendations.converted",
    Kind.COUNTER,
    "{conversion}",
    "Conversions of recommended items.",
    (MODEL_VERSION,),
)
ACTIONS: Final = Metric(
    "recommendation.events",
    Kind.COUNTER,
    "{event}",
    "User events other than clicks and conversions, by action. An event with the action `impression` is a report of "
    "seen items that is not counted as impressions.",
    (MODEL_VERSION, ACTION),
)
REVENUE: Final = Metric(
    "recommendation.revenue",
    Kind.HISTOGRAM,
    "dollars",
    "Revenue of each conversion, in the currency of the service. `_sum` is the total revenue, `_count` the number of "
    "conversions with revenue.",
    (MODEL_VERSION,),
    (1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0),
)
CACHE_HITS: Final = Metric("recommendation.cache.hits", Kind.COUNTER, "{hit}", "Cache lookups that found a value.")
CACHE_MISSES: Final = Metric(
    "recommendation.cache.misses", Kind.COUNTER, "{miss}", "Cache lookups that found no value."
)
DIVERSITY: Final = Metric(
    "recommendation.diversity.score",
    Kind.GAUGE,
    "",
    "Normalised entropy of the categories in the last 1,000 slates of this process, from 0 to 1.",
    (MODEL_VERSION,),
)
COVERAGE: Final = Metric(
    "recommendation.catalog.coverage",
    Kind.GAUGE,
    "",
    "Percentage of the catalog items that appeared in the last 10,000 slates of this process, from 0 to 100.",
    (MODEL_VERSION,),
)
CATALOG_SIZE: Final = Metric(
    "recommendation.catalog.size", Kind.GAUGE, "{item}", "Number of items in the catalog, if known.", (MODEL_VERSION,)
)
POPULARITY_GINI: Final = Metric(
    "recommendation.popularity.gini",
    Kind.GAUGE,
    "",
    "Gini index of the number of recommendations per catalog item in the last 10,000 slates of this process: 0 if all "
    "items were recommended equally often, 1 if only one item was recommended.",
    (MODEL_VERSION,),
)
CATALOG_SKETCH: Final = Metric(
    "recommendation.catalog.sketch",
    Kind.GAUGE,
    "",
    "HyperLogLog registers of the items that this process recommended in the last five to ten minutes.",
    (MODEL_VERSION, REGISTER),
)
USER_SKETCH: Final = Metric(
    "recommendation.user.sketch",
    Kind.GAUGE,
    "",
    "HyperLogLog registers of the users to whom this process recommended items in the last five to ten minutes.",
    (MODEL_VERSION, REGISTER),
)
STALENESS: Final = Metric(
    "recommendation.model.staleness",
    Kind.GAUGE,
    "h",
    "Hours since the last update of the model.",
    (MODEL_VERSION,),
)
IMPRESSIONS: Final = Metric(
    "recommendation.impressions",
    Kind.COUNTER,
    "{item}",
    "Recommended items that were shown to users, by position.",
    (MODEL_VERSION, POSITION),
)
OUTCOMES: Final = Metric(
    "recommendation.outcomes",
    Kind.COUNTER,
    "{request}",
    "Successful and failed requests, by outcome.",
    (MODEL_VERSION, OUTCOME),
)
ITEMS: Final = Metric(
    "recommendation.items",
    Kind.COUNTER,
    "{item}",
    "Recommended items in responses, by category. An item with several categories counts once in each of its "
    "categories.",
    (MODEL_VERSION, CATEGORY),
)
SCORE: Final = Metric(
    "recommendation.score",
    Kind.HISTOGRAM,
    "",
    "The highest score of each slate.",
    (MODEL_VERSION,),
    (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0),
)
STAGE_DURATION: Final = Metric(
    "recommendation.stage.duration",
    Kind.HISTOGRAM,
    "s",
    "Time spent in a stage of the recommendation pipeline.",
    (MODEL_VERSION, STAGE),
    _DURATION_BUCKETS,
)
CANDIDATES: Final = Metric(
    "recommendation.candidates",
    Kind.COUNTER,
    "{item}",
    "Candidate items that a stage of the recommendation pipeline returned.",
    (MODEL_VERSION, STAGE),
)
MODEL_UPDATED: Final = Metric(
    "recommendation.model.updated.timestamp",
    Kind.GAUGE,
    "s",
    "Time of the last update of the model, in seconds since 1970.",
    (MODEL_VERSION,),
)
RELOAD_PENDING: Final = Metric(
    "recommendation.model.reload.pending",
    Kind.GAUGE,
    "",
    "1 while the model on disk is newer than the model that this process loaded, else 0.",
    (MODEL_VERSION,),
)
SLO_RESPONSES: Final = Metric(
    "recommendation.slo.responses",
    Kind.COUNTER,
    "{request}",
    "Successful and failed requests, by compliance with the service level objective.",
    (MODEL_VERSION, IS_GOOD),
)
_IN_BUCKETS: Final = (BUCKET, EXPERIMENT, VARIANT)
EXPERIMENT_EXPOSURES: Final = Metric(
    "recommendation.experiment.exposures",
    Kind.COUNTER,
    "{request}",
    "Successful requests, by experiment, arm and bucket of users.",
    _IN_BUCKETS,
)
EXPERIMENT_CLICKS: Final = Metric(
    "recommendation.experiment.clicks",
    Kind.COUNTER,
    "{click}",
    "Clicks, by experiment, arm and bucket of users.",
    _IN_BUCKETS,
)
EXPERIMENT_CONVERSIONS: Final = Metric(
    "recommendation.experiment.conversions",
    Kind.COUNTER,
    "{conversion}",
    "Conversions, by experiment, arm and bucket of users.",
    _IN_BUCKETS,
)
EXPERIMENT_REVENUE: Final = Metric(
    "recommendation.experiment.revenue",
    Kind.COUNTER,
    "dollars",
    "Revenue in the currency of the service, by experiment, arm and bucket of users.",
    _IN_BUCKETS,
)
EXPECTED_SHARE: Final = Metric(
    "recommendation.experiment.expected.share",
    Kind.GAUGE,
    "",
    "The planned share of an arm in all exposures of its experiment, from 0 to 1. All processes export the same value.",
    (EXPERIMENT, VARIANT, ROLE),
)
CLICK_DELAY: Final = Metric(
    "recommendation.click.delay",
    Kind.HISTOGRAM,
    "s",
    "Time from a slate to a click that is attributed to this slate.",
    (MODEL_VERSION,),
    _DELAY_BUCKETS,
)
CONVERSION_DELAY: Final = Metric(
    "recommendation.conversion.delay",
    Kind.HISTOGRAM,
    "s",
    "Time from a slate to a conversion that is attributed to this slate.",
    (MODEL_VERSION,),
    _DELAY_BUCKETS,
)
ATTRIBUTIONS: Final = Metric(
    "recmon.attributions",
    Kind.COUNTER,
    "{event}",
    "User events, by the result of the verification of their recommendation id.",
    (RESULT,),
)
DROPPED: Final = Metric(
    "recmon.events.dropped", Kind.COUNTER, "{event}", "Unusable values that were dropped, by reason.", (REASON,)
)
ERRORS: Final = Metric(
    "recmon.errors", Kind.COUNTER, "{error}", "Errors inside otel-recmon. They never reach the service.", (SITE,)
)
OVERFLOW: Final = Metric(
    "recmon.label.overflow",
    Kind.COUNTER,
    "{value}",
    "Label values that were replaced by `_other` because their label had reached its cap, by label.",
    (LABEL,),
)
BUILD_INFO: Final = Metric(
    "recmon.build.info", Kind.GAUGE, "", "Always 1; the labels are the information.", (MODEL_VERSION, VERSION)
)

METRICS: Final = (
    REQUESTS,
    LATENCY,
    CLICKED,
    CONVERTED,
    ACTIONS,
    REVENUE,
    CACHE_HITS,
    CACHE_MISSES,
    DIVERSITY,
    COVERAGE,
    CATALOG_SIZE,
    POPULARITY_GINI,
    CATALOG_SKETCH,
    USER_SKETCH,
    STALENESS,
    IMPRESSIONS,
    OUTCOMES,
    ITEMS,
    SCORE,
    STAGE_DURATION,
    CANDIDATES,
    MODEL_UPDATED,
    RELOAD_PENDING,
    SLO_RESPONSES,
    EXPERIMENT_EXPOSURES,
    EXPERIMENT_CLICKS,
    EXPERIMENT_CONVERSIONS,
    EXPERIMENT_REVENUE,
    EXPECTED_SHARE,
    CLICK_DELAY,
    CONVERSION_DELAY,
    ATTRIBUTIONS,
    DROPPED,
    ERRORS,
    OVERFLOW,
    BUILD_INFO,
)

SPAN_ATTRIBUTES: Final = {
    "recommendation.model_version": "The version of the model that made the recommendations.",
    "recommendation.variant": "The experiment arm.",
    "recommendation.surface": "The placement of the slate.",
    "recommendation.outcome": "The result for the user, as in the label `outcome`.",
    "recommendation.item_count": "The number of items in the slate.",
    "recommendation.cache_hit": "`true` for a cache hit, `false` for a miss.",
}

EVENT_PREFIX: Final = "recommendation."
EVENTS: Final = {
    "served": "A request succeeded. If its response has several slates, each slate has an event.",
    "failed": "A request failed or was rejected.",
    "clicked": "A user clicked a recommended item.",
    "converted": "A user bought a recommended item, or converted in another way that the service counts.",
    "seen": "A client reported the items that a user saw.",
    "acted": "A user did something else, such as adding an item to the cart.",
}


@dataclass(frozen=True)
class EventAttribute:
    """An attribute of log events: its type, its meaning, and the events that can have it."""

    name: str
    kind: str
    brief: str
    events: tuple[str, ...] = tuple(EVENTS)


REQUEST_EVENTS: Final = ("served", "failed")
_EXPERIMENT_EVENTS: Final = ("served", "clicked", "converted")
EVENT_ATTRIBUTES: Final = (
    EventAttribute("model_version", "text", "The label `model_version` of the metrics."),
    EventAttribute("variant", "text", "The label `variant` of the metrics: the experiment arm."),
    EventAttribute("surface", "text", "The label `surface` of the metrics: the placement of the slate."),
    EventAttribute("user", "text", "A keyed hash of the user id, never the id itself; absent without USER_HASH_KEY."),
    EventAttribute(
        "status",
        "text",
        "`success`, `error` or `rejected`. If a request has several slates, only its first event has this attribute.",
        REQUEST_EVENTS,
    ),
    EventAttribute(
        "outcome", "text", "The label `outcome` of the metrics; absent from a rejected request.", REQUEST_EVENTS
    ),
    EventAttribute(
        "latency_seconds",
        "number",
        "Seconds from the start of the request to the last byte of the response; only in the first event of a request.",
        REQUEST_EVENTS,
    ),
    EventAttribute(
        "good",
        "boolean",
        "true if the request met the service level objective, else false; present if `latency_seconds` is present.",
        REQUEST_EVENTS,
    ),
    EventAttribute("item_count", "integer", "The number of items in the slate.", REQUEST_EVENTS),
    EventAttribute("items", "strings", "The ids of the items, in the order of the slate.", REQUEST_EVENTS),
    EventAttribute(
        "positions",
        "integers",
        "The position of each item, or null for an unusable position; absent if the positions are 1, 2, 3 ...",
        (*REQUEST_EVENTS, "seen"),
    ),
    EventAttribute(
        "categories",
        "strings",
        "The category of each item, or a list for an item with several categories.",
        REQUEST_EVENTS,
    ),
    EventAttribute("scores", "numbers", "The score of each item, or null for an unusable score.", REQUEST_EVENTS),
    EventAttribute(
        "impressions",
        "boolean",
        "false if impressions are counted from client reports and not from this slate.",
        REQUEST_EVENTS,
    ),
    EventAttribute("cache.hits", "integer", "Cache hits during the request.", REQUEST_EVENTS),
    EventAttribute("cache.misses", "integer", "Cache misses during the request.", REQUEST_EVENTS),
    EventAttribute(
        "stages",
        "objects",
        "The stages of the request. Each stage is an object with the labels of the stage metrics, `seconds` and "
        "`candidates`.",
        REQUEST_EVENTS,
    ),
    EventAttribute("position", "integer", "The position of the item; absent if it is unusable.", ("clicked",)),
    EventAttribute("action", "text", "The label `action` of the metrics.", ("acted",)),
    EventAttribute("experiment", "text", "The label `experiment` of the experiment metrics.", _EXPERIMENT_EVENTS),
    EventAttribute("arm", "text", "The label `variant` of the experiment metrics.", _EXPERIMENT_EVENTS),
    EventAttribute("bucket", "text", "The label `bucket` of the experiment metrics.", _EXPERIMENT_EVENTS),
    EventAttribute(
        "attribution",
        "text",
        f"{', '.join(f'`{result}`' for result in ATTRIBUTIONS_ if result != DUPLICATE)}; absent without a SIGNING_KEY.",
        ("clicked", "converted", "seen", "acted"),
    ),
    EventAttribute(
        "delay_seconds",
        "number",
        "Seconds from the slate to the event; absent if the event is not attributed to a slate.",
        ("clicked", "converted"),
    ),
    EventAttribute(
        "revenue", "number", "Revenue in the currency of the service; absent if it is unusable.", ("converted",)
    ),
)
"""All attributes of log events.

In the log, each name begins with EVENT_PREFIX. The keys of the objects in ``stages`` have no prefix.
"""
