"""Definitions of the figures in panels and reports, such as the click-through rate.

PromQL (``artifacts.signals``), Python (``report.figures``) and the texts of panels, reports and docs use these
definitions, so that a figure has the same value and meaning everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from otel_recmon import catalog
from otel_recmon.catalog import Attribute, Metric

COUNT, SUM, BUCKET = "_count", "_sum", "_bucket"
"""The suffixes of the series of a histogram."""


class Merge(Enum):
    """Methods that merge the values of a gauge from several processes into one value."""

    MEAN = "avg"
    GREATEST = "max"
    DISTINCT = "distinct"
    """The number of distinct ids, estimated from the merged registers of a sketch."""


@dataclass(frozen=True)
class Definition:
    """A figure.

    Attributes:
        name: The name in code and in panel ids. It never changes.
        title: The title in panels and reports.
        meaning: The definition, in one or two sentences.
    """

    name: str
    title: str
    meaning: str


@dataclass(frozen=True)
class Count(Definition):
    """The increase of a counter, or of the series ``_count`` or ``_sum`` of a histogram.

    Attributes:
        metric: The counter or histogram.
        label: The label that selects series of the metric; None selects all series.
        values: The selected values of the label.
        part: The suffix of the series of a histogram; "" for a counter.
    """

    metric: Metric
    label: Attribute | None = None
    values: tuple[str, ...] = ()
    part: str = ""

    @property
    def series(self) -> str:
        """The Prometheus name of the series."""
        return self.metric.prometheus + self.part

    @property
    def own(self) -> str:
        """The label that distinguishes the series, other than the model version; "" if there is no such label."""
        if self.part == BUCKET:
            return "le"
        return self.metric.own.name if self.metric.own else ""


@dataclass(frozen=True)
class Gauge(Definition):
    """The value of a gauge, merged over all processes."""

    metric: Metric
    merge: Merge


Quantity = Count | Gauge


@dataclass(frozen=True)
class Ratio(Definition):
    """One quantity divided by the sum of other quantities.

    Attributes:
        numerator: The quantity that is divided.
        denominator: The quantities whose sum is the divisor. Quantities that the service does not export are left out.
        zero: Whether a numerator that the service does not export counts as 0. If False, the ratio is then unknown.
        percent: Whether the ratio is a percentage from 0 to 100. A percentage above 100 becomes 100.
        unbounded: Whether the ratio can exceed 1, for instance because one request can get several clicks.
    """

    numerator: Quantity
    denominator: tuple[Quantity, ...]
    zero: bool = False
    percent: bool = False
    unbounded: bool = False

    @property
    def interval_method(self) -> str:
        """The name of the method that computes the confidence interval of the ratio."""
        return "Poisson" if self.unbounded else "Wilson"

    def parts(self, quantity: Callable[[Quantity], float | None]) -> tuple[float, float] | None:
        """Return the numerator and the denominator; None if the numerator is unknown, or the denominator 0 or unknown.

        Args:
            quantity: A function that returns the value of a quantity; None if the service does not export the quantity.
        """
        whole = sum(value for value in map(quantity, self.denominator) if value is not None)
        part = quantity(self.numerator)
        if part is None and self.zero:
            part = 0.0
        return (part, whole) if part is not None and whole else None

    def value(self, quantity: Callable[[Quantity], float | None]) -> float | None:
        """Return the ratio; None if ``parts`` returns None."""
        parts = self.parts(quantity)
        if parts is None:
            return None
        return min(100.0, 100 * parts[0] / parts[1]) if self.percent else parts[0] / parts[1]


@dataclass(frozen=True)
class Evenness(Definition):
    """The entropy of a count over the values of its label, divided by the maximum entropy."""

    counted: Count


def _requests(name: str, title: str, meaning: str, *statuses: str) -> Count:
    return Count(name, title, meaning, catalog.REQUESTS, catalog.STATUS, statuses)


REQUESTS: Final = Count(
    "requests", "Requests", "Successful, failed and rejected requests for recommendations.", catalog.REQUESTS
)
SUCCESSES: Final = _requests("successes", "Successful requests", "Requests answered with 2xx or 304.", catalog.SUCCESS)
FAILURES: Final = _requests(
    "failures", "Failed requests", "Requests that ended with 5xx, an exception or a broken stream.", catalog.ERROR
)
REJECTED: Final = _requests(
    "rejected",
    "Rejected requests",
    "Requests answered with 4xx: errors of the caller, which are not part of the error rate.",
    catalog.REJECTED,
)
ANSWERED: Final = _requests(
    "answered", "Successful and failed requests", "Requests that were not rejected.", catalog.SUCCESS, catalog.ERROR
)
OUTCOMES: Final = Count("outcomes", "Outcomes", "Successful and failed requests, by outcome.", catalog.OUTCOMES)
IMPRESSIONS: Final = Count(
    "impressions", "Impressions", "Recommended items that were shown to users.", catalog.IMPRESSIONS
)
CLICKS: Final = Count("clicks", "Clicks", "Clicks on recommended items.", catalog.CLICKED)
CONVERSIONS: Final = Count("conversions", "Conversions", "Conversions of recommended items.", catalog.CONVERTED)
REVENUE: Final = Count("revenue", "Revenue", "Revenue of conversions of recommended items.", catalog.REVENUE, part=SUM)
SALES: Final = Count("sales", "Sales", "Conversions with revenue.", catalog.REVENUE, part=COUNT)


def _rated(name: str, title: str, meaning: str, value: str) -> Count:
    return Count(name, title, meaning, catalog.SLO_RESPONSES, catalog.IS_GOOD, (value,))


RATED: Final = Count(
    "rated",
    "Rated responses",
    "Successful and failed requests, divided into good and bad responses.",
    catalog.SLO_RESPONSES,
)
GOOD: Final = _rated(
    "good",
    "Good responses",
    "Responses with the outcome `served`, `partial` or `not_modified` and a latency of at most "
    "OTEL_RECMON_SLO_LATENCY.",
    catalog.GOOD,
)
BAD: Final = _rated(
    "bad",
    "Bad responses",
    "Responses with another outcome than `served`, `partial` or `not_modified`, or with a latency above "
    "OTEL_RECMON_SLO_LATENCY.",
    catalog.BAD,
)
CACHE_HITS: Final = Count("cache_hits", "Cache hits", "Cache lookups that found a value.", catalog.CACHE_HITS)
CACHE_MISSES: Final = Count("cache_misses", "Cache misses", "Cache lookups that found no value.", catalog.CACHE_MISSES)
ITEMS: Final = Count(
    "items",
    "Items",
    "Items in responses. An item with several categories counts once in each of its categories.",
    catalog.ITEMS,
)
SCORES: Final = Count("scored", "Slates with scores", "Slates with a top score.", catalog.SCORE, part=COUNT)
SCORE_SUM: Final = Count("score_sum", "Sum of scores", "Sum of the top scores of the slates.", catalog.SCORE, part=SUM)
DROPPED: Final = Count("dropped", "Dropped values", "Unusable values that were dropped, by reason.", catalog.DROPPED)
PLUGIN_ERRORS: Final = Count(
    "plugin_errors",
    "Plugin errors",
    "Errors inside otel-recmon. They never reach the service.",
    catalog.ERRORS,
)
OVERFLOW: Final = Count(
    "overflow",
    "Label values over the cap",
    f"Label values replaced by {catalog.OTHER}, because the label had as many values as its cap allows.",
    catalog.OVERFLOW,
)


def brief_of_a_process(metric: Metric) -> str:
    """Return the brief of a metric for readers who see all processes: "a process" instead of "this process"."""
    return metric.brief.replace("this process", "a process")


def _mean(name: str, title: str, metric: Metric) -> Gauge:
    return Gauge(name, title, f"{brief_of_a_process(metric)} Mean of all processes.", metric, Merge.MEAN)


COVERAGE: Final = _mean("coverage", "Catalog coverage per process", catalog.COVERAGE)
PROCESS_DIVERSITY: Final = _mean("process_diversity", "Diversity per process", catalog.DIVERSITY)
STALENESS: Final = Gauge(
    "staleness",
    "Model age",
    f"{catalog.STALENESS.brief} Maximum of all processes.",
    catalog.STALENESS,
    Merge.GREATEST,
)
CATALOG_SIZE: Final = Gauge(
    "catalog_size", "Items in the catalog", catalog.CATALOG_SIZE.brief, catalog.CATALOG_SIZE, Merge.GREATEST
)
DISTINCT_ITEMS: Final = Gauge(
    "distinct_items",
    "Different items",
    "Distinct items recommended by all processes.",
    catalog.CATALOG_SKETCH,
    Merge.DISTINCT,
)
DISTINCT_USERS: Final = Gauge(
    "distinct_users", "Users", "Distinct users who received recommendations.", catalog.USER_SKETCH, Merge.DISTINCT
)

CTR: Final = Ratio(
    "ctr",
    "Click-through rate",
    "Clicks divided by successful requests.",
    CLICKS,
    (SUCCESSES,),
    unbounded=True,
)
ITEM_CTR: Final = Ratio(
    "item_ctr",
    "Item click-through rate",
    "Clicks divided by impressions, for all positions together or for one position.",
    CLICKS,
    (IMPRESSIONS,),
    unbounded=True,
)
CONVERSION_RATE: Final = Ratio(
    "conversion_rate", "Conversion rate", "Conversions divided by clicks.", CONVERSIONS, (CLICKS,), unbounded=True
)
REVENUE_PER_REQUEST: Final = Ratio(
    "revenue_per_request", "Revenue per request", "Revenue divided by successful requests.", REVENUE, (SUCCESSES,)
)
ORDER_VALUE: Final = Ratio(
    "order_value", "Revenue per sale", "Revenue divided by conversions with revenue.", REVENUE, (SALES,)
)
REVENUE_PER_USER: Final = Ratio(
    "revenue_per_user",
    "Revenue per user",
    "Revenue divided by distinct users who received recommendations. It is unknown if requests contain no user ids.",
    REVENUE,
    (DISTINCT_USERS,),
)
ERROR_RATE: Final = Ratio(
    "error_rate",
    "Error rate",
    "Failed requests divided by successful and failed requests. Rejected requests (4xx) are errors of the caller and "
    "do not count.",
    FAILURES,
    (ANSWERED,),
    zero=True,
)


def _of_answered(name: str, title: str, count: Count, whole: Count) -> Ratio:
    meaning = f"{count.meaning.removesuffix('.')}, divided by successful and failed requests."
    return Ratio(name, title, meaning, count, (whole,), zero=True)


GOOD_RESPONSES: Final = _of_answered("good_responses", GOOD.title, GOOD, RATED)
BAD_RESPONSES: Final = _of_answered("bad_responses", BAD.title, BAD, RATED)
CACHE_HIT_RATE: Final = Ratio(
    "cache_hit_rate",
    "Cache hit rate",
    "Cache hits divided by all cache lookups.",
    CACHE_HITS,
    (CACHE_HITS, CACHE_MISSES),
    zero=True,
)
LISTS: Final = Count(
    "lists",
    "Responses with a list",
    "Successful requests except those answered with 304.",
    catalog.OUTCOMES,
    catalog.OUTCOME,
    tuple(outcome for outcome in catalog.OUTCOMES_ if outcome not in (catalog.FAILED, catalog.NOT_MODIFIED)),
)
LIST_LENGTH: Final = Ratio(
    "list_length",
    "Mean list length",
    "Impressions divided by successful requests. Responses with the status code 304 do not count.",
    IMPRESSIONS,
    (LISTS,),
)
MEAN_SCORE: Final = Ratio("mean_score", "Mean top score", "Mean of the top scores of the slates.", SCORE_SUM, (SCORES,))
FLEET_COVERAGE: Final = Ratio(
    "fleet_coverage",
    "Catalog coverage of the fleet",
    "Distinct items recommended by all processes, as a percentage of the catalog.",
    DISTINCT_ITEMS,
    (CATALOG_SIZE,),
    percent=True,
)
DIVERSITY: Final = Evenness(
    "diversity",
    "Diversity",
    "Entropy of the categories of all returned items, divided by the logarithm of the number of categories: "
    "1 if all categories are equally frequent, 0 if there is only one.",
    ITEMS,
)


def outcome_share(outcome: str) -> Ratio:
    """Return the definition: the requests with this outcome, divided by all successful and failed requests."""
    meaning = f"Requests with outcome `{outcome}`."
    count = Count(outcome, f"Requests with {outcome}", meaning, catalog.OUTCOMES, catalog.OUTCOME, (outcome,))
    return _of_answered(f"outcome_{outcome}", f"{outcome.capitalize()} share", count, OUTCOMES)


FALLBACK_SHARE, EMPTY_SHARE, PARTIAL_SHARE = map(outcome_share, (catalog.FALLBACK, catalog.EMPTY, catalog.PARTIAL))

RATIOS: Final = tuple(value for value in list(globals().values()) if isinstance(value, Ratio))
"""All ratios, in the order of the documentation."""
