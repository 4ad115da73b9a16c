"""The words of route templates by which recommendation routes are found without configuration.

The words are those of public recommendation services. A route whose words say little is a guess: it counts only after a
response with items.
"""

import re
from enum import IntEnum
from typing import Final

from otel_recmon.reading.item_keys import plain, words_of
from otel_recmon.reading.words import words

RECOMMENDS: Final = re.compile(r"recomm?end|recommand|recomms|empfehl")
"""Recommendations in the last fixed segment of a template, also in French, Spanish, Portuguese and German."""
GUESSES: Final = frozenset(words("routes.guesses"))
_FAINT: Final = frozenset(words("routes.faint"))
_PHRASES: Final = re.compile("|".join(words("routes.phrases")))
NEVER: Final = frozenset(words("routes.never"))
_NEVER_BELOW: Final = frozenset(words("routes.never_below"))
_SHORT: Final = frozenset(words("routes.short"))
_ALIKE: Final = frozenset(words("routes.alike"))
_STORED: Final = frozenset(words("routes.stored"))
_PARAMETER: Final = re.compile(r"\{(\w+)[^}]*\}")


class Certainty(IntEnum):
    """The certainty that a route returns recommendations, judged by the words of its template."""

    NONE = 0
    FAINT = 1
    """A word that says little, such as ``predict`` or ``home``."""
    POSSIBLE = 2
    """A word of the field, such as ``similar`` or ``feed``."""
    LIKELY = 3
    """``recommend``, but not in the last fixed segment; or a short word for recommendations, such as ``recs``."""
    SURE = 4


def certainty(method: str, template: str) -> Certainty:
    """Return the certainty that a route returns recommendations."""
    segments = [segment for segment in template.split("/") if segment]
    fixed = [segment for segment in segments if "{" not in segment]
    if method not in ("GET", "POST") or not fixed:
        return Certainty.NONE
    first = next((at for at, segment in enumerate(segments) if segment in fixed and _recommends(segment)), None)
    return _by_words(fixed) if first is None else _recommending(segments[first:])


def _recommending(after: list[str]) -> Certainty:
    """Return the certainty for the segments of a template from the first one with ``recommend`` on."""
    if _has_never(after) or not _STORED.isdisjoint(map(plain, _PARAMETER.findall("/".join(after)))):
        return Certainty.NONE
    last = next(segment for segment in reversed(after) if "{" not in segment)
    return Certainty.SURE if _recommends(last) else Certainty.LIKELY


def _by_words(fixed: list[str]) -> Certainty:
    """Return the certainty for the fixed segments of a template without ``recommend``."""
    guess = next((at for at, segment in enumerate(fixed) if _is_guess(segment)), len(fixed) - 1)
    if _has_never(fixed[guess:]) or _is_below_never(fixed):
        return Certainty.NONE
    if _is_guess(fixed[guess]):
        return Certainty.POSSIBLE if _SHORT.isdisjoint(words_of(fixed[guess])) else Certainty.LIKELY
    return Certainty.FAINT if not _FAINT.isdisjoint(words_of(fixed[-1])) else Certainty.NONE


def _recommends(segment: str) -> bool:
    return RECOMMENDS.search(segment.lower()) is not None


def _is_below_never(fixed: list[str]) -> bool:
    return any(not _NEVER_BELOW.isdisjoint(words_of(segment)) for segment in fixed[:-1])


def finds_alike(template: str) -> bool:
    """Return whether a route returns items like another item."""
    return any(not _ALIKE.isdisjoint(words_of(segment)) for segment in template.split("/") if "{" not in segment)


def _is_guess(segment: str) -> bool:
    return not GUESSES.isdisjoint(words_of(segment)) or _PHRASES.search(plain(segment)) is not None


def _has_never(segments: list[str]) -> bool:
    return any(not NEVER.isdisjoint(words_of(segment)) for segment in segments if "{" not in segment)
