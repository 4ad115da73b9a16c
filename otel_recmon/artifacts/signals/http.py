"""What the instrumentation of the web framework says of each route."""

from functools import partial
from typing import Final

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import SERVICE
from otel_recmon.artifacts.promql import Expr, Matcher, QueryScope
from otel_recmon.artifacts.signals import external as foreign
from otel_recmon.artifacts.signals.kinds import Unit, Words, measure

ROUTE: Final = "http_route"
"""The label for the template of the route."""
_COUNT: Final = f"{foreign.HTTP_DURATION}_count"
_FAILED: Final = Matcher("http_response_status_code", "=~", "5..")


def _failed(scope: QueryScope) -> Expr:
    total = promql.rate(_COUNT, scope)
    return promql.divided(promql.filled(promql.rate(_COUNT, scope, _FAILED), total), total)


ROUTE_REQUESTS: Final = measure(
    Words("route_requests", "Requests by route", SERVICE, "Requests of every kind that the web framework answered."),
    Unit.PER_SECOND,
    (),
    partial(promql.rate, _COUNT),
)
ROUTE_ERRORS: Final = measure(
    Words("route_errors", "Error rate by route", SERVICE, "Requests that were answered with 5xx over all."),
    Unit.SHARE,
    (),
    _failed,
)
ROUTE_P95: Final = measure(
    Words(
        "route_p95",
        "Latency by route, P95",
        SERVICE,
        "The time that 95% of the requests take no longer than, as the web framework measures it.",
    ),
    Unit.SECONDS,
    (),
    partial(promql.quantile, 0.95, foreign.HTTP_DURATION),
)
