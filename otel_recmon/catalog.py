"""Definitions of all metrics, labels, label values, histogram buckets, span attributes and log events.

Instruments, panels, alerts and reference tables are made from these definitions.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

SeriesKey = tuple[str, tuple[tuple[str, str], ...]]
"""The Prometheus name of a series, and its labels as (name, value) in alphabetical order."""


class Kind(Enum):
    """Metric types, by their Prometheus names."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Attribute:
    """A label, with either a closed set of values or a cap on the number of free values."""

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
"""The label value that replaces every value beyond a label's cap."""
NO_CATEGORY: Final = "_none"
"""The category of an item without one, in a slate where other items have a category."""
UNKNOWN: Final = "unknown"
"""The value of the label ``position`` for a click or impression without a usable position."""
MAX_SERIES: Final = 1500
"""The largest number of label combinations of one metric in one process.

The SDK silently merges all label combinations beyond its own limit of 2,000 into one series.
"""

SUCCESS, ERROR, REJECTED = STATUSES = ("success", "error", "rejected")
SERVED, PARTIAL, FALLBACK, EMPTY, FAILED, UNRECOGNIZED = OUTCOMES_ = (
    "served",
    "partial",
    "fallback",
    "empty",
    "error",
    "unrecognized",
)
REGISTERS: Final = tuple(str(register) for register in range(512))
"""The register indexes of a sketch, 0 to 511.

512 is the largest power of two at which two model versions stay within MAX_SERIES.
"""
POSITIONS: Final = (*(str(position) for position in range(1, 11)), "11+", UNKNOWN)
GOOD, BAD = GOODNESS = ("true", "false")
CONTROL, TREATMENT = ROLES = ("control", "treatment")
BUCKETS: Final = tuple(f"{bucket:02}" for bucket in range(32))
"""The buckets of users of an experiment. 32 pairs of buckets leave 31 degrees of freedom for a standard error."""
MAX_ARMS: Final = MAX_SERIES // len(BUCKETS)
"""The largest number of arms of all experiments in one process, including ``_other``.

Each arm has a series for each bucket, so that more arms would exceed MAX_SERIES.
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
    "status", "The result of the request: `success` (2xx), `error` (5xx) or `rejected` (4xx).", STATUSES
)
OUTCOME: Final = Attribute(
    "outcome",
    "The result for the user: all requested items (`served`), fewer items (`partial`), fallback items, no items "
    "(`empty`), an error, or a response without a recognizable list of items (`unrecognized`).",
    OUTCOMES_,
)
POSITION: Final = Attribute("position", "The position of the item in the slate; the first is 1.", POSITIONS)
IS_GOOD: Final = Attribute(
    "good",
    "`true` if the outcome is `served` or `partial` and the latency is within `OTEL_RECMON_SLO_LATENCY`.",
    GOODNESS,
)
REGISTER: Final = Attribute("register", "The index of a HyperLogLog register in the sketch.", REGISTERS)
REASON: Final = Attribute("reason", "The reason why a value was dropped.", DROP_REASONS)
EXPERIMENT: Final = Attribute("experiment", "The experiment that the arm belongs to.", cap=5)
BUCKET: Final = Attribute(
    "bucket",
    "A hash of the experiment and the user, from `00` to `31` (two digits, so that values sort).",
    BUCKETS,
)
ROLE: Final = Attribute("role", "The role of the arm in its experiment.", ROLES)
RESULT: Final = Attribute("result", "The result of the verification of a recommendation id.", ATTRIBUTIONS_)
SITE: Final = Attribute("site", "The function of otel-recmon that failed.", cap=300)
LABEL: Final = Attribute(
    "label",
    "The label whose number of values exceeds its cap.",
    ("category", "experiment", "model_version", "stage", "surface", "variant"),
)
VERSION: Final = Attribute("version", "The version of otel-recmon.", cap=1)


@dataclass(frozen=True)
class Metric:
    """A metric, by its OpenTelemetry name and unit."""

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
        """Whether the series also have the labels ``variant`` and ``surface``, if these are known."""
        return MODEL_VERSION in self.attributes and self.kind is not Kind.GAUGE

    @property
    def own(self) -> Attribute | None:
        """The first attribute other than the model version, such as ``position``; None if there is no other."""
        return next((a for a in self.attributes if a is not MODEL_VERSION), None)

    @property
    def prometheus(self) -> str:
        """The Prometheus name, by the translation rules of the OpenTelemetry specification."""
        unit = {"s": "_seconds", "h": "_hours", "dollars": "_dollars"}.get(self.unit, "")
        total = "_total" if self.kind is Kind.COUNTER else ""
        return self.name.replace(".", "_") + unit + total


_DURATION_BUCKETS: Final = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
# The bounds go up to a week; the attribution window is configurable, and a day by default.
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
    "Time from the request to the last byte of a successful or failed response.",
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
REVENUE: Final = Metric(
    "recommendation.revenue",
    Kind.HISTOGRAM,
    "dollars",
    "Revenue of each conversion, in the currency of the service: `_sum` is the revenue, `_count` the number of sales.",
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
    "Share of the catalog that appeared in the last 10,000 slates of this process, from 0 to 100.",
    (MODEL_VERSION,),
)
CATALOG_SIZE: Final = Metric(
    "recommendation.catalog.size", Kind.GAUGE, "{item}", "Number of items in the catalog, if known.", (MODEL_VERSION,)
)
POPULARITY_GINI: Final = Metric(
    "recommendation.popularity.gini",
    Kind.GAUGE,
    "",
    "Gini index of the recommendations of each catalog item in the last 10,000 slates of this process: 0 if all items "
    "were recommended equally often, 1 if all recommendations were one item.",
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
    "Recommended items shown, by position.",
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
    "Recommended items returned, by category. An item with several categories counts once in each.",
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
    "Successful requests of users in an arm of an experiment.",
    _IN_BUCKETS,
)
EXPERIMENT_CLICKS: Final = Metric(
    "recommendation.experiment.clicks",
    Kind.COUNTER,
    "{click}",
    "Clicks of users in an arm of an experiment.",
    _IN_BUCKETS,
)
EXPERIMENT_CONVERSIONS: Final = Metric(
    "recommendation.experiment.conversions",
    Kind.COUNTER,
    "{conversion}",
    "Conversions of users in an arm of an experiment.",
    _IN_BUCKETS,
)
EXPERIMENT_REVENUE: Final = Metric(
    "recommendation.experiment.revenue",
    Kind.COUNTER,
    "dollars",
    "Revenue from users in an arm of an experiment, in the currency of the service.",
    _IN_BUCKETS,
)
EXPECTED_SHARE: Final = Metric(
    "recommendation.experiment.expected.share",
    Kind.GAUGE,
    "",
    "The configured share of exposures of an arm, from 0 to 1. All processes export the same value.",
    (EXPERIMENT, VARIANT, ROLE),
)
CLICK_DELAY: Final = Metric(
    "recommendation.click.delay",
    Kind.HISTOGRAM,
    "s",
    "Time from a slate to a click that is attributed to it.",
    (MODEL_VERSION,),
    _DELAY_BUCKETS,
)
CONVERSION_DELAY: Final = Metric(
    "recommendation.conversion.delay",
    Kind.HISTOGRAM,
    "s",
    "Time from a slate to a conversion that is attributed to it.",
    (MODEL_VERSION,),
    _DELAY_BUCKETS,
)
ATTRIBUTIONS: Final = Metric(
    "recmon.attributions",
    Kind.COUNTER,
    "{event}",
    "Clicks, conversions and impression events, by the result of the verification of their recommendation id.",
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
    "Label values replaced by `_other` because the label exceeded its cap, by label.",
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
    EventAttribute("user", "text", "A keyed hash of the user id, never the id; absent without USER_HASH_KEY."),
    EventAttribute(
        "status",
        "text",
        "`success`, `error` or `rejected`; only in the first event of a request with several slates.",
        REQUEST_EVENTS,
    ),
    EventAttribute(
        "outcome", "text", "The label `outcome` of the metrics; absent from a rejected request.", REQUEST_EVENTS
    ),
    EventAttribute(
        "latency_seconds",
        "number",
        "Seconds from the request to the last byte of the response; only in the first event of a request.",
        REQUEST_EVENTS,
    ),
    EventAttribute(
        "good",
        "boolean",
        "true if the request met the service level objective; present if `latency_seconds` is.",
        REQUEST_EVENTS,
    ),
    EventAttribute("item_count", "integer", "The number of items in the slate.", REQUEST_EVENTS),
    EventAttribute("items", "strings", "The ids of the items, in the order of the slate.", REQUEST_EVENTS),
    EventAttribute(
        "positions",
        "integers",
        "The position of each item, null if it is unusable; absent if the positions are 1, 2, 3 ...",
        (*REQUEST_EVENTS, "seen"),
    ),
    EventAttribute("categories", "strings", "The category of each item, or a list of its categories.", REQUEST_EVENTS),
    EventAttribute("scores", "numbers", "The score of each item, null if it is unusable.", REQUEST_EVENTS),
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
        "The stages of the request: the labels of their metrics, `seconds` and `candidates`.",
        REQUEST_EVENTS,
    ),
    EventAttribute("position", "integer", "The position of the item; absent if it is unusable.", ("clicked",)),
    EventAttribute("experiment", "text", "The label `experiment` of the experiment metrics.", _EXPERIMENT_EVENTS),
    EventAttribute("arm", "text", "The label `variant` of the experiment metrics.", _EXPERIMENT_EVENTS),
    EventAttribute("bucket", "text", "The label `bucket` of the experiment metrics.", _EXPERIMENT_EVENTS),
    EventAttribute(
        "attribution",
        "text",
        f"{', '.join(f'`{result}`' for result in ATTRIBUTIONS_ if result != DUPLICATE)}; absent without a SIGNING_KEY.",
        ("clicked", "converted", "seen"),
    ),
    EventAttribute(
        "delay_seconds", "number", "Seconds since the slate was shown, if attributed.", ("clicked", "converted")
    ),
    EventAttribute(
        "revenue", "number", "Revenue in the currency of the service; absent if it is unusable.", ("converted",)
    ),
)
"""All attributes of log events. Their full names begin with EVENT_PREFIX, except for the keys of a stage."""
