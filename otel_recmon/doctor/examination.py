"""The whole examination: every topic that can be examined, and why the others cannot."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from otel_recmon.doctor import environment, exporter, grafana, processes, sdk, slack
from otel_recmon.doctor import prometheus as stored
from otel_recmon.doctor.target import Patient
from otel_recmon.findings import TOPICS, Finding

_EXAMINE: Final[dict[str, Callable[[Patient], Iterable[Finding]]]] = {
    "environment": environment.examine,
    "sdk": sdk.examine,
    "exporter": exporter.examine,
    "processes": processes.examine,
    "prometheus": stored.examine,
    "grafana": grafana.examine,
    "slack": slack.examine,
}
_SKIPPED: Final[dict[str, Callable[[Patient], str]]] = {
    "exporter": exporter.skipped,
    "prometheus": stored.skipped,
    "grafana": grafana.skipped,
    "slack": slack.skipped,
}


@dataclass(frozen=True)
class Report:
    """What was found, what was examined, and why the rest was not."""

    findings: list[Finding]
    examined: list[str]
    skipped: dict[str, str]

    def json(self) -> dict[str, Any]:
        """Return it as it is printed for programs."""
        return asdict(self)


def examination(patient: Patient) -> Report:
    """Examine a service, or the one topic of it that was asked for.

    Raises:
        DoctorError: Something that was named on the command line cannot be used.
    """
    wanted = [topic for topic in TOPICS if patient.only in ("", topic)]
    reasons = {topic: _SKIPPED[topic](patient) for topic in wanted if topic in _SKIPPED}
    skipped = {topic: reason for topic, reason in reasons.items() if reason}
    examined = [topic for topic in wanted if topic not in skipped]
    return Report([finding for topic in examined for finding in _EXAMINE[topic](patient)], examined, skipped)
