"""The signals of the whole fleet, from HyperLogLog sketches: distinct items and users, coverage, revenue per user."""

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
    f"Estimated from sketches, with a standard error of 6.5% if {SWITCH} is 256; empty if it is not set. The estimate "
    "includes five to ten minutes before the time range."
)


def distinct(metric: Metric, scope: QueryScope) -> Expr:
    """Return the estimated number of distinct ids in the sketches of all processes, within the window.

    Sketches merge by the maximum of each register. ``otel_recmon.stats.sketch.estimate`` has the formula and its
    source. Here it uses the mean of the registers instead of their sum, so that their number becomes a factor.
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
    """Return the number of registers, a power of 2 from 16 to 512.

    A sketch of 2**b registers has b - 3 of the registers 15, 31, 63, 127, 255 and 511. Counting these is enough;
    counting all registers would double the time of the query.
    """
    last = Matcher(_REGISTER, "=~", "|".join(_LAST_REGISTERS))
    sketch = promql.series(metric.prometheus, scope, last, window=scope.window)
    there = promql.aggregate("max", promql.call("max_over_time", sketch), (*scope.by, _REGISTER))
    return promql.number(8) * promql.binary(2, "^", promql.aggregate("count", there, scope.by))


def _distinct(words: Words, metric: Metric) -> Signal:
    return measure(words, Unit.COUNT, (metric,), lambda scope: distinct(metric, scope), (_REGISTER,))


DISTINCT_ITEMS: Final = _distinct(
    Words(
        "distinct_items",
        "Different items",
        QUALITY,
        f"Number of different items that the fleet recommended. {_ESTIMATED}",
    ),
    catalog.CATALOG_SKETCH,
)
DISTINCT_USERS: Final = _distinct(
    Words("distinct_users", "Users", BUSINESS, f"Number of different users who got recommendations. {_ESTIMATED}"),
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
        f"Different items that the fleet recommended, divided by the size of the catalog. {_ESTIMATED}",
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
        f"Revenue divided by the number of different users who got recommendations. {_ESTIMATED}",
    ),
    Unit.MONEY,
    (catalog.REVENUE, catalog.USER_SKETCH),
    _revenue_per_user,
)
