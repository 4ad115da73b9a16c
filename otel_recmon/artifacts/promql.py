"""PromQL, built of a few functions that compose and laid out one idea a line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import indent
from typing import Final, Self

from otel_recmon import catalog

IDENTITY: Final = ("job", "deployment_environment_name")
"""The labels that tell one service from another, and its environments apart."""
LINE: Final = 100
SHORT: Final = 20
"""What is no longer than this never gets a line of its own."""
TERM: Final = "term"
"""A label that tells the terms of an expression apart."""
_CATALOG_LABELS: Final = {label for metric in catalog.METRICS for label in metric.labels}


@dataclass(frozen=True)
class Matcher:
    """A condition on a label, such as `status="error"`."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        """Write it as PromQL does."""
        return f'{self.label}{self.operator}"{self.value}"'


def equal(label: str, value: str) -> Matcher:
    """Return the condition that a label has a value."""
    return Matcher(label, "=", value)


@dataclass(frozen=True)
class QueryScope:
    """What an expression looks at.

    Attributes:
        window: How far back rates look, such as "5m" or "$__rate_interval".
        by: The labels that are kept apart; everything else adds up.
        matchers: What the series are narrowed to, beside what a signal asks for itself.
        offset: How long ago, such as "1d"; "" for now.
        elsewhere: What the series of those who are none of the services are narrowed to.
    """

    window: str = "5m"
    by: tuple[str, ...] = IDENTITY
    matchers: tuple[Matcher, ...] = ()
    offset: str = ""
    elsewhere: tuple[Matcher, ...] = ()

    @property
    def service(self) -> tuple[str, ...]:
        """Those of the labels kept apart that tell services apart."""
        return tuple(label for label in self.by if label in IDENTITY)

    def within(self, labels: Iterable[str]) -> Self:
        """Leave out the catalog's labels that are not among `labels`, so that series without them match."""
        foreign = _CATALOG_LABELS - set(labels)
        return replace(
            self,
            by=tuple(label for label in self.by if label not in foreign),
            matchers=tuple(matcher for matcher in self.matchers if matcher.label not in foreign),
        )

    def apart(self, *labels: str) -> Self:
        """Keep more labels apart."""
        return replace(self, by=(*self.by, *(label for label in labels if label not in self.by)))

    def over(self, window: str) -> Self:
        """Look back as far as `window`."""
        return replace(self, window=window)

    def ago(self, offset: str) -> Self:
        """Look at the past."""
        return replace(self, offset=offset)

    def anywhere(self) -> Self:
        """Look at those who are none of the services."""
        return replace(self, matchers=self.elsewhere)

    def by_service(self) -> Self:
        """Keep only services apart."""
        return replace(self, by=self.service)


@dataclass(frozen=True)
class Expr:
    """An expression; `compound` is one that needs parentheses inside another."""

    text: str
    compound: bool = False

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def __add__(self, other: "Expr | float") -> "Expr":
        """Add, label by label."""
        return binary(self, "+", other)

    def __sub__(self, other: "Expr | float") -> "Expr":
        """Subtract, label by label."""
        return binary(self, "-", other)

    def __mul__(self, other: "Expr | float") -> "Expr":
        """Multiply, label by label."""
        return binary(self, "*", other)

    def __truediv__(self, other: "Expr | float") -> "Expr":
        """Divide, label by label."""
        return binary(self, "/", other)


def number(value: float) -> Expr:
    """Return a constant."""
    return Expr(f"{value:.10g}")


def binary(left: Expr | float, operator: str, right: Expr | float) -> Expr:
    """Join two expressions by an operator, on one line where there is room."""
    first, second = _operand(left), _operand(right)
    line = f"{first} {operator} {second}"
    if _fits(line) or (len(second) <= SHORT and not _fits(first)):
        return Expr(line, compound=True)
    return Expr(f"{indent(first, '  ')}\n{operator}\n{indent(second, '  ')}", compound=True)


def call(function: str, *arguments: Expr | float) -> Expr:
    """Call a function."""
    texts = [_expr(argument).text for argument in arguments]
    line = f"{function}({', '.join(texts)})"
    inner = ",\n".join(indent(text, "  ") for text in texts)
    return Expr(line if _fits(line) else f"{function}(\n{inner}\n)")


def aggregate(operator: str, inner: Expr, by: Sequence[str], parameter: float | None = None) -> Expr:
    """Aggregate over all labels but those of `by`."""
    head = f"{operator} by ({', '.join(by)}) " if by else operator
    given = [] if parameter is None else [number(parameter)]
    return call(head, *given, inner)


def total(inner: Expr, by: Sequence[str]) -> Expr:
    """Add up over all labels but those of `by`."""
    return aggregate("sum", inner, by)


def series(name: str, scope: QueryScope, *own: Matcher, window: str = "") -> Expr:
    """Select the series of a name: their last values or, with a window, all values within it."""
    matchers = ", ".join(str(matcher) for matcher in (*own, *scope.matchers))
    selected = f"{name}{{{matchers}}}" if matchers else name
    ranged = f"[{window}]" if window else ""
    return Expr(selected + ranged + (f" offset {scope.offset}" if scope.offset else ""))


def rate(name: str, scope: QueryScope, *own: Matcher) -> Expr:
    """Return how fast counters rise a second, added up."""
    return total(call("rate", series(name, scope, *own, window=scope.window)), scope.by)


def increase(name: str, scope: QueryScope, *own: Matcher) -> Expr:
    """Return by how much counters rose within the window, added up."""
    return total(call("increase", series(name, scope, *own, window=scope.window)), scope.by)


def filled(value: Expr, like: Expr) -> Expr:
    """Return 0 where `value` has nothing and `like` has something."""
    return either(value, like * 0)


def either(*choices: Expr) -> Expr:
    """Return the first that there is, label by label."""
    if len(choices) == 1:
        return choices[0]
    texts = (indent(_operand(choice), "  ") for choice in choices)
    return Expr("\nor\n".join(texts), compound=True)


def divided(part: Expr, whole: Expr) -> Expr:
    """Divide where there is something to divide by."""
    return part / compared(whole, ">", 0)


def compared(value: Expr, operator: str, limit: Expr | float) -> Expr:
    """Keep the values that compare so."""
    return binary(value, operator, limit)


def where(value: Expr, condition: Expr, on: Sequence[str] | None = None) -> Expr:
    """Keep the values for whose labels, or the labels of `on`, the condition has something."""
    return binary(value, "and" if on is None else f"and on ({', '.join(on)})", condition)


def unless(value: Expr, condition: Expr, on: Sequence[str] | None = None) -> Expr:
    """Keep the values for whose labels, or the labels of `on`, the condition has nothing."""
    return binary(value, "unless" if on is None else f"unless on ({', '.join(on)})", condition)


def many_to_one(left: Expr, operator: str, right: Expr, on: Sequence[str]) -> Expr:
    """Join each of many on the left with the one on the right that shares the labels of `on`."""
    return binary(left, f"{operator} on ({', '.join(on)}) group_left ()", right)


def smaller(one: Expr, other: Expr) -> Expr:
    """Return the smaller of two, label by label, or the second where there is no first."""
    return either(compared(one, "<", other), other)


def among(operator: str, terms: Mapping[str, Expr], by: Sequence[str], parameter: float | None = None) -> Expr:
    """Aggregate several terms that have the same labels; those that are absent are left out.

    Args:
        operator: Such as "sum", "min" or, with a parameter, "quantile".
        terms: By a name that tells them apart.
        by: The labels that are kept apart.
        parameter: That of the operator.
    """
    return aggregate(operator, tagged(terms), by, parameter)


def tagged(terms: Mapping[str, Expr]) -> Expr:
    """Return several terms at once, each labelled with the name that tells them apart."""
    return either(*(call("label_replace", term, Expr(f'"{TERM}", "{name}", "", ""')) for name, term in terms.items()))


def flat(inner: Expr) -> Expr:
    """Return the same on one line, a fraction of the size where it is deeply nested; no literal may hold two spaces."""
    return Expr(" ".join(inner.text.split()), inner.compound)


def descending(inner: Expr) -> Expr:
    """Return the largest first, where the answer is of one moment."""
    return call("sort_desc", inner)


def quantile(share: float, histogram: str, scope: QueryScope) -> Expr:
    """Return a quantile of a histogram's values within the window."""
    return call("histogram_quantile", share, rate(f"{histogram}_bucket", scope.apart("le")))


def wilson(part: Expr, whole: Expr, z: float) -> Expr:
    """Return the bound of Wilson, "Probable Inference" (1927), of a share.

    Args:
        part: Number of successes.
        whole: Number of trials.
        z: Standard deviations; above 0 for the upper bound, below 0 for the lower.
    """
    spread = call("sqrt", call("clamp_min", part * (Expr("1") - part / whole), 0) + z * z / 4)
    bound = part + z * z / 2 + spread * z
    return bound / (compared(whole, ">", 0) + z * z)


def entropy(parts: Expr, whole: Expr, by: Sequence[str]) -> Expr:
    """Return the entropy of the parts of a whole, over the logarithm of their number; 0 where there is but one.

    Args:
        parts: What is counted, by one label more than `by`.
        whole: Their sum.
        by: The labels that are kept apart.
    """
    present = compared(parts, ">", 0)
    spread = call("ln", compared(whole, ">", 0)) - total(parts * call("ln", present), by) / whole
    return spread / call("ln", call("clamp_min", aggregate("count", present, by), 2))


def distance(histogram: str, now: QueryScope, then: QueryScope) -> Expr:
    """Return how far apart the distributions of two times are, 0 to 1 (Kolmogorov and Smirnov)."""
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
