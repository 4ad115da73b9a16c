"""Every metric, attribute, closed set of values, bucket and unit: the facts all other parts are built from."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

SeriesKey = tuple[str, tuple[tuple[str, str], ...]]
"""The Prometheus name of a series, and its labels as (name, value) in alphabetical order."""


class Kind(Enum):
    """What an instrument is, in Prometheus's word for it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Attribute:
    """A label: its name, its meaning, and either the closed set of its values or the cap on free ones."""

    name: str
    brief: str
    values: tuple[str, ...] = ()
    cap: int = 0

    def __post_init__(self) -> None:
        """Refuse an attribute that nothing bounds."""
        if not self.values and not self.cap:
            msg = f"attribute {self.name!r} needs a closed set of values or a cap"
            raise ValueError(msg)


OTHER: Final = "_other"
"""Stands for every value beyond a label's cap."""
NO_CATEGORY: Final = "_none"
"""Stands for an item without a category in a slate in which others have one."""
UNKNOWN: Final = "unknown"
MAX_SERIES: Final = 1500
"""Label combinations a metric may have; the SDK silently merges all beyond 2,000."""

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
"""Those that a sketch can have: with more, not even two model versions would stay within MAX_SERIES."""
POSITIONS: Final = (*(str(position) for position in range(1, 11)), "11+", UNKNOWN)
GOOD, BAD = GOODNESS = ("true", "false")
CONTROL, TREATMENT = ROLES = ("control", "treatment")
BUCKETS: Final = tuple(f"{bucket:02}" for bucket in range(32))
MAX_ARMS: Final = MAX_SERIES // len(BUCKETS)
"""Arms of all experiments that are counted apart in one process, `_other` among them."""
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

MODEL_VERSION: Final = Attribute("model_version", "The version of the model that answered.", cap=20)
VARIANT: Final = Attribute("variant", "The experiment arm, where it is known.", cap=10)
SURFACE: Final = Attribute("surface", "The placement, such as home or product_page.", cap=20)
CATEGORY: Final = Attribute("category", "The category of a recommended item.", cap=50)
STAGE: Final = Attribute("stage", "A step of the pipeline, such as retrieval or ranking.", cap=20)
STATUS: Final = Attribute("status", "success (2xx), error (5xx), rejected (4xx).", STATUSES)
OUTCOME: Final = Attribute("outcome", "What the user got.", OUTCOMES_)
POSITION: Final = Attribute("position", "The place in the slate, from 1.", POSITIONS)
IS_GOOD: Final = Attribute("good", "Served or partial, and fast enough.", GOODNESS)
REGISTER: Final = Attribute("register", "The place in a sketch that ids of the same hash bits share.", REGISTERS)
REASON: Final = Attribute("reason", "Why something was set aside.", DROP_REASONS)
EXPERIMENT: Final = Attribute("experiment", "The experiment that the arm belongs to.", cap=5)
BUCKET: Final = Attribute("bucket", "A hash of the experiment and the user, from 00 to 31, so that it sorts.", BUCKETS)
ROLE: Final = Attribute("role", "What the arm is in its experiment.", ROLES)
RESULT: Final = Attribute("result", "What became of a recommendation id.", ATTRIBUTIONS_)
SITE: Final = Attribute("site", "The function of the plugin that failed.", cap=300)
LABEL: Final = Attribute(
    "label",
    "The label that is over its cap.",
    ("category", "experiment", "model_version", "stage", "surface", "variant"),
)
VERSION: Final = Attribute("version", "The version of otel-recmon.", cap=1)


@dataclass(frozen=True)
class Metric:
    """One metric: its OpenTelemetry name and unit, from which its Prometheus name follows."""

    name: str
    kind: Kind
    unit: str
    brief: str
    attributes: tuple[Attribute, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of all labels the series can carry, in alphabetical order."""
        names = {attribute.name for attribute in self.attributes}
        return tuple(sorted(names | ({"variant", "surface"} if self.splits else set())))

    @property
    def splits(self) -> bool:
        """Whether the series also carry variant and surface, where these are known."""
        return MODEL_VERSION in self.attributes and self.kind is not Kind.GAUGE

    @property
    def own(self) -> Attribute | None:
        """The attribute by which the series of one set of labels differ, if there is one."""
        return next((a for a in self.attributes if a is not MODEL_VERSION), None)

    @property
    def prometheus(self) -> str:
        """The Prometheus name, as the standard translation makes it."""
        unit = {"s": "_seconds", "h": "_hours", "dollars": "_dollars"}.get(self.unit, "")
        total = "_total" if self.kind is Kind.COUNTER else ""
        return self.name.replace(".", "_") + unit + total


_DURATION_BUCKETS: Final = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
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
    "Time until the last byte of a successful or failed response was handed over.",
    (MODEL_VERSION,),
    _DURATION_BUCKETS,
)
CLICKED: Final = Metric(
    "recommendations.clicked",
    Kind.COUNTER,
    "{click}",
    "Clicks on recommended items, by the position of the item.",
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
    "Revenue of a conversion, in the configured currency; read _sum and _count.",
    (MODEL_VERSION,),
    (1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0),
)
CACHE_HITS: Final = Metric("recommendation.cache.hits", Kind.COUNTER, "{hit}", "Requests answered from the cache.")
CACHE_MISSES: Final = Metric(
    "recommendation.cache.misses", Kind.COUNTER, "{miss}", "Requests the cache could not answer."
)
DIVERSITY: Final = Metric(
    "recommendation.diversity.score",
    Kind.GAUGE,
    "",
    "Normalised entropy of the categories in this process's last 1,000 slates, 0 to 1.",
    (MODEL_VERSION,),
)
COVERAGE: Final = Metric(
    "recommendation.catalog.coverage",
    Kind.GAUGE,
    "",
    "Share of the catalog in this process's last 10,000 slates, 0 to 100.",
    (MODEL_VERSION,),
)
CATALOG_SIZE: Final = Metric(
    "recommendation.catalog.size", Kind.GAUGE, "{item}", "Items in the catalog, where it is known.", (MODEL_VERSION,)
)
POPULARITY_GINI: Final = Metric(
    "recommendation.popularity.gini",
    Kind.GAUGE,
    "",
    "Gini index of how often each item of the catalog was in this process's last 10,000 slates: 0 where all were "
    "equally often, 1 where it was always the same one.",
    (MODEL_VERSION,),
)
CATALOG_SKETCH: Final = Metric(
    "recommendation.catalog.sketch",
    Kind.GAUGE,
    "",
    "HyperLogLog registers of the items recommended in this process's last five to ten minutes.",
    (MODEL_VERSION, REGISTER),
)
USER_SKETCH: Final = Metric(
    "recommendation.user.sketch",
    Kind.GAUGE,
    "",
    "HyperLogLog registers of the users who got recommendations in this process's last five to ten minutes.",
    (MODEL_VERSION, REGISTER),
)
STALENESS: Final = Metric(
    "recommendation.model.staleness",
    Kind.GAUGE,
    "h",
    "Time since the model was last updated.",
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
    "Successful and failed requests, by what the user got.",
    (MODEL_VERSION, OUTCOME),
)
ITEMS: Final = Metric(
    "recommendation.items",
    Kind.COUNTER,
    "{item}",
    "Recommended items returned, once in each of their categories.",
    (MODEL_VERSION, CATEGORY),
)
SCORE: Final = Metric(
    "recommendation.score",
    Kind.HISTOGRAM,
    "",
    "The top score of each slate.",
    (MODEL_VERSION,),
    (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0),
)
STAGE_DURATION: Final = Metric(
    "recommendation.stage.duration",
    Kind.HISTOGRAM,
    "s",
    "Time spent in a stage of the pipeline.",
    (MODEL_VERSION, STAGE),
    _DURATION_BUCKETS,
)
CANDIDATES: Final = Metric(
    "recommendation.candidates",
    Kind.COUNTER,
    "{item}",
    "Items that came out of a stage of the pipeline.",
    (MODEL_VERSION, STAGE),
)
MODEL_UPDATED: Final = Metric(
    "recommendation.model.updated.timestamp",
    Kind.GAUGE,
    "s",
    "When the model was last updated, in seconds since 1970.",
    (MODEL_VERSION,),
)
RELOAD_PENDING: Final = Metric(
    "recommendation.model.reload.pending",
    Kind.GAUGE,
    "",
    "1 while a newer model lies on disk than this process loaded, else 0.",
    (MODEL_VERSION,),
)
SLO_RESPONSES: Final = Metric(
    "recommendation.slo.responses",
    Kind.COUNTER,
    "{request}",
    "Successful and failed requests, by whether they met the objective.",
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
    "recommendation.experiment.clicks", Kind.COUNTER, "{click}", "Clicks of users in an arm.", _IN_BUCKETS
)
EXPERIMENT_CONVERSIONS: Final = Metric(
    "recommendation.experiment.conversions",
    Kind.COUNTER,
    "{conversion}",
    "Conversions of users in an arm.",
    _IN_BUCKETS,
)
EXPERIMENT_REVENUE: Final = Metric(
    "recommendation.experiment.revenue",
    Kind.COUNTER,
    "dollars",
    "Revenue from users in an arm, in the configured currency.",
    _IN_BUCKETS,
)
EXPECTED_SHARE: Final = Metric(
    "recommendation.experiment.expected.share",
    Kind.GAUGE,
    "",
    "The share of exposures that an arm is meant to have, 0 to 1, as configured; the same in every process.",
    (EXPERIMENT, VARIANT, ROLE),
)
CLICK_DELAY: Final = Metric(
    "recommendation.click.delay",
    Kind.HISTOGRAM,
    "s",
    "Time from a recommendation to a click that its id came back with.",
    (MODEL_VERSION,),
    _DELAY_BUCKETS,
)
CONVERSION_DELAY: Final = Metric(
    "recommendation.conversion.delay",
    Kind.HISTOGRAM,
    "s",
    "Time from a recommendation to a conversion that its id came back with.",
    (MODEL_VERSION,),
    _DELAY_BUCKETS,
)
ATTRIBUTIONS: Final = Metric(
    "recmon.attributions",
    Kind.COUNTER,
    "{event}",
    "Clicks, conversions and reports of what was seen, by what became of their recommendation id.",
    (RESULT,),
)
DROPPED: Final = Metric(
    "recmon.events.dropped", Kind.COUNTER, "{event}", "Values that were unusable and set aside.", (REASON,)
)
ERRORS: Final = Metric("recmon.errors", Kind.COUNTER, "{error}", "Failures inside the plugin, swallowed.", (SITE,))
OVERFLOW: Final = Metric(
    "recmon.label.overflow",
    Kind.COUNTER,
    "{value}",
    "Times a label value was replaced by _other, being over the cap.",
    (LABEL,),
)
BUILD_INFO: Final = Metric("recmon.build.info", Kind.GAUGE, "", "Always 1.", (MODEL_VERSION, VERSION))

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
    "recommendation.model_version": "The version of the model that answered.",
    "recommendation.variant": "The experiment arm.",
    "recommendation.surface": "The placement.",
    "recommendation.outcome": "What the user got.",
    "recommendation.item_count": "The length of the slate.",
    "recommendation.cache_hit": "Whether the cache answered.",
}

EVENT_PREFIX: Final = "recommendation."
EVENTS: Final = {
    "served": "A request was answered. Where it showed several slates, each has an event.",
    "failed": "A request failed, or was rejected.",
    "clicked": "A recommended item was clicked.",
    "converted": "A recommended item was bought, or led to what else counts.",
    "seen": "A client says which items were seen.",
}


@dataclass(frozen=True)
class EventAttribute:
    """An attribute of log events: its type and meaning, and which events can have it."""

    name: str
    kind: str
    brief: str
    events: tuple[str, ...] = tuple(EVENTS)


REQUEST_EVENTS: Final = ("served", "failed")
_COUNTED_EVENTS: Final = ("served", "clicked", "converted")
EVENT_ATTRIBUTES: Final = (
    EventAttribute("model_version", "text", "The version of the model, as in the metrics."),
    EventAttribute("variant", "text", "The experiment arm, as in the metrics."),
    EventAttribute("surface", "text", "The placement, as in the metrics."),
    EventAttribute("user", "text", "A keyed hash of the user's id; never the id."),
    EventAttribute(
        "status", "text", "`success`, `error` or `rejected`; absent from further slates of a request.", REQUEST_EVENTS
    ),
    EventAttribute("outcome", "text", "What the user got, as in the metrics; absent where rejected.", REQUEST_EVENTS),
    EventAttribute("latency_seconds", "number", "The time until the last byte.", REQUEST_EVENTS),
    EventAttribute("good", "truth value", "Whether the request met the objective; beside its latency.", REQUEST_EVENTS),
    EventAttribute("item_count", "whole number", "The length of the slate.", REQUEST_EVENTS),
    EventAttribute("items", "texts", "The ids of the items, in order.", REQUEST_EVENTS),
    EventAttribute(
        "positions",
        "whole numbers",
        "The position of each item, null where unusable; absent from a slate shown at 1, 2, 3 ...",
        (*REQUEST_EVENTS, "seen"),
    ),
    EventAttribute("categories", "texts", "The category of each item, or its categories as a list.", REQUEST_EVENTS),
    EventAttribute("scores", "numbers", "The score of each item, null where unusable.", REQUEST_EVENTS),
    EventAttribute(
        "impressions",
        "truth value",
        "false where not the slate but what clients report counts as seen.",
        REQUEST_EVENTS,
    ),
    EventAttribute("cache.hits", "whole number", "Cache hits within the request.", REQUEST_EVENTS),
    EventAttribute("cache.misses", "whole number", "Cache misses within the request.", REQUEST_EVENTS),
    EventAttribute(
        "stages",
        "objects",
        "The stages within the request: labels as in the metrics, `seconds`, `candidates`.",
        REQUEST_EVENTS,
    ),
    EventAttribute("position", "whole number", "The place in the slate, from 1; absent where unusable.", ("clicked",)),
    EventAttribute("experiment", "text", "The experiment that it counts for; as in the metrics.", _COUNTED_EVENTS),
    EventAttribute(
        "arm", "text", "The `variant` that it counts for in the metrics of that experiment.", _COUNTED_EVENTS
    ),
    EventAttribute("bucket", "text", "The bucket that it counts in there.", _COUNTED_EVENTS),
    EventAttribute(
        "attribution",
        "text",
        f"{', '.join(f'`{result}`' for result in ATTRIBUTIONS_ if result != DUPLICATE)}; absent without a SIGNING_KEY.",
        ("clicked", "converted", "seen"),
    ),
    EventAttribute("delay_seconds", "number", "Since the slate was shown, where attributed.", ("clicked", "converted")),
    EventAttribute("revenue", "number", "In the configured currency; absent where unusable.", ("converted",)),
)
"""What an event can say; all names but these of stages begin with EVENT_PREFIX."""
