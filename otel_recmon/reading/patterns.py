"""Patterns of routes: the methods, and the form of the route template."""

import re
from dataclasses import dataclass
from typing import Final

_PARAMETER: Final = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Pattern:
    """A pattern of routes: the methods (empty for any method), and a regular expression for the route template."""

    methods: frozenset[str]
    template: re.Pattern[str]

    def matches(self, method: str, template: str) -> bool:
        """Return whether a route matches the pattern."""
        return (not self.methods or method in self.methods) and bool(self.template.fullmatch(template))


def parse(text: str) -> Pattern:
    """Parse a pattern ``METHOD /path/{param}/*``. The method is optional; ``*`` matches the rest of the path.

    Raises:
        ValueError: If the text does not have this form.
    """
    method, _, path = text.strip().rpartition(" ")
    if not path.startswith("/") or not re.fullmatch(r"[A-Za-z]*", method.strip()):
        msg = f"{text.strip()!r} is not of the form METHOD /path/{{param}}/*"
        raise ValueError(msg)
    parts = [_part(part) for part in path.rstrip("/").split("/")[1:]]
    methods = {method.strip().upper()} if method.strip() else set()
    return Pattern(frozenset(methods), re.compile("".join(parts) + "/?"))


def _part(part: str) -> str:
    if part == "*":
        return "(?:/.*)?"
    pieces = (
        r"(?:\{[^}]*\}|[^/]+)" if _PARAMETER.fullmatch(piece) else re.escape(piece)
        for piece in re.split(r"(\{[^}]*\})", part)
    )
    return "/" + "".join(pieces)


def patterns(text: str) -> tuple[Pattern, ...]:
    """Return the patterns of a comma-separated list.

    Raises:
        ValueError: If a part of the list is not a valid pattern.
    """
    return tuple(parse(part) for part in text.split(",") if part.strip())
