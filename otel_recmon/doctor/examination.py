"""The whole examination of a service: all topics, except topics with a reason to skip them."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from otel_recmon.doctor import environment, exporter, grafana, processes, prometheus, sdk, slack
from otel_recmon.doctor.target import Target
from otel_recmon.findings import TOPICS, Finding

_EXAMINE: Final[dict[str, Callable[[Target], Iterable[Finding]]]] = {
    "environment": environment.examine,
    "sdk": sdk.examine,
    "exporter": exporter.examine,
    "processes": processes.examine,
    "prometheus": prometheus.examine,
    "grafana": grafana.examine,
    "slack": slack.examine,
}
_REASON_TO_SKIP: Final[dict[str, Callable[[Target], str]]] = {
    "exporter": exporter.reason_to_skip,
    "prometheus": prometheus.reason_to_skip,
    "grafana": grafana.reason_to_skip,
    "slack": slack.reason_to_skip,
}


@dataclass(frozen=True)
class Report:
    """The findings, the examined topics, and the skipped topics with their reasons."""

    findings: list[Finding]
    examined: list[str]
    skipped: dict[str, str]

    def json(self) -> dict[str, Any]:
        """Return the report for the `--json` output."""
        return asdict(self)


def examine_all(target: Target) -> Report:
    """Examine a service in all topics, or only in the topic that ``target.only`` names.

    Raises:
        DoctorError: An argument of the command line cannot be used.
    """
    wanted = [topic for topic in TOPICS if target.only in ("", topic)]
    reasons = {topic: _REASON_TO_SKIP[topic](target) for topic in wanted if topic in _REASON_TO_SKIP}
    skipped = {topic: reason for topic, reason in reasons.items() if reason}
    examined = [topic for topic in wanted if topic not in skipped]
    return Report([finding for topic in examined for finding in _EXAMINE[topic](target)], examined, skipped)
