"""FastAPI routes of the report: ``GET /dashboard/summary`` and ``GET /dashboard/hourly``."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException, Query

from otel_recmon.query.client import Prometheus, PrometheusError, PrometheusTimeoutError
from otel_recmon.report.document import Hour, Summary, hourly, summary
from otel_recmon.report.failure import ReportError, SeveralError
from otel_recmon.report.period import DAY, Period, moment
from otel_recmon.report.reading import Report, read
from otel_recmon.report.services import service

LONGEST: Final = timedelta(days=92)
"""The longest period of a request, so that a request cannot keep Prometheus busy for minutes."""
REASONS: Final = {
    404: "The service sent no data in this period, or the model version is unknown.",
    409: "The job runs in several environments.",
    422: "A date is invalid, or the period is empty, in the future or too long.",
    502: "Prometheus cannot be reached, or refused the query.",
    504: "Prometheus exceeded the timeout.",
}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {code: {"description": text} for code, text in REASONS.items()}
_Moment = Annotated[
    str, Query(description="A date or time in ISO 8601, in UTC if it has no time zone. A date means 00:00 of this day.")
]
_Version = Annotated[str, Query(description="Restricts all figures to this model version.")]


def dashboard_router(
    *,
    prometheus: str,
    job: str,
    environment: str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 10.0,
) -> APIRouter:
    """Return a router whose routes return the figures of a service.

    >>> app.include_router(dashboard_router(prometheus="http://prometheus:9090", job="shop"))

    The routes show revenue and have no access control. Include the router with the dependencies that protect your
    internal routes.

    Args:
        prometheus: The URL of a Prometheus server, or of a server with the same API.
        job: The label ``job`` of the service: ``service.namespace/service.name``, or ``service.name`` only.
        environment: The ``deployment.environment.name`` of the service; required if the job has several environments.
        headers: Additional HTTP headers for Prometheus, such as a bearer token or a tenant.
        timeout_s: The timeout of each query, in seconds.

    Raises:
        ValueError: If an argument is invalid.
    """
    _check(prometheus, job, timeout_s)
    asked = Prometheus(prometheus, timeout_s, headers or {})
    router = APIRouter(prefix="/dashboard", tags=["dashboard"], responses=_RESPONSES)

    def report(period: Period, model_version: str) -> Report:
        return read(asked, service(asked, period, job, environment), period, model_version)

    # Plain functions: FastAPI runs them in a thread, so that the wait for Prometheus does not block the event loop.
    @router.get("/summary")
    def dashboard_summary(start_date: _Moment, end_date: _Moment, model_version: _Version = "") -> Summary:
        """Return the figures of a period."""
        period = _period(start_date, end_date)
        with _answering(prometheus):
            return summary(report(period, model_version))

    @router.get("/hourly")
    def dashboard_hourly(date: _Moment, model_version: _Version = "") -> list[Hour]:
        """Return the figures of each hour of the 24 hours from ``date`` on."""
        period = _period(date)
        with _answering(prometheus):
            return hourly(report(period, model_version))

    return router


def _check(prometheus: str, job: str, timeout_s: float) -> None:
    address = urlsplit(prometheus)
    if address.scheme not in ("http", "https") or not address.netloc:
        raise ValueError(f"prometheus must be a URL such as http://prometheus:9090, not {prometheus!r}")
    if not job:
        raise ValueError("job must be the label job of the service, such as team/shop")
    if not timeout_s > 0:
        raise ValueError(f"timeout_s must be above 0, not {timeout_s!r}")


def _period(start: str, end: str = "") -> Period:
    """Return the period without its future part. Without an end, it is the 24 hours from the start on."""
    try:
        first = _moment(start)
        period = Period(first, _moment(end) if end else first + DAY).until(datetime.now(UTC))
    except (ValueError, OverflowError) as error:
        raise HTTPException(422, str(error)) from error
    if period.length > LONGEST:
        raise HTTPException(
            422, f"the period must not be longer than {LONGEST.days} days; use otel-recmon report for a longer one"
        )
    return period


def _moment(text: str) -> datetime:
    """Parse the time in a query parameter, in which an unencoded plus sign has become a space."""
    return moment(text.replace(" ", "+") if "T" in text else text)


@contextmanager
def _answering(url: str) -> Iterator[None]:
    """Translate errors into HTTP statuses. The address of Prometheus is left out of the messages."""
    try:
        yield
    except SeveralError as error:
        raise HTTPException(409, str(error)) from error
    except ReportError as error:
        raise HTTPException(404, str(error)) from error
    except PrometheusTimeoutError as error:
        raise HTTPException(504, str(error).replace(url, "Prometheus")) from error
    except PrometheusError as error:
        raise HTTPException(502, str(error).replace(url, "Prometheus")) from error
