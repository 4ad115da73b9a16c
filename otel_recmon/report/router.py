"""The report inside a FastAPI service: ``GET /dashboard/summary`` and ``GET /dashboard/hourly``."""

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
"""The longest period that may be asked for: a request shall not keep Prometheus busy for minutes."""
REASONS: Final = {
    404: "Nothing was counted in that period, or there is no such model version.",
    409: "Several services or environments have the job's name.",
    422: "A date is none, or the period starts after its end.",
    502: "Prometheus cannot be reached, or does not answer as it should.",
    504: "Prometheus is too slow.",
}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {code: {"description": text} for code, text in REASONS.items()}
_Moment = Annotated[str, Query(description="ISO 8601; a date is its first moment, and UTC where nothing else is said.")]
_Version = Annotated[str, Query(description="Only what this model version did.")]


def dashboard_router(
    *,
    prometheus: str,
    job: str,
    environment: str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 10.0,
) -> APIRouter:
    """Return the routes that answer with the figures of a service, to be included in an app.

    >>> app.include_router(dashboard_router(prometheus="http://prometheus:9090", job="shop"))

    They show what the business earns to whoever may call them: protect them as such.

    Args:
        prometheus: The URL of a Prometheus, or of what speaks its API.
        job: The service, as the label ``job`` says: ``service.namespace/service.name``, or the name alone.
        environment: Its ``deployment.environment.name``; needed where it runs in several.
        headers: What to send along, such as a bearer token or a tenant.
        timeout_s: How long to wait for each answer of Prometheus, in seconds.

    Raises:
        ValueError: If an argument can be none.
    """
    _check(prometheus, job, timeout_s)
    asked = Prometheus(prometheus, timeout_s, headers or {})
    router = APIRouter(prefix="/dashboard", tags=["dashboard"], responses=_RESPONSES)

    def report(period: Period, model_version: str) -> Report:
        return read(asked, service(asked, period, job, environment), period, model_version)

    @router.get("/summary")
    def dashboard_summary(start_date: _Moment, end_date: _Moment, model_version: _Version = "") -> Summary:
        """Return the figures of a period."""
        period = _period(start_date, end_date)
        with _answering(prometheus):
            return summary(report(period, model_version))

    @router.get("/hourly")
    def dashboard_hourly(date: _Moment, model_version: _Version = "") -> list[Hour]:
        """Return the figures of each hour of the day that begins then."""
        period = _period(date)
        with _answering(prometheus):
            return hourly(report(period, model_version))

    return router


def _check(prometheus: str, job: str, timeout_s: float) -> None:
    address = urlsplit(prometheus)
    if address.scheme not in ("http", "https") or not address.netloc:
        raise ValueError(f"prometheus must be a URL such as http://prometheus:9090, not {prometheus!r}")
    if not job:
        raise ValueError("job must name the service whose figures are shown")
    if not timeout_s > 0:
        raise ValueError(f"timeout_s must be above 0, not {timeout_s!r}")


def _period(start: str, end: str = "") -> Period:
    """Return what has passed of a period, or of the day that begins at the start."""
    try:
        first = _moment(start)
        period = Period(first, _moment(end) if end else first + DAY).until(datetime.now(UTC))
    except (ValueError, OverflowError) as error:
        raise HTTPException(422, str(error)) from error
    if period.length > LONGEST:
        raise HTTPException(422, f"more than {LONGEST.days} days are too many here; use otel-recmon report")
    return period


def _moment(text: str) -> datetime:
    """Return the moment of a query parameter, in which a plus sign that was not encoded has become a space."""
    return moment(text.replace(" ", "+") if "T" in text else text)


@contextmanager
def _answering(url: str) -> Iterator[None]:
    """Turn what stands in the way of an answer into a status and a reason, which does not say where Prometheus is."""
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
