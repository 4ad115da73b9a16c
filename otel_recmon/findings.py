"""What ``otel-recmon doctor`` can find: each with why it matters and what to do about it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TOPICS: Final = ("environment", "sdk", "exporter", "processes", "prometheus", "grafana", "slack")
SEVERITIES: Final = ("error", "warning")
_FILE: Final = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class FindingKind:
    """A finding before a check fills in its facts, which stand as ``{name}`` in ``what``, ``why`` and ``fix``."""

    name: str
    topic: str
    severity: str
    what: str
    why: str
    fix: str

    def __post_init__(self) -> None:
        """Refuse a topic or severity that is none."""
        if self.topic not in TOPICS or self.severity not in SEVERITIES:
            raise ValueError(f"{self.name}: {self.topic!r} and {self.severity!r} have to be of {TOPICS}, {SEVERITIES}")


@dataclass(frozen=True)
class Finding:
    """Something that is wrong: what, why it matters, and what to do."""

    name: str
    topic: str
    severity: str
    what: str
    why: str
    fix: str


def found(kind: str, /, **facts: object) -> Finding:
    """Return a finding of a kind, with its facts filled in.

    Raises:
        KeyError: There is no such kind, or a fact is missing.
    """
    known = KINDS[kind]
    words = (text.format(**facts) for text in (known.what, known.why, known.fix))
    return Finding(known.name, known.topic, known.severity, *words)


def _kinds(topics: Mapping[str, Mapping[str, Any]]) -> dict[str, FindingKind]:
    return {name: FindingKind(name, topic, **words) for topic, kinds in topics.items() for name, words in kinds.items()}


KINDS: Final = _kinds(tomllib.loads(_FILE.read_text(encoding="utf-8")))
"""By name, in the order of the documentation."""
