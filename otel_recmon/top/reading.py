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
from otel_recmon.query.sources import FAILURES, Period, Source
from otel_recmon.top import alarms, figures
from otel_recmon.top.alarms import Judgement
from otel_recmon.top.figures import Answer

TARGET: Final = "target_info"
"""The series with the name of the service on the page of a Prometheus exporter."""


class ServiceError(RuntimeError):
    """No service or several services match. The message names the remedy."""


LOST: Final = (*FAILURES, ServiceError)
"""The errors of a reading that disappear once the service is available again."""


@dataclass(frozen=True)
class Service:
    """The identity of a service. Its parts are empty on the page of a process, whose series lack these labels."""

    job: str = ""
    environment: str = ""

    def __str__(self) -> str:
        """Return the name for users, such as ``team/shop (production)``."""
        return f"{self.job or 'this process'} ({self.environment})" if self.environment else self.job or "this process"

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """The label matchers that select the series of this service only."""
        return tuple(map(equal, IDENTITY, (self.job, self.environment)))


@dataclass(frozen=True)
class Reading:
    """The figures, trends and crossed thresholds of a service at one time, in seconds since 1970."""

    at: float
    source: str
    title: str
    service: Service
    period: Period
    answer: Answer
    trends: Mapping[str, Sequence[float]]
    judgement: Judgement


class Watch:
    """A reader of one service."""

    def __init__(self, source: Source, rules: Sequence[AlertRule], job: str = "", environment: str = "") -> None:
        """Create the reader without reading.

        Args:
            source: The source of the series.
            rules: The alerts to evaluate.
            job: The label ``job`` of the service; required if the source has several services.
            environment: Its environment; required if the service runs in several.
        """
        self._source, self._rules = source, alarms.switched_on(rules)
        self._wanted = Service(job, environment)
        # On Prometheus, these queries cost as much as its own evaluation of the alerts, so they have the same interval.
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
        """Return the reading for a time that ``Source.look`` has returned."""
        source = self._source
        service = self._service(at)
        scope = QueryScope(source.window, IDENTITY, service.matchers)
        return Reading(
            at,
            source.name,
            str(self._known_as(at) or service),
            service,
            source.period(at),
            figures.asked(source, scope, at),
            figures.trends(source, scope, at),
            self._judgement(service, at),
        )

    def _judgement(self, service: Service, at: float) -> Judgement:
        if at - self._judged[0] >= self._judge_s:
            self._judged = (at, alarms.judged(self._source, self._rules, service.matchers, at))
        return self._judged[1]

    def _service(self, at: float) -> Service:
        wanted = zip(IDENTITY, (self._wanted.job, self._wanted.environment), strict=True)
        scope = QueryScope(matchers=tuple(equal(label, value) for label, value in wanted if value))
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
        """Return the service in ``target_info`` of a page; None if there is none."""
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
