"""Services with data in Prometheus, and the choice of one for a report."""

from collections.abc import Sequence
from typing import Final

from otel_recmon import catalog
from otel_recmon.query.client import Prometheus
from otel_recmon.query.service import Service, quoted
from otel_recmon.report.failure import NoDataError, SeveralError, UnknownError
from otel_recmon.report.period import Period, written
from otel_recmon.report.rises import milliseconds

_COUNTERS: Final = (catalog.REQUESTS, catalog.CLICKED, catalog.CONVERTED, catalog.IMPRESSIONS)


def service(prometheus: Prometheus, period: Period, job: str | None, environment: str | None) -> Service:
    """Return the service with this job and environment. None matches every job or environment.

    Raises:
        PrometheusError: If Prometheus does not answer.
        NoDataError: If no service sent data in the period.
        UnknownError: If no service matches.
        SeveralError: If several services match.
    """
    found = (job and services(prometheus, period, job)) or services(prometheus, period)
    return chosen(found, period, job, environment)


def services(prometheus: Prometheus, period: Period, job: str = "") -> tuple[Service, ...]:
    """Query the services with data in a period. With a job, query only the services of this job."""
    names = "|".join(metric.prometheus for metric in _COUNTERS)
    of = f", job={quoted(job)}" if job else ""
    window = f'{{__name__=~"{names}"{of}}}[{milliseconds(period)}ms]'
    query = f"group by ({', '.join(Service._fields)}) (last_over_time({window}))"
    found = prometheus.instant(query, period.end.timestamp())
    return tuple(sorted(Service(*(one.labels.get(label, "") for label in Service._fields)) for one in found))


def chosen(found: Sequence[Service], period: Period, job: str | None, environment: str | None) -> Service:
    """Return the only service in ``found`` with this job and environment. None matches every job or environment.

    Raises:
        NoDataError: If ``found`` is empty.
        UnknownError: If no service matches.
        SeveralError: If several services match.
    """
    if not found:
        raise NoDataError(
            f"no service sent data from {written(period.start)} to {written(period.end)}; "
            "is this the Prometheus that receives the metrics?"
        )
    matching = [one for one in found if job in (None, one.job) and environment in (None, one[1])]
    if not matching:
        wanted = str(Service(job or "any job", environment or ""))
        raise UnknownError(f"{wanted} has no data in this period; services with data: {_listed(found)}")
    if len(matching) > 1:
        raise SeveralError(f"several services match; choose a job and an environment: {_listed(matching)}")
    return matching[0]


def _listed(found: Sequence[Service]) -> str:
    return ", ".join(map(str, found))
