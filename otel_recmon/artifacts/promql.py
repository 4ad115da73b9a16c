"""Functions that build PromQL expressions and break long ones into lines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import indent
from typing import Final, Self

from otel_recmon import catalog

IDENTITY: Final = ("job", "deployment_environment_name")
"""The labels that identify a service: its name and its environment."""
LINE: Final = 100
"""The maximum length of a line of PromQL, in characters. Longer expressions are broken into lines."""
SHORT: Final = 20
"""The maximum length, in characters, of a second operand that needs no line of its own after a long first operand."""
TERM: Final = "term"
"""The label that names the term that a series comes from, in the union of several terms."""
_CATALOG_LABELS: Final = {label for metric in catalog.METRICS for label in metric.labels}


@dataclass(frozen=True)
class Matcher:
    """A label matcher, such as `status="error"`."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        """Return the matcher in PromQL."""
        return f'{self.label}{self.operator}"{self.value}"'


def equal(label: str, value: str) -> Matcher:
    """Return the matcher for one value of a label."""
    return Matcher(label, "=", value)


@dataclass(frozen=True)
class QueryScope:
    """The part of an expression that panels and alerts choose: matchers, labels of the result, window and offset.

    Attributes:
        window: The window of rates and increases, such as "5m" or "$__rate_interval".
        by: The labels of the result. The expression aggregates the series over all other labels.
        matchers: The matchers for series of services, in addition to the matchers of the signal.
        offset: The PromQL offset, such as "1d". It is empty for the present.
        elsewhere: The matchers for series of other programs, such as the Collector.
    """

    window: str = "5m"
    by: tuple[str, ...] = IDENTITY
    matchers: tuple[Matcher, ...] = ()
    offset: str = ""
    elsewhere: tuple[Matcher, ...] = ()

    @property
    def service(self) -> tuple[str, ...]:
        """The labels of the result that identify a service."""
        return tuple(label for label in self.by if label in IDENTITY)

    def within(self, labels: Iterable[str]) -> Self:
        """Return the scope without the catalog's labels that are not in `labels`, and without the matchers on them.

        The result of a query then includes series that do not have the removed labels.
        """
        foreign = _CATALOG_LABELS - set(labels)
        return replace(
            self,
            by=tuple(label for label in self.by if label not in foreign),
            matchers=tuple(matcher for matcher in self.matchers if matcher.label not in foreign),
        )

    def apart(self, *labels: str) -> Self:
        """Return the scope with additional labels of the result."""
        return replace(self, by=(*self.by, *(label for label in labels if label not in self.by)))

    def over(self, window: str) -> Self:
        """Return the scope with another window."""
        return replace(self, window=window)

    def ago(self, offset: str) -> Self:
        """Return the scope with another offset."""
        return replace(self, offset=offset)

    def anywhere(self) -> Self:
        """Return the scope for series of other programs: `elsewhere` replaces `matchers`."""
        return replace(self, matchers=self.elsewhere)

    def by_service(self) -> Self:
        """Return the scope whose result has only the labels that identify a service."""
        return replace(self, by=self.service)


@dataclass(frozen=True)
class Expr:
    """A PromQL expression.

    Attributes:
        text: The PromQL.
        compound: Whether the expression needs parentheses if it is an operand.
    """

    text: str
    compound: bool = False

    def __str__(self) -> str:
        """Return the PromQL."""
        return self.text

    def __add__(self, other: "Expr | float") -> "Expr":
        """Return the sum of two expressions. Series with equal labels are added."""
        return binary(self, "+", other)

    def __sub__(self, other: "Expr | float") -> "Expr":
        """Return the difference of two expressions. Series with equal labels are subtracted."""
        return binary(self, "-", other)

    def __mul__(self, other: "Expr | float") -> "Expr":
        """Return the product of two expressions. Series with equal labels are multiplied."""
        return binary(self, "*", other)

    def __truediv__(self, other: "Expr | float") -> "Expr":
        """Return the quotient of two expressions. Series with equal labels are divided."""
        return binary(self, "/", other)


def number(value: float) -> Expr:
    """Return a number as a PromQL constant with at most 10 significant digits."""
    return Expr(f"{value:.10g}")


def binary(left: Expr | float, operator: str, right: Expr | float) -> Expr:
    """Return two expressions joined by an operator. LINE and SHORT define where the result has line breaks."""
    first, second = _operand(left), _operand(right)
    line = f"{first} {operator} {second}"
    if _fits(line) or (len(second) <= SHORT and not _fits(first)):
        return Expr(line, compound=True)
    return Expr(f"{indent(first, '  ')}\n{operator}\n{indent(second, '  ')}", compound=True)


def call(function: str, *arguments: Expr | float) -> Expr:
    """Return the call of a PromQL function."""
    texts = [_expr(argument).text for argument in arguments]
    line = f"{function}({', '.join(texts)})"
    inner = ",\n".join(indent(text, "  ") for text in texts)
    return Expr(line if _fits(line) else f"{function}(\n{inner}\n)")


def aggregate(operator: str, inner: Expr, by: Sequence[str], parameter: float | None = None) -> Expr:
    """Return the aggregation of an expression over all labels except `by`.

    Some operators, such as "quantile", need a `parameter`.
    """
    head = f"{operator} by ({', '.join(by)}) " if by else operator
    given = [] if parameter is None else [number(parameter)]
    return call(head, *given, inner)


def total(inner: Expr, by: Sequence[str]) -> Expr:
    """Return the sum of an expression over all labels except `by`."""
    return aggregate("sum", inner, by)


def series(name: str, scope: QueryScope, *own: Matcher, window: str = "") -> Expr:
    """Return the selector of the series with a name.

    Args:
        name: The name of the series.
        scope: The scope. Only its matchers and its offset are used.
        own: More matchers. They come before the matchers of the scope.
        window: The window of a range selector, such as "5m". If it is empty, the result is an instant selector.
    """
    matchers = ", ".join(str(matcher) for matcher in (*own, *scope.matchers))
    selected = f"{name}{{{matchers}}}" if matchers else name
    ranged = f"[{window}]" if window else ""
    return Expr(selected + ranged + (f" offset {scope.offset}" if scope.offset else ""))


def rate(name: str, scope: QueryScope, *own: Matcher) -> Expr:
    """Return the rate per second of a counter, summed over all labels except `scope.by`."""
    return total(call("rate", series(name, scope, *own, window=scope.window)), scope.by)


def increase(name: str, scope: QueryScope, *own: Matcher) -> Expr:
    """Return the increase of a counter within the window of the scope, summed over all labels except `scope.by`."""
    return total(call("increase", series(name, scope, *own, window=scope.window)), scope.by)


def filled(value: Expr, like: Expr) -> Expr:
    """Return `value`, and 0 for each combination of labels that only `like` has."""
    return either(value, like * 0)


def either(*choices: Expr) -> Expr:
    """Return, for each combination of labels, the value of the first expression that has a value."""
    if len(choices) == 1:
        return choices[0]
    texts = (indent(_operand(choice), "  ") for choice in choices)
    return Expr("\nor\n".join(texts), compound=True)


def divided(part: Expr, whole: Expr) -> Expr:
    """Return `part` divided by `whole`. If `whole` is not greater than 0, there is no result."""
    return part / compared(whole, ">", 0)


def compared(value: Expr, operator: str, limit: Expr | float) -> Expr:
    """Return only the values for which the comparison with the limit is true."""
    return binary(value, operator, limit)


def where(value: Expr, condition: Expr, on: Sequence[str] | None = None) -> Expr:
    """Return only the values for which the condition has a result with equal labels.

    Args:
        value: The values.
        condition: The condition.
        on: The labels that must be equal in the value and the condition; None for all labels.
    """
    return binary(value, "and" if on is None else f"and on ({', '.join(on)})", condition)


def unless(value: Expr, condition: Expr, on: Sequence[str] | None = None) -> Expr:
    """Return only the values for which the condition has no result with equal labels.

    Args:
        value: The values.
        condition: The condition.
        on: The labels that must be equal in the value and the condition; None for all labels.
    """
    return binary(value, "unless" if on is None else f"unless on ({', '.join(on)})", condition)


def many_to_one(left: Expr, operator: str, right: Expr, on: Sequence[str]) -> Expr:
    """Return two expressions joined by an operator. Many series on the left can match one series on the right.

    Matching series have equal values of the labels `on`. On the right, each combination of these values is unique.
    """
    return binary(left, f"{operator} on ({', '.join(on)}) group_left ()", right)


def smaller(one: Expr, other: Expr) -> Expr:
    """Return the smaller of two values for each series of `other`. If `one` has no value, the result is `other`."""
    return either(compared(one, "<", other), other)


def among(operator: str, terms: Mapping[str, Expr], by: Sequence[str], parameter: float | None = None) -> Expr:
    """Return the aggregation of several terms. The aggregation ignores terms that have no result.

    Args:
        operator: The aggregation operator, such as "sum", "min" or "quantile".
        terms: The terms, by unique names.
        by: The labels of the result.
        parameter: The parameter of operators that need one, such as "quantile".
    """
    return aggregate(operator, tagged(terms), by, parameter)


def tagged(terms: Mapping[str, Expr]) -> Expr:
    """Return the union of several terms. The label `term` has the name of the term, so that no term hides another."""
    return either(*(call("label_replace", term, Expr(f'"{TERM}", "{name}", "", ""')) for name, term in terms.items()))


def flat(inner: Expr) -> Expr:
    """Return the expression on one line, without indentation.

    In a deeply nested expression, most of the text is indentation.

    The expression must not contain a string with two spaces in a row, because the two spaces would become one.
    """
    return Expr(" ".join(inner.text.split()), inner.compound)


def descending(inner: Expr) -> Expr:
    """Return the values in descending order. The order has an effect in instant queries only."""
    return call("sort_desc", inner)


def quantile(share: float, histogram: str, scope: QueryScope) -> Expr:
    """Return a quantile of a histogram within the window.

    Args:
        share: The level of the quantile, such as 0.95.
        histogram: The name of the histogram, without _bucket.
        scope: The window, the matchers and the labels of the result.
    """
    return call("histogram_quantile", share, rate(f"{histogram}_bucket", scope.apart("le")))


def wilson(part: Expr, whole: Expr, z: float) -> Expr:
    """Return a Wilson bound of a proportion (Wilson, "Probable Inference", 1927).

    Args:
        part: The number of successes.
        whole: The number of trials.
        z: The number of standard deviations: positive for the upper bound, negative for the lower.
    """
    # Prometheus extrapolates both counts, so the part can exceed the whole by a little. Then p * (1 - p) would be
    # negative, and the square root would be NaN.
    spread = call("sqrt", call("clamp_min", part * (Expr("1") - part / whole), 0) + z * z / 4)
    bound = part + z * z / 2 + spread * z
    return bound / (compared(whole, ">", 0) + z * z)


def poisson(events: Expr, trials: Expr, z: float) -> Expr:
    """Return a score bound of a rate of Poisson events (Barker, "A comparison of nine confidence intervals", 2002).

    Args:
        events: The number of events. It can exceed the number of trials.
        trials: The number of trials.
        z: The number of standard deviations: positive for the upper bound, negative for the lower.
    """
    return (events + z * z / 2 + call("sqrt", events + z * z / 4) * z) / compared(trials, ">", 0)


def entropy(parts: Expr, whole: Expr, by: Sequence[str]) -> Expr:
    """Return the normalised entropy of the parts of a whole: 0 for a single part, 1 for equal parts.

    Args:
        parts: The counts of the parts. They have the labels of `by` and one more label, which distinguishes the parts.
        whole: The sum of the counts, by the labels of `by`.
        by: The labels of the result.
    """
    present = compared(parts, ">", 0)
    spread = call("ln", compared(whole, ">", 0)) - total(parts * call("ln", present), by) / whole
    return spread / call("ln", call("clamp_min", aggregate("count", present, by), 2))


def distance(histogram: str, now: QueryScope, then: QueryScope) -> Expr:
    """Return the Kolmogorov-Smirnov distance, 0 to 1, between two distributions of a histogram.

    Args:
        histogram: The name of the histogram, without _bucket.
        now: The scope of the first distribution.
        then: The scope of the second distribution, at an earlier time.
    """
    gap = call("abs", _cumulative(histogram, now) - _cumulative(histogram, then))
    return aggregate("max", gap, now.by)


def _cumulative(histogram: str, scope: QueryScope) -> Expr:
    below = rate(f"{histogram}_bucket", scope.apart("le"))
    return many_to_one(below, "/", compared(rate(f"{histogram}_count", scope), ">", 0), scope.by)


def _expr(value: Expr | float) -> Expr:
    return value if isinstance(value, Expr) else number(value)


def _operand(value: Expr | float) -> str:
    expr = _expr(value)
    if not expr.compound:
        return expr.text
    return f"({expr.text})" if _fits(expr.text) else f"(\n{indent(expr.text, '  ')}\n)"


def _fits(text: str) -> bool:
    return "\n" not in text and len(text) <= LINE
