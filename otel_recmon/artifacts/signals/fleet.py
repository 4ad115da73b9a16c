"""What the whole fleet showed, and to how many people: from sketches, which merge by the higher of two registers."""

from dataclasses import replace
from typing import Final

from otel_recmon import catalog, definitions
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import BUSINESS, QUALITY, Page
from otel_recmon.artifacts.promql import Expr, Matcher, Scope
from otel_recmon.artifacts.signals.kinds import Signal, Unit, Words, measure, words_of
from otel_recmon.artifacts.signals.traffic import REVENUE
from otel_recmon.catalog import Metric
from otel_recmon.config import variable
from otel_recmon.definitions import Definition, Gauge

SWITCH: Final = variable("sketch_registers")
_REGISTER: Final = catalog.REGISTER.name
_LAST_REGISTERS: Final = tuple(str(2**bits - 1) for bits in range(4, 10))
_ESTIMATED: Final = (
    f"An estimate, from sketches: about 6.5% off where {SWITCH} is 256, and nothing without it. It looks back five to "
    "ten minutes further than the window."
)


def distinct(metric: Metric, scope: Scope) -> Expr:
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


def _size(metric: Metric, scope: Scope) -> Expr:
    """Return the number of registers, by how many of 15, 31, 63 ... there are: looking at all takes as long again."""
    last = Matcher(_REGISTER, "=~", "|".join(_LAST_REGISTERS))
    sketch = promql.series(metric.prometheus, scope, last, window=scope.window)
    there = promql.aggregate("max", promql.call("max_over_time", sketch), (*scope.by, _REGISTER))
    return promql.number(8) * promql.binary(2, "^", promql.aggregate("count", there, scope.by))


def _estimate(definition: Definition, page: Page) -> Words:
    return replace(words_of(definition, page), description=f"{definition.meaning} {_ESTIMATED}")


def _distinct(gauge: Gauge, page: Page) -> Signal:
    words = _estimate(gauge, page)
    return measure(words, Unit.COUNT, (gauge.metric,), lambda scope: distinct(gauge.metric, scope), (_REGISTER,))


DISTINCT_ITEMS: Final = _distinct(definitions.DISTINCT_ITEMS, QUALITY)
DISTINCT_USERS: Final = _distinct(definitions.DISTINCT_USERS, BUSINESS)


def _coverage(scope: Scope) -> Expr:
    sizes = promql.series(catalog.CATALOG_SIZE.prometheus, scope, window=scope.window)
    size = promql.aggregate("max", promql.call("max_over_time", sizes), scope.by)
    return promql.call("clamp_max", distinct(catalog.CATALOG_SKETCH, scope) / size * 100, 100)


FLEET_COVERAGE: Final = measure(
    _estimate(definitions.FLEET_COVERAGE, QUALITY),
    Unit.PERCENT,
    (catalog.CATALOG_SKETCH, catalog.CATALOG_SIZE),
    _coverage,
)


def _revenue_per_user(scope: Scope) -> Expr:
    return promql.divided(REVENUE.count(scope), distinct(catalog.USER_SKETCH, scope))


REVENUE_PER_USER: Final = measure(
    _estimate(definitions.REVENUE_PER_USER, BUSINESS),
    Unit.MONEY,
    (catalog.REVENUE, catalog.USER_SKETCH),
    _revenue_per_user,
)
