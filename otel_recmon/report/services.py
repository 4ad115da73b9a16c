"""The services that a Prometheus knows, and the one that a report is about."""

from collections.abc import Sequence
from typing import Final

from otel_recmon import catalog
from otel_recmon.query.client import Prometheus
from otel_recmon.query.service import Service, quoted
from otel_recmon.report.failure import NoDataError, SeveralError, UnknownError
from otel_recmon.report.period import Period, written
from otel_recmon.report.rises import milliseconds

_TELLING: Final = (catalog.REQUESTS, catalog.CLICKED, catalog.CONVERTED, catalog.IMPRESSIONS)


def service(prometheus: Prometheus, period: Period, job: str | None, environment: str | None) -> Service:
    """Return the one service that has the job and the environment, each where it is given.

    Raises:
        PrometheusError: If Prometheus does not answer.
        NoDataError: If no service counted anything in the period.
        UnknownError: If none is so.
        SeveralError: If several are.
    """
    there = (job and services(prometheus, period, job)) or services(prometheus, period)
    return chosen(there, period, job, environment)


def services(prometheus: Prometheus, period: Period, job: str = "") -> tuple[Service, ...]:
    """Return the services that have counted something in a period, all or those of a job."""
    names = "|".join(metric.prometheus for metric in _TELLING)
    of = f", job={quoted(job)}" if job else ""
    window = f'{{__name__=~"{names}"{of}}}[{milliseconds(period)}ms]'
    query = f"group by ({', '.join(Service._fields)}) (last_over_time({window}))"
    found = prometheus.instant(query, period.end.timestamp())
    return tuple(sorted(Service(*(one.labels.get(label, "") for label in Service._fields)) for one in found))


def chosen(there: Sequence[Service], period: Period, job: str | None, environment: str | None) -> Service:
    """Return the one of several services that is meant; raise what ``service`` does."""
    if not there:
        raise NoDataError(
            f"no service counted anything from {written(period.start)} to {written(period.end)}; "
            "is it the Prometheus that the metrics go to?"
        )
    wanted = [one for one in there if job in (None, one.job) and environment in (None, one[1])]
    if not wanted:
        asked = str(Service(job or "any job", environment or ""))
        raise UnknownError(f"nothing is known of {asked} in that time; there is {_listed(there)}")
    if len(wanted) > 1:
        raise SeveralError(f"choose a job and an environment: there is {_listed(wanted)}")
    return wanted[0]


def _listed(there: Sequence[Service]) -> str:
    return ", ".join(map(str, there))
