"""The findings of ``otel-recmon doctor``: each problem with its consequence and its fix."""

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
    """A template of a finding. Its texts have placeholders, such as ``{name}``, for the facts that a check found."""

    name: str
    topic: str
    severity: str
    what: str
    why: str
    fix: str

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown topic or severity."""
        if self.topic not in TOPICS or self.severity not in SEVERITIES:
            raise ValueError(f"{self.name}: {self.topic!r} and {self.severity!r} have to be of {TOPICS}, {SEVERITIES}")


@dataclass(frozen=True)
class Finding:
    """A problem: its description, its consequence and its fix."""

    name: str
    topic: str
    severity: str
    what: str
    why: str
    fix: str


def found(kind: str, /, **facts: object) -> Finding:
    """Return the finding of a kind, with the facts in place of the placeholders.

    Raises:
        KeyError: If the kind is unknown or a fact is missing.
    """
    known = KINDS[kind]
    words = (text.format(**facts) for text in (known.what, known.why, known.fix))
    return Finding(known.name, known.topic, known.severity, *words)


def _kinds(topics: Mapping[str, Mapping[str, Any]]) -> dict[str, FindingKind]:
    return {name: FindingKind(name, topic, **words) for topic, kinds in topics.items() for name, words in kinds.items()}


KINDS: Final = _kinds(tomllib.loads(_FILE.read_text(encoding="utf-8")))
"""All kinds of findings by name, in the order of the documentation."""
