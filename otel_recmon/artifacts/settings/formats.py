"""What the texts among the settings must be like, so that nothing reads them as something else."""

import json
import re
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.promql import IDENTITY, Matcher
from otel_recmon.artifacts.settings.schema import Form

LONGEST_PREFIX: Final = 12
"""Characters that a prefix may have, so that Grafana takes the identifier of every alert: 40 in all."""
_MATCHER: Final = re.compile(r'\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\$\n]|\\[\\"])*)"\s*')
_NOT_IN_RE2: Final = re.compile(r"\(\?(?:[=!]|<[=!])")
_METRICS_OWN: Final = {"le", *(label for metric in catalog.METRICS for label in metric.labels)}
_TAKEN: Final = {*IDENTITY, *_METRICS_OWN, "alertname", "severity", "grafana_folder", "instance"}


_PLAIN: Final = re.compile(r"[A-Za-z/](?:[\w./ -]|:(?=\S))*(?<! )")
_WORDS: Final = frozenset("true false yes no on off null y n".split())


def scalar(text: str) -> str:
    """Return a text of one line as YAML has it, in quotes where it would be read as something else."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


def matchers(text: str) -> tuple[Matcher, ...]:
    """Return the conditions that a text such as `job=~"shop/.*", cluster="eu"` states.

    Raises:
        ValueError: It is none.
    """
    found, rest = [], text
    while rest.strip():
        match = _MATCHER.match(rest)
        if not match:
            raise ValueError(text)
        found.append(Matcher(*match.groups()))
        comma, rest = rest[match.end() :][:1], rest[match.end() + 1 :]
        if comma not in ("", ","):
            raise ValueError(text)
    return tuple(found)


def _are_matchers(text: str) -> bool:
    try:
        return all(_usable(matcher) for matcher in matchers(text))
    except (ValueError, re.error):
        return False


def _usable(matcher: Matcher) -> bool:
    value = re.sub(r"\\(.)", r"\1", matcher.value)
    if matcher.operator in ("=~", "!~"):
        re.compile(value)
    return matcher.label not in _METRICS_OWN and not matcher.label.startswith("__") and not _NOT_IN_RE2.search(value)


def _like(expected: str, pattern: str) -> Form:
    return Form(expected, re.compile(pattern).fullmatch)


NAME: Final = _like("a name, of one line and without $ { }", r"[^\s${}](?:[^\n\r\t${}]*[^\s${}])?")
UID: Final = _like("letters, digits, - and _, at most 40", r"[A-Za-z0-9_-]{1,40}")
SLUG: Final = _like(f"lower-case letters, digits and -, at most {LONGEST_PREFIX}", r"[a-z](?:[a-z0-9-]{0,10}[a-z0-9])?")
URL: Final = _like("an address such as https://grafana.example", r"https?://[^\s\"'$#{}]+")
PATH: Final = _like("an absolute path without spaces", r"/[^\s\"'$#{}:]*")
PLACE: Final = _like("an address or a path without spaces", r"[^\s\"'${}]+")
TARGET: Final = _like('an address such as "collector:8888"', r"[^\s\"'$#{}/]+:\d+")
HOST: Final = _like("a host or address without spaces", r"[^\s\"'$#{}]+")
CURRENCY: Final = _like("the three letters of ISO 4217, such as EUR", r"[A-Z]{3}")
MATCHERS: Final = Form(
    """conditions on the labels of a service, such as 'job=~"shop/.*", cluster="eu"', without $""", _are_matchers
)
VALUE: Final = _like("a text of one line, without $ { }", r"[^\n\r${}]+")
LABEL_NAME: Final = Form(
    "the name of a label that alerts do not have of their own",
    lambda text: re.fullmatch(r"[a-zA-Z]\w*", text, re.ASCII) and text not in _TAKEN,
)
DNS_LABEL: Final = _like(
    "a name as Kubernetes has them: lower-case letters, digits and -", r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
LABEL_KEY: Final = _like(
    "the key of a label in Kubernetes",
    r"(?:[a-z0-9][a-z0-9.-]{0,251}[a-z0-9]/)?[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?",
)
LABEL_VALUE: Final = _like("the value of a label in Kubernetes", r"(?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?")
