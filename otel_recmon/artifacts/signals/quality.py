"""The signals of recommendation quality and model age."""

from dataclasses import replace
from functools import partial
from typing import Final

from otel_recmon import catalog, definitions
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import QUALITY
from otel_recmon.artifacts.promql import Expr, Matcher, QueryScope, equal
from otel_recmon.artifacts.signals.kinds import (
    Counted,
    Signal,
    SignalText,
    Unit,
    defined_gauge,
    defined_share,
    distribution,
    measure,
    mix,
    text_of,
)
from otel_recmon.catalog import Metric

_ITEMS: Final = Counted.of(definitions.ITEMS)
COVERAGE_SLATES: Final = 10_000
"""A process measures its catalog coverage over this number of recent slates."""

CATEGORY_MIX: Final = mix(
    SignalText("category_mix", "Category mix", QUALITY, "Returned items of a category, divided by all returned items."),
    _ITEMS,
    catalog.CATEGORY,
)
POSITION_MIX: Final = mix(
    SignalText(
        "position_mix", "Impressions by position", QUALITY, "Impressions at a position, divided by all impressions."
    ),
    Counted(catalog.IMPRESSIONS),
    catalog.POSITION,
)


SCORES: Final = distribution(SignalText("scores", "Scores, distribution", QUALITY, catalog.SCORE.brief), catalog.SCORE)
MEAN_SCORE: Final = defined_share(definitions.MEAN_SCORE, QUALITY, Unit.TIMES)


def _diversity(scope: QueryScope) -> Expr:
    return promql.entropy(_ITEMS.increase(scope.apart(catalog.CATEGORY.name)), _ITEMS.increase(scope), scope.by)


DIVERSITY: Final = measure(
    text_of(definitions.DIVERSITY, QUALITY), Unit.SHARE, (catalog.ITEMS,), _diversity, (catalog.CATEGORY.name,)
)


def _gauge(operator: str, metric: Metric, scope: QueryScope) -> Expr:
    return promql.aggregate(operator, promql.series(metric.prometheus, scope), scope.by)


def _full_coverage(scope: QueryScope) -> Expr:
    process = scope.apart("instance", catalog.MODEL_VERSION.name)
    coverage = _gauge("max", catalog.COVERAGE, process)
    slates = promql.total(
        promql.series(catalog.REQUESTS.prometheus, scope, equal(catalog.STATUS.name, catalog.SUCCESS)), process.by
    )
    full = promql.where(coverage, promql.compared(slates, ">=", COVERAGE_SLATES))
    return promql.aggregate("avg", full, scope.by)


GINI: Final = measure(
    SignalText(
        "gini",
        "Concentration on popular items, per process",
        QUALITY,
        f"{definitions.brief_of_a_process(catalog.POPULARITY_GINI)} The panel shows the mean over all processes.",
    ),
    Unit.TIMES,
    (catalog.POPULARITY_GINI,),
    partial(_gauge, "avg", catalog.POPULARITY_GINI),
)
PROCESS_DIVERSITY: Final = defined_gauge(definitions.PROCESS_DIVERSITY, QUALITY, Unit.SHARE)
COVERAGE: Final = defined_gauge(definitions.COVERAGE, QUALITY, Unit.PERCENT)
FULL_COVERAGE: Final = measure(
    SignalText(
        "full_coverage",
        "Catalog coverage of warmed-up processes",
        QUALITY,
        f"{definitions.brief_of_a_process(catalog.COVERAGE)} Mean of the processes with at least {COVERAGE_SLATES:,} "
        "successful requests.",
    ),
    Unit.PERCENT,
    (catalog.COVERAGE,),
    _full_coverage,
)
STALENESS: Final = defined_gauge(definitions.STALENESS, QUALITY, Unit.HOURS)
RELOAD_PENDING: Final = measure(
    SignalText(
        "reload_pending",
        "Newer model not loaded",
        QUALITY,
        "The value is 1 while the model on disk is newer than the model that at least one process loaded, else 0.",
    ),
    Unit.TIMES,
    (catalog.RELOAD_PENDING,),
    partial(_gauge, "max", catalog.RELOAD_PENDING),
)


def score_drift(back: str = "1d") -> Signal:
    """Return the signal of the distance between two distributions of scores: now, and at an earlier time.

    Args:
        back: The offset of the earlier distribution, such as "1d".
    """

    def value(scope: QueryScope) -> Expr:
        return promql.distance(catalog.SCORE.prometheus, scope, scope.ago(back))

    meaning = (
        f"Kolmogorov-Smirnov distance between the distribution of the top scores now and the distribution {back} ago. "
        "The distance is 0 for equal distributions and at most 1."
    )
    return measure(SignalText("score_drift", "Score drift", QUALITY, meaning), Unit.SHARE, (catalog.SCORE,), value)


SCORE_DRIFT: Final = score_drift()


_PLACED: Final = Matcher(catalog.POSITION.name, "!=", catalog.UNKNOWN)
_CLICKS: Final = Counted(catalog.CLICKED, (_PLACED,))
_SHOWN: Final = Counted(catalog.IMPRESSIONS, (_PLACED,))
_ARMS: Final = (catalog.MODEL_VERSION.name, catalog.VARIANT.name)


def _over_expected(places: tuple[str, ...], scope: QueryScope) -> Expr:
    """Return clicks divided by expected clicks.

    A place is one combination of values of the labels `places`. The expected clicks at a place are the impressions
    there times the click-through rate of the place. This rate is the same for all model versions and variants.

    Args:
        places: The labels that identify a place, such as surface and position.
        scope: The scope of the result.
    """
    on = (*scope.service, *places)
    whole = replace(scope, by=on, matchers=tuple(one for one in scope.matchers if one.label not in _ARMS))
    curve = promql.divided(_CLICKS.increase(whole), _SHOWN.increase(whole))
    own = scope.apart(*places)
    expected = promql.total(promql.many_to_one(_SHOWN.increase(own), "*", curve, on), scope.by)
    clicks = promql.total(promql.where(_CLICKS.increase(own), curve, on), scope.by)
    return promql.divided(promql.filled(clicks, expected), expected)


def _coec(scope: QueryScope) -> Expr:
    position, surface = catalog.POSITION.name, catalog.SURFACE.name
    return promql.either(_over_expected((surface, position), scope), _over_expected((position,), scope))


COEC: Final = measure(
    SignalText(
        "coec",
        "Clicks over expected clicks",
        QUALITY,
        "Clicks divided by expected clicks (Zhang and Jones, 2007). The expected clicks at a surface and position are "
        "the impressions there times the click-through rate of all model versions there. Above 1, the items "
        "got more clicks than the average item at the same positions. If clicks have no surface, all surfaces count "
        "as one. All positions after 10 count as one. Clicks and impressions without a position are not included.",
    ),
    Unit.TIMES,
    (catalog.CLICKED, catalog.IMPRESSIONS),
    _coec,
    (catalog.POSITION.name,),
)
