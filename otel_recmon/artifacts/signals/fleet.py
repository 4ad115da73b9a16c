"""What the whole fleet showed, and to how many people: from sketches, which merge by the higher of two registers."""

from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import BUSINESS, QUALITY
from otel_recmon.artifacts.promql import Expr, Matcher, QueryScope
from otel_recmon.artifacts.signals.kinds import Signal, Unit, Words, measure
from otel_recmon.artifacts.signals.traffic import REVENUE
from otel_recmon.catalog import Metric
from otel_recmon.config import variable

SWITCH: Final = variable("sketch_registers")
_REGISTER: Final = catalog.REGISTER.name
_LAST_REGISTERS: Final = tuple(str(2**bits - 1) for bits in range(4, 10))
_ESTIMATED: Final = (
    f"An estimate, from sketches: about 6.5% off where {SWITCH} is 256, and nothing without it. It looks back five to "
    "ten minutes further than the window."
)


def distinct(metric: Metric, scope: QueryScope) -> Expr:
    """Return how many different ids the sketches of all processes saw within the window.

    ``otel_recmon.stats.sketch.estimate`` gives the formula and its source. Here it is applied to the mean of the
    registers, so that their number is a factor.
    """
    sketch = promql.series(metric.prometheus, scope, window=scope.window)
    registers = promql.aggregate("max", promql.call("max_over_time", sketch), (*scope.by, _REGISTER))
    empty = promql.aggregate("avg", promql.compared(registers, "== bool", 0), scope.by)
    harmonic = promql.aggregate("avg", promql.binary(0.5, "^", registers), scope.by)
    size = _size(metric, scope)
    linear = promql.call("ln", empty) * -1
    alpha = promql.number(0.7213) / (promql.number(1) + promql.number(1.079) / size)
    return size * promql.either(promql.compared(linear, "<=", 2.5), alpha / harmonic)


def _size(metric: Metric, scope: QueryScope) -> Expr:
    """Return the number of registers, by how many of 15, 31, 63 ... there are: looking at all takes as long again."""
    last = Matcher(_REGISTER, "=~", "|".join(_LAST_REGISTERS))
    sketch = promql.series(metric.prometheus, scope, last, window=scope.window)
    there = promql.aggregate("max", promql.call("max_over_time", sketch), (*scope.by, _REGISTER))
    return promql.number(8) * promql.binary(2, "^", promql.aggregate("count", there, scope.by))


def _distinct(words: Words, metric: Metric) -> Signal:
    return measure(words, Unit.COUNT, (metric,), lambda scope: distinct(metric, scope), (_REGISTER,))


DISTINCT_ITEMS: Final = _distinct(
    Words("distinct_items", "Different items", QUALITY, f"Different items recommended by the fleet. {_ESTIMATED}"),
    catalog.CATALOG_SKETCH,
)
DISTINCT_USERS: Final = _distinct(
    Words("distinct_users", "Users", BUSINESS, f"Different users who got recommendations. {_ESTIMATED}"),
    catalog.USER_SKETCH,
)


def _coverage(scope: QueryScope) -> Expr:
    sizes = promql.series(catalog.CATALOG_SIZE.prometheus, scope, window=scope.window)
    size = promql.aggregate("max", promql.call("max_over_time", sizes), scope.by)
    return promql.call("clamp_max", distinct(catalog.CATALOG_SKETCH, scope) / size * 100, 100)


FLEET_COVERAGE: Final = measure(
    Words(
        "fleet_coverage",
        "Catalog coverage of the fleet",
        QUALITY,
        f"Different items recommended by the fleet over the catalog's size. {_ESTIMATED}",
    ),
    Unit.PERCENT,
    (catalog.CATALOG_SKETCH, catalog.CATALOG_SIZE),
    _coverage,
)


def _revenue_per_user(scope: QueryScope) -> Expr:
    return promql.divided(REVENUE.count(scope), distinct(catalog.USER_SKETCH, scope))


REVENUE_PER_USER: Final = measure(
    Words(
        "revenue_per_user",
        "Revenue per user",
        BUSINESS,
        f"Revenue over different users who got recommendations, where users are known. {_ESTIMATED}",
    ),
    Unit.MONEY,
    (catalog.REVENUE, catalog.USER_SKETCH),
    _revenue_per_user,
)
