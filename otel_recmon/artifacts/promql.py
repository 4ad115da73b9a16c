"""Functions that build PromQL expressions and break long ones into lines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import indent
from typing import Final, Self

from otel_recmon import catalog

IDENTITY: Final = ("job", "deployment_environment_name")
"""The labels that identify a service: its name and its environment."""
LINE: Final = 100
"""The maximum length of a line, in characters, before an expression is broken."""
SHORT: Final = 20
"""The length up to which a second operand stays on the line of the operator."""
TERM: Final = "term"
"""The label that distinguishes the terms of a union."""
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
    """The series, the labels and the time that an expression covers.

    Attributes:
        window: The range of rates, such as "5m" or "$__rate_interval".
        by: The labels of the result. Series are added up over all other labels.
        matchers: Matchers for the series of services, in addition to those of the signal.
        offset: The PromQL offset, such as "1d"; empty for now.
        elsewhere: Matchers for the series of other programs, such as the Collector.
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
        """Remove all labels of the catalog but `labels`, so that series without the removed ones match."""
        foreign = _CATALOG_LABELS - set(labels)
        return replace(
            self,
            by=tuple(label for label in self.by if label not in foreign),
            matchers=tuple(matcher for matcher in self.matchers if matcher.label not in foreign),
        )

    def apart(self, *labels: str) -> Self:
        """Add labels to the result."""
        return replace(self, by=(*self.by, *(label for label in labels if label not in self.by)))

    def over(self, window: str) -> Self:
        """Replace the window."""
        return replace(self, window=window)

    def ago(self, offset: str) -> Self:
        """Replace the offset."""
        return replace(self, offset=offset)

    def anywhere(self) -> Self:
        """Select other programs instead of services: use the matchers of `elsewhere`."""
        return replace(self, matchers=self.elsewhere)

    def by_service(self) -> Self:
        """Remove all labels from the result but those that identify a service."""
        return replace(self, by=self.service)


@dataclass(frozen=True)
class Expr:
    """A PromQL expression.

    Attributes:
        text: The PromQL.
        compound: Whether it needs parentheses as an operand.
    """

    text: str
    compound: bool = False

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def __add__(self, other: "Expr | float") -> "Expr":
        """Return the sum of series with equal labels."""
        return binary(self, "+", other)

    def __sub__(self, other: "Expr | float") -> "Expr":
        """Return the difference of series with equal labels."""
        return binary(self, "-", other)

    def __mul__(self, other: "Expr | float") -> "Expr":
        """Return the product of series with equal labels."""
        return binary(self, "*", other)

    def __truediv__(self, other: "Expr | float") -> "Expr":
        """Return the quotient of series with equal labels."""
        return binary(self, "/", other)


def number(value: float) -> Expr:
    """Return a constant."""
    return Expr(f"{value:.10g}")


def binary(left: Expr | float, operator: str, right: Expr | float) -> Expr:
    """Return two expressions joined by an operator, on one line if they fit."""
    first, second = _operand(left), _operand(right)
    line = f"{first} {operator} {second}"
    if _fits(line) or (len(second) <= SHORT and not _fits(first)):
        return Expr(line, compound=True)
    return Expr(f"{indent(first, '  ')}\n{operator}\n{indent(second, '  ')}", compound=True)


def call(function: str, *arguments: Expr | float) -> Expr:
    """Return a function call."""
    texts = [_expr(argument).text for argument in arguments]
    line = f"{function}({', '.join(texts)})"
    inner = ",\n".join(indent(text, "  ") for text in texts)
    return Expr(line if _fits(line) else f"{function}(\n{inner}\n)")


def aggregate(operator: str, inner: Expr, by: Sequence[str], parameter: float | None = None) -> Expr:
    """Return an aggregation over all labels but `by`."""
    head = f"{operator} by ({', '.join(by)}) " if by else operator
    given = [] if parameter is None else [number(parameter)]
    return call(head, *given, inner)


def total(inner: Expr, by: Sequence[str]) -> Expr:
    """Return the sum over all labels but `by`."""
    return aggregate("sum", inner, by)


def series(name: str, scope: QueryScope, *own: Matcher, window: str = "") -> Expr:
    """Return a selector for the series of a name; with a window, a range selector.

    Args:
        name: The name of the series.
        scope: The matchers and the offset.
        own: Further matchers, put before those of the scope.
        window: The range, such as "5m"; empty for an instant selector.
    """
    matchers = ", ".join(str(matcher) for matcher in (*own, *scope.matchers))
    selected = f"{name}{{{matchers}}}" if matchers else name
    ranged = f"[{window}]" if window else ""
    return Expr(selected + ranged + (f" offset {scope.offset}" if scope.offset else ""))


def rate(name: str, scope: QueryScope, *own: Matcher) -> Expr:
    """Return the summed rate per second of counters."""
    return total(call("rate", series(name, scope, *own, window=scope.window)), scope.by)


def increase(name: str, scope: QueryScope, *own: Matcher) -> Expr:
    """Return the summed increase of counters within the window."""
    return total(call("increase", series(name, scope, *own, window=scope.window)), scope.by)


def filled(value: Expr, like: Expr) -> Expr:
    """Return `value`, with 0 for the labels that only `like` has."""
    return either(value, like * 0)


def either(*choices: Expr) -> Expr:
    """Return the first of several expressions that has a result, for each combination of labels."""
    if len(choices) == 1:
        return choices[0]
    texts = (indent(_operand(choice), "  ") for choice in choices)
    return Expr("\nor\n".join(texts), compound=True)


def divided(part: Expr, whole: Expr) -> Expr:
    """Return the quotient, without results for denominators of 0."""
    return part / compared(whole, ">", 0)


def compared(value: Expr, operator: str, limit: Expr | float) -> Expr:
    """Return the values for which a comparison holds."""
    return binary(value, operator, limit)


def where(value: Expr, condition: Expr, on: Sequence[str] | None = None) -> Expr:
    """Return the values for whose labels, or labels `on`, the condition has a result."""
    return binary(value, "and" if on is None else f"and on ({', '.join(on)})", condition)


def unless(value: Expr, condition: Expr, on: Sequence[str] | None = None) -> Expr:
    """Return the values for whose labels, or labels `on`, the condition has no result."""
    return binary(value, "unless" if on is None else f"unless on ({', '.join(on)})", condition)


def many_to_one(left: Expr, operator: str, right: Expr, on: Sequence[str]) -> Expr:
    """Return a many-to-one join: each series on the left with the one on the right that has equal labels `on`."""
    return binary(left, f"{operator} on ({', '.join(on)}) group_left ()", right)


def smaller(one: Expr, other: Expr) -> Expr:
    """Return the smaller value for each combination of labels, or the second if there is no first."""
    return either(compared(one, "<", other), other)


def among(operator: str, terms: Mapping[str, Expr], by: Sequence[str], parameter: float | None = None) -> Expr:
    """Return the aggregation of several terms with equal labels. Missing terms are left out.

    Args:
        operator: The aggregation operator, such as "sum", "min" or, with a parameter, "quantile".
        terms: The terms, by unique names.
        by: The labels of the result.
        parameter: The parameter of the operator.
    """
    return aggregate(operator, tagged(terms), by, parameter)


def tagged(terms: Mapping[str, Expr]) -> Expr:
    """Return the union of several terms, each with its name in the label `term`, so that none hides another."""
    return either(*(call("label_replace", term, Expr(f'"{TERM}", "{name}", "", ""')) for name, term in terms.items()))


def flat(inner: Expr) -> Expr:
    """Return the expression on one line, without the indentation that makes up most of a deeply nested one.

    It may not contain a string literal with two spaces in a row: they become one.
    """
    return Expr(" ".join(inner.text.split()), inner.compound)


def descending(inner: Expr) -> Expr:
    """Return the values in descending order; this has an effect on instant queries only."""
    return call("sort_desc", inner)


def quantile(share: float, histogram: str, scope: QueryScope) -> Expr:
    """Return a quantile of a histogram within the window.

    Args:
        share: The level, 0 to 1.
        histogram: The name of the histogram, without _bucket.
        scope: The window, matchers and labels.
    """
    return call("histogram_quantile", share, rate(f"{histogram}_bucket", scope.apart("le")))


def wilson(part: Expr, whole: Expr, z: float) -> Expr:
    """Return a Wilson bound of a proportion (Wilson, "Probable Inference", 1927).

    Args:
        part: The number of successes.
        whole: The number of trials.
        z: The number of standard deviations: positive for the upper bound, negative for the lower.
    """
    # The part can exceed the whole: one request can get several clicks. Then p * (1 - p) would be negative, and its
    # square root NaN.
    spread = call("sqrt", call("clamp_min", part * (Expr("1") - part / whole), 0) + z * z / 4)
    bound = part + z * z / 2 + spread * z
    return bound / (compared(whole, ">", 0) + z * z)


def entropy(parts: Expr, whole: Expr, by: Sequence[str]) -> Expr:
    """Return the normalised entropy of the parts of a whole: 0 for a single part, 1 for equal parts.

    Args:
        parts: The counts, by one label more than `by`.
        whole: The sum of the counts.
        by: The labels of the result.
    """
    present = compared(parts, ">", 0)
    spread = call("ln", compared(whole, ">", 0)) - total(parts * call("ln", present), by) / whole
    return spread / call("ln", call("clamp_min", aggregate("count", present, by), 2))


def distance(histogram: str, now: QueryScope, then: QueryScope) -> Expr:
    """Return the Kolmogorov-Smirnov distance between the distributions of a histogram at two times, 0 to 1."""
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
