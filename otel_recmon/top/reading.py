"""One look at one service: whose it is, its figures and their history, and which thresholds are crossed."""

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
"""The series by which an exporter says whose page it is."""


class ServiceError(RuntimeError):
    """There is no service to look at, or more than one: what to do."""


LOST: Final = (*FAILURES, ServiceError)
"""What a look may raise, and what passes once the service is back."""


@dataclass(frozen=True)
class Service:
    """What tells one service from another; empty where the page of a process does not say."""

    job: str = ""
    environment: str = ""

    def __str__(self) -> str:
        """Return it as people say it."""
        return f"{self.job or 'this process'} ({self.environment})" if self.environment else self.job or "this process"

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """The conditions that its series meet, and no other's."""
        return tuple(map(equal, IDENTITY, (self.job, self.environment)))


@dataclass(frozen=True)
class Reading:
    """What was seen at a moment, in seconds since 1970."""

    at: float
    source: str
    title: str
    service: Service
    period: Period
    answer: Answer
    trends: Mapping[str, Sequence[float]]
    judgement: Judgement


class Watch:
    """Looks at one service again and again."""

    def __init__(self, source: Source, rules: Sequence[AlertRule], job: str = "", environment: str = "") -> None:
        """Look at nothing yet.

        Args:
            source: Where to look.
            rules: The alerts.
            job: The service, where there are several.
            environment: Its environment, where there are several.
        """
        self._source, self._rules = source, alarms.switched_on(rules)
        self._wanted = Service(job, environment)
        # Asked of Prometheus, an alert costs what it costs Prometheus itself: as often as it does, then.
        self._judge_s = max((seconds(rule.config.general.interval) for rule in rules), default=0) * source.whole
        self._judged = (-math.inf, Judgement())

    def look(self) -> Reading:
        """Take a look.

        Raises:
            PageError, PrometheusError: There is no answer.
            ServiceError: There is no such service, or more than one.
        """
        return self.reading(self._source.look())

    def reading(self, at: float) -> Reading:
        """Return what was seen at a moment that has been looked at."""
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
            raise ServiceError(f"{self._source.name} has several services; choose by --job, --environment:{listed}")
        return found[0]

    def _known_as(self, at: float) -> Service | None:
        """Return what a process calls its service, where its page says so."""
        if self._source.whole:
            return None
        found = next((one.labels for one in self._source.instant(TARGET, at)), {})
        parts = (found.get("service_namespace"), found.get("service_name"))
        return Service("/".join(filter(None, parts)), found.get(IDENTITY[1], "")) if found else None

    def _nothing(self) -> str:
        of = f" of {self._wanted}" if self._wanted.job else ""
        return (
            f"{self._source.name} has no series{of} that otel-recmon exports; is the service running with "
            "OTEL_RECMON_ENABLED=true, and has it answered a request?"
        )
