"""The signals of HTTP routes, from the metrics of the web framework's instrumentation."""

from functools import partial
from typing import Final

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import SERVICE
from otel_recmon.artifacts.promql import Expr, Matcher, QueryScope
from otel_recmon.artifacts.signals import external
from otel_recmon.artifacts.signals.kinds import SignalText, Unit, measure

ROUTE: Final = "http_route"
"""The label that has the template of the route, such as /users/{id}."""
_COUNT: Final = f"{external.HTTP_DURATION}_count"
_FAILED: Final = Matcher("http_response_status_code", "=~", "5..")


def _failed(scope: QueryScope) -> Expr:
    total = promql.rate(_COUNT, scope)
    return promql.divided(promql.filled(promql.rate(_COUNT, scope, _FAILED), total), total)


ROUTE_REQUESTS: Final = measure(
    SignalText(
        "route_requests", "Requests by route", SERVICE, "Requests that the web framework answered, with any status."
    ),
    Unit.PER_SECOND,
    (),
    partial(promql.rate, _COUNT),
)
ROUTE_ERRORS: Final = measure(
    SignalText(
        "route_errors", "Error rate by route", SERVICE, "Requests answered with status 5xx, divided by all requests."
    ),
    Unit.SHARE,
    (),
    _failed,
)
ROUTE_P95: Final = measure(
    SignalText(
        "route_p95",
        "Latency by route, P95",
        SERVICE,
        "95% of the requests take at most this long. The instrumentation of the web framework measures the time.",
    ),
    Unit.SECONDS,
    (),
    partial(promql.quantile, 0.95, external.HTTP_DURATION),
)
