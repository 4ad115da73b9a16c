"""Definitions of the figures: each with its name, numerator, denominator and meaning.

PromQL (``artifacts.signals``), Python (``report.figures``) and the sentences in panels, reports and docs are made of
these, so that a figure has the same value and the same meaning wherever it is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from otel_recmon import catalog
from otel_recmon.catalog import Attribute, Metric

COUNT, SUM, BUCKET = "_count", "_sum", "_bucket"
"""The suffixes of the series of a histogram."""


class Merge(Enum):
    """How the values of a gauge in several processes become one value."""

    MEAN = "avg"
    GREATEST = "max"
    DISTINCT = "distinct"
    """The registers of a sketch: the number of different ids that they estimate."""


@dataclass(frozen=True)
class Definition:
    """A figure.

    Attributes:
        name: Its stable name, as in the ids of panels.
        title: Its name for people.
        meaning: Its definition, in one or two sentences.
    """

    name: str
    title: str
    meaning: str


@dataclass(frozen=True)
class Count(Definition):
    """The increase of a counter, or of the count or the sum of a histogram.

    Attributes:
        metric: The counter or histogram.
        label: The label by which its series are selected; None for all of its series.
        values: The selected values of the label.
        part: The suffix of the series, for a histogram.
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
        """The label by which the series differ, beside the model version; "" where there is none."""
        if self.part == BUCKET:
            return "le"
        return self.metric.own.name if self.metric.own else ""


@dataclass(frozen=True)
class Gauge(Definition):
    """The value of a gauge, merged over processes."""

    metric: Metric
    merge: Merge


Quantity = Count | Gauge


@dataclass(frozen=True)
class Ratio(Definition):
    """One quantity over the sum of others.

    Attributes:
        numerator: The quantity above the line.
        denominator: The quantities below the line. Those that the service does not export are left out.
        zero: Whether a numerator that the service does not export counts as 0. Otherwise the ratio is unknown.
        percent: Whether the ratio is given as 0 to 100, and never as more.
    """

    numerator: Quantity
    denominator: tuple[Quantity, ...]
    zero: bool = False
    percent: bool = False

    def parts(self, quantity: Callable[[Quantity], float | None]) -> tuple[float, float] | None:
        """Return the numerator and the denominator; None where either is unknown, or the denominator is 0.

        Args:
            quantity: Returns the value of a quantity, None where the service does not export it.
        """
        whole = sum(value for value in map(quantity, self.denominator) if value is not None)
        part = quantity(self.numerator)
        if part is None and self.zero:
            part = 0.0
        return (part, whole) if part is not None and whole else None

    def value(self, quantity: Callable[[Quantity], float | None]) -> float | None:
        """Return the ratio; None where ``parts`` is."""
        parts = self.parts(quantity)
        if parts is None:
            return None
        return min(100.0, 100 * parts[0] / parts[1]) if self.percent else parts[0] / parts[1]


@dataclass(frozen=True)
class Evenness(Definition):
    """The entropy of a count over the values of a label, relative to its maximum."""

    counted: Count


def _requests(name: str, title: str, meaning: str, *statuses: str) -> Count:
    return Count(name, title, meaning, catalog.REQUESTS, catalog.STATUS, statuses)


REQUESTS: Final = Count(
    "requests", "Requests", "Requests for recommendations: answered, failed and rejected ones.", catalog.REQUESTS
)
SUCCESSES: Final = _requests(
    "successes", "Successful requests", "Requests that were answered with 2xx.", catalog.SUCCESS
)
FAILURES: Final = _requests(
    "failures", "Failed requests", "Requests that ended in 5xx, an exception or a broken stream.", catalog.ERROR
)
REJECTED: Final = _requests(
    "rejected",
    "Rejected requests",
    "Requests that were answered with 4xx: the caller's fault, and no part of the error rate.",
    catalog.REJECTED,
)
ANSWERED: Final = _requests(
    "answered", "Successful and failed requests", "All requests but rejected ones.", catalog.SUCCESS, catalog.ERROR
)
OUTCOMES: Final = Count("outcomes", "What users got", "Successful and failed requests, by outcome.", catalog.OUTCOMES)
IMPRESSIONS: Final = Count("impressions", "Impressions", "Recommended items shown.", catalog.IMPRESSIONS)
CLICKS: Final = Count("clicks", "Clicks", "Clicks on recommended items.", catalog.CLICKED)
CONVERSIONS: Final = Count("conversions", "Conversions", "Conversions of recommended items.", catalog.CONVERTED)
REVENUE: Final = Count("revenue", "Revenue", "What conversions of recommended items earned.", catalog.REVENUE, part=SUM)
SALES: Final = Count("sales", "Sales", "Conversions that earned something.", catalog.REVENUE, part=COUNT)
RATED: Final = Count(
    "rated", "Rated responses", "Successful and failed requests, by whether they were good.", catalog.SLO_RESPONSES
)
GOOD: Final = replace(
    RATED,
    name="good",
    title="Good responses",
    meaning="Responses that were served or partial and fast enough.",
    label=catalog.IS_GOOD,
    values=(catalog.GOOD,),
)
BAD: Final = replace(
    GOOD,
    name="bad",
    title="Bad responses",
    meaning="Responses that were neither served nor partial, or too slow.",
    values=(catalog.BAD,),
)
CACHE_HITS: Final = Count("cache_hits", "Cache hits", "Requests that the cache answered.", catalog.CACHE_HITS)
CACHE_MISSES: Final = Count(
    "cache_misses", "Cache misses", "Requests that the cache could not answer.", catalog.CACHE_MISSES
)
ITEMS: Final = Count("items", "Items", "Items returned, once in each of their categories.", catalog.ITEMS)
SCORES: Final = Count("scored", "Slates with scores", "Slates that have a top score.", catalog.SCORE, part=COUNT)
SCORE_SUM: Final = Count("score_sum", "Sum of scores", "The sum of the top scores of slates.", catalog.SCORE, part=SUM)
DROPPED: Final = Count(
    "dropped", "Values set aside", "Values that were unusable and set aside, by reason.", catalog.DROPPED
)
PLUGIN_ERRORS: Final = Count(
    "plugin_errors", "Errors inside the plugin", "Failures of otel-recmon itself, swallowed.", catalog.ERRORS
)
OVERFLOW: Final = Count(
    "overflow",
    "Label values over the cap",
    f"Times a label's value was replaced by {catalog.OTHER}, being over the label's cap.",
    catalog.OVERFLOW,
)

COVERAGE: Final = Gauge(
    "coverage",
    "Catalog coverage of a process",
    f"{catalog.COVERAGE.brief} Mean of the processes.",
    catalog.COVERAGE,
    Merge.MEAN,
)
PROCESS_DIVERSITY: Final = Gauge(
    "process_diversity",
    "Diversity of a process",
    f"{catalog.DIVERSITY.brief} Mean of the processes.",
    catalog.DIVERSITY,
    Merge.MEAN,
)
STALENESS: Final = Gauge(
    "staleness",
    "Age of the model",
    f"{catalog.STALENESS.brief} That of the process with the oldest.",
    catalog.STALENESS,
    Merge.GREATEST,
)
CATALOG_SIZE: Final = Gauge(
    "catalog_size", "Items in the catalog", catalog.CATALOG_SIZE.brief, catalog.CATALOG_SIZE, Merge.GREATEST
)
DISTINCT_ITEMS: Final = Gauge(
    "distinct_items",
    "Different items",
    "Different items recommended by the fleet.",
    catalog.CATALOG_SKETCH,
    Merge.DISTINCT,
)
DISTINCT_USERS: Final = Gauge(
    "distinct_users",
    "Users",
    "Different users who got recommendations.",
    catalog.USER_SKETCH,
    Merge.DISTINCT,
)

CTR: Final = Ratio("ctr", "Click-through rate", "Clicks over successful requests.", CLICKS, (SUCCESSES,))
ITEM_CTR: Final = Ratio(
    "item_ctr",
    "Item click-through rate",
    "Clicks over impressions; at a position, clicks there over impressions there.",
    CLICKS,
    (IMPRESSIONS,),
)
CONVERSION_RATE: Final = Ratio("conversion_rate", "Conversion rate", "Conversions over clicks.", CONVERSIONS, (CLICKS,))
REVENUE_PER_REQUEST: Final = Ratio(
    "revenue_per_request", "Revenue per request", "Revenue over successful requests.", REVENUE, (SUCCESSES,)
)
ORDER_VALUE: Final = Ratio(
    "order_value", "Revenue per sale", "Revenue over conversions that earned something.", REVENUE, (SALES,)
)
REVENUE_PER_USER: Final = Ratio(
    "revenue_per_user",
    "Revenue per user",
    "Revenue over different users who got recommendations, where users are known.",
    REVENUE,
    (DISTINCT_USERS,),
)
ERROR_RATE: Final = Ratio(
    "error_rate", "Error rate", "Failed over successful and failed requests.", FAILURES, (ANSWERED,), zero=True
)
GOOD_RESPONSES: Final = Ratio(
    "good_responses",
    "Good responses",
    "Responses that were served or partial and fast enough, over successful and failed requests.",
    GOOD,
    (RATED,),
    zero=True,
)
BAD_RESPONSES: Final = Ratio(
    "bad_responses",
    "Bad responses",
    "Responses that were neither served nor partial, or too slow, over successful and failed requests.",
    BAD,
    (RATED,),
    zero=True,
)
CACHE_HIT_RATE: Final = Ratio(
    "cache_hit_rate",
    "Cache hit rate",
    "Requests answered from the cache over all that asked it.",
    CACHE_HITS,
    (CACHE_HITS, CACHE_MISSES),
    zero=True,
)
LIST_LENGTH: Final = Ratio(
    "list_length", "Mean list length", "Impressions over successful requests.", IMPRESSIONS, (SUCCESSES,)
)
MEAN_SCORE: Final = Ratio(
    "mean_score", "Mean top score", "The mean of the top scores of the slates.", SCORE_SUM, (SCORES,)
)
FLEET_COVERAGE: Final = Ratio(
    "fleet_coverage",
    "Catalog coverage of the fleet",
    "Different items recommended by the fleet over the catalog's size.",
    DISTINCT_ITEMS,
    (CATALOG_SIZE,),
    percent=True,
)
DIVERSITY: Final = Evenness(
    "diversity",
    "Diversity",
    "Entropy of the categories of all items returned, over the logarithm of the number of categories: "
    "1 where all are equally frequent, 0 where there is but one.",
    ITEMS,
)


def outcome_share(outcome: str) -> Ratio:
    """Return the share of requests with an outcome."""
    meaning = f"Requests with outcome `{outcome}` over successful and failed requests."
    chosen = Count(outcome, f"Requests with {outcome}", meaning, catalog.OUTCOMES, catalog.OUTCOME, (outcome,))
    return Ratio(f"outcome_{outcome}", f"Share of {outcome}", meaning, chosen, (OUTCOMES,), zero=True)


FALLBACK_SHARE, EMPTY_SHARE, PARTIAL_SHARE = map(outcome_share, (catalog.FALLBACK, catalog.EMPTY, catalog.PARTIAL))

RATIOS: Final = tuple(value for value in list(globals().values()) if isinstance(value, Ratio))
"""In the order of the documentation."""
