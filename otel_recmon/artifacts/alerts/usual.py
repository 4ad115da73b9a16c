"""What is usual for a service at this hour, from the same hour of earlier days and weeks."""

from collections.abc import Callable, Iterable
from typing import Final

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.promql import Expr, Scope
from otel_recmon.artifacts.settings.thresholds import Baseline
from otel_recmon.artifacts.signals.traffic import REQUESTS

DAYS_A_WEEK: Final = 7
_MEDIAN: Final = 0.5


def usual(value: Callable[[Scope], Expr], scope: Scope, baseline: Baseline) -> Expr:
    """Return the usual value of a service, over all its model versions.

    It is the smaller of two medians, of the last days and of the same day of the last weeks, so that neither a
    weekend after a week nor a week after a holiday looks like a drop. Nothing, until the service has been seen
    for as many days as are looked at.
    """
    service = scope.by_service()
    medians = {"days": _median(value, service, baseline, range(1, baseline.days + 1))}
    if baseline.weeks:
        sevens = (DAYS_A_WEEK * week for week in range(1, baseline.weeks + 1))
        medians["weeks"] = _median(value, service, baseline, sevens)
    oldest = REQUESTS.count(service.ago(baseline.back(baseline.days)))
    return promql.where(promql.among("min", medians, service.by), promql.compared(oldest, ">", 0))


def _median(value: Callable[[Scope], Expr], scope: Scope, baseline: Baseline, days: Iterable[int]) -> Expr:
    terms = {back: value(scope.ago(back)) for back in map(baseline.back, days)}
    return promql.among("quantile", terms, scope.by, _MEDIAN)
