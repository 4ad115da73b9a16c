"""The signals from HyperLogLog sketches of all processes: distinct items and users, coverage, revenue per user."""

from dataclasses import replace
from functools import partial
from typing import Final

from otel_recmon import catalog, definitions
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.pages import BUSINESS, QUALITY, DashboardPage
from otel_recmon.artifacts.promql import Expr, Matcher, QueryScope
from otel_recmon.artifacts.signals.kinds import Counted, Signal, SignalText, Unit, measure, text_of
from otel_recmon.catalog import Metric
from otel_recmon.config import variable
from otel_recmon.definitions import Count, Definition, Gauge, Merge, Quantity, Ratio

SWITCH: Final = variable("sketch_registers")
_REGISTER: Final = catalog.REGISTER.name
_LAST_REGISTERS: Final = tuple(str(2**bits - 1) for bits in range(4, 10))
_ESTIMATED: Final = (
    f"The value is estimated from sketches. It has a standard error of 6.5% if {SWITCH} is 256. It is empty if "
    "this variable is not set. The estimate also includes five to ten minutes before the time range."
)


def distinct(metric: Metric, scope: QueryScope) -> Expr:
    """Return the estimated number of distinct ids in the sketches of all processes, within the window.

    The merged sketch has the maximum of each register over all processes. ``otel_recmon.stats.sketch.estimate`` has the
    formula and its source. The PromQL uses the mean of the registers instead of their sum, so that the number of
    registers becomes a factor.
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

    Counting the registers 15, 31, 63, 127, 255 and 511 is enough: a sketch of 2**b registers has b - 3 of these six.
    Counting all registers would double the time of the query.
    """
    last = Matcher(_REGISTER, "=~", "|".join(_LAST_REGISTERS))
    sketch = promql.series(metric.prometheus, scope, last, window=scope.window)
    there = promql.aggregate("max", promql.call("max_over_time", sketch), (*scope.by, _REGISTER))
    return promql.number(8) * promql.binary(2, "^", promql.aggregate("count", there, scope.by))


def quantity(of: Quantity, scope: QueryScope) -> Expr:
    """Return the value of a quantity within the window.

    The value of a count is the increase. The value of a sketch is the estimated number of distinct ids. Values of other
    gauges are aggregated over processes and over the window.
    """
    if isinstance(of, Count):
        return Counted.of(of).increase(scope)
    if of.merge is Merge.DISTINCT:
        return distinct(of.metric, scope)
    values = promql.series(of.metric.prometheus, scope, window=scope.window)
    return promql.aggregate(of.merge.value, promql.call(f"{of.merge.value}_over_time", values), scope.by)


def _ratio(ratio: Ratio, scope: QueryScope) -> Expr:
    part, (whole,) = quantity(ratio.numerator, scope), (quantity(of, scope) for of in ratio.denominator)
    return promql.call("clamp_max", part / whole * 100, 100) if ratio.percent else promql.divided(part, whole)


def _text(definition: Definition, page: DashboardPage) -> SignalText:
    return replace(text_of(definition, page), description=f"{definition.meaning} {_ESTIMATED}")


def _estimate(gauge: Gauge, page: DashboardPage) -> Signal:
    return measure(_text(gauge, page), Unit.COUNT, (gauge.metric,), lambda scope: quantity(gauge, scope), (_REGISTER,))


def _estimated(ratio: Ratio, page: DashboardPage, unit: Unit) -> Signal:
    metrics = (ratio.numerator.metric, *(of.metric for of in ratio.denominator))
    return measure(_text(ratio, page), unit, metrics, partial(_ratio, ratio))


DISTINCT_ITEMS: Final = _estimate(definitions.DISTINCT_ITEMS, QUALITY)
DISTINCT_USERS: Final = _estimate(definitions.DISTINCT_USERS, BUSINESS)
FLEET_COVERAGE: Final = _estimated(definitions.FLEET_COVERAGE, QUALITY, Unit.PERCENT)
REVENUE_PER_USER: Final = _estimated(definitions.REVENUE_PER_USER, BUSINESS, Unit.MONEY)
