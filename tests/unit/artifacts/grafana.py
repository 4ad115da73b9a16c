"""An emulation of Grafana's evaluation of a provisioned rule on the samples of its query."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

Labels = frozenset[tuple[str, str]]

_EVALUATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "gt": lambda value, limit: value > limit,
    "lt": lambda value, limit: value < limit,
    "gte": lambda value, limit: value >= limit,
    "lte": lambda value, limit: value <= limit,
    "eq": lambda value, limit: value == limit,
}


def query(rule: Mapping[str, Any]) -> str:
    """The expression of a rule's query."""
    return str(_part(rule, "A")["model"]["expr"])


def verdict(rule: Mapping[str, Any], samples: Mapping[Labels, float]) -> set[Labels]:
    """The labels of the series for which a rule fires. A missing series does not fire, because noDataState is OK.

    Args:
        rule: A rule of the provisioning file.
        samples: The results of its query, by labels.
    """
    assert rule["condition"] == "B"
    threshold = _part(rule, "B")["model"]
    assert (threshold["type"], threshold["expression"]) == ("threshold", "A")
    (condition,) = threshold["conditions"]
    (limit,) = condition["evaluator"]["params"]
    met = _EVALUATORS[condition["evaluator"]["type"]]
    return {labels for labels, value in samples.items() if not math.isnan(value) and met(value, limit)}


def _part(rule: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    (part,) = (part for part in rule["data"] if part["refId"] == name)
    return dict(part)
