"""Readings of one service: its figures, their trends, and the crossed alert thresholds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts import promql
from otel_recmon.artifacts.alerts.rule import AlertRule
from otel_recmon.artifacts.promql import IDENTITY, Matcher, QueryScope, equal
from otel_recmon.artifacts.settings.thresholds import seconds
from otel_recmon.errors import RecmonError
from otel_recmon.query.service import Service
from otel_recmon.query.sources import Lookback, MetricsSource
from otel_recmon.top import alarms, figures
from otel_recmon.top.alarms import Judgement
from otel_recmon.top.figures import Answer

TARGET: Final = "target_info"
"""The series with the name of the service on the page of a Prometheus exporter."""


class ServiceError(RecmonError):
    """No service or several services match. The message names the remedy."""


@dataclass(frozen=True)
class Reading:
    """The figures, trends and crossed thresholds of a service at the time ``at``, in seconds since 1970."""

    at: float
    source: str
    title: str
    service: Service
    lookback: Lookback
    answer: Answer
    trends: Mapping[str, Sequence[float]]
    judgement: Judgement


class Watch:
    """A reader of the figures, trends and crossed thresholds of one service."""

    def __init__(self, source: MetricsSource, rules: Sequence[AlertRule], job: str = "", environment: str = "") -> None:
        """Create the reader without reading.

        Args:
            source: The source of the series.
            rules: The alerts to evaluate.
            job: The label ``job`` of the service; required if the source has several services.
            environment: The environment of the service; required if the service runs in several environments.
        """
        self._source, self._rules = source, alarms.switched_on(rules)
        self._wanted = Service(job, environment)
        # These queries cost Prometheus as much as its evaluation of the alerts, so they run at the same interval.
        self._judge_s = max((seconds(rule.config.general.interval) for rule in rules), default=0) * source.whole
        self._judged = (-math.inf, Judgement())

    def look(self) -> Reading:
        """Read the source, and return the current reading.

        Raises:
            PageError, PrometheusError: If the source is unreachable or unreadable.
            ServiceError: If no service or several services match.
        """
        return self.reading(self._source.look())

    def reading(self, at: float) -> Reading:
        """Return the reading of the service at ``at``, which must be the time of the source's last read."""
        source = self._source
        service = self._service(at)
        scope = QueryScope(source.window, IDENTITY, _matchers(service))
        return Reading(
            at,
            source.name,
            str(self._known_as(at) or service),
            service,
            source.lookback(at),
            figures.asked(source, scope, at),
            figures.trends(source, scope, at),
            self._judgement(service, at),
        )

    def _judgement(self, service: Service, at: float) -> Judgement:
        if at - self._judged[0] >= self._judge_s:
            self._judged = (at, alarms.judged(self._source, self._rules, _matchers(service), at))
        return self._judged[1]

    def _service(self, at: float) -> Service:
        scope = QueryScope(matchers=tuple(one for one in _matchers(self._wanted) if one.value))
        reporting = promql.aggregate("group", promql.series(catalog.BUILD_INFO.prometheus, scope), IDENTITY)
        series = self._source.instant(str(reporting), at)
        found = sorted((Service(*(one.labels.get(name, "") for name in IDENTITY)) for one in series), key=str)
        if not found:
            raise ServiceError(self._nothing())
        if len(found) > 1:
            listed = "".join(f"\n  {service}" for service in found)
            raise ServiceError(
                f"{self._source.name} has several services; choose one with --job and --environment:{listed}"
            )
        return found[0]

    def _known_as(self, at: float) -> Service | None:
        """Return the service that ``target_info`` on a page names; None without this series, or for a Prometheus."""
        if self._source.whole:
            return None
        found = next((one.labels for one in self._source.instant(TARGET, at)), {})
        parts = (found.get("service_namespace"), found.get("service_name"))
        return Service("/".join(filter(None, parts)), found.get(IDENTITY[1], "")) if found else None

    def _nothing(self) -> str:
        of = f" for {self._wanted}" if self._wanted.job else ""
        return (
            f"{self._source.name} has no series of otel-recmon{of}; is the service running with "
            "OTEL_RECMON_ENABLED=true, and has it answered a request?"
        )


def _matchers(service: Service) -> tuple[Matcher, ...]:
    """Return the label matchers that select the series of a service."""
    return tuple(map(equal, IDENTITY, service))
