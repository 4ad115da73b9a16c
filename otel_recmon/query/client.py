"""Client of the Prometheus HTTP API, which Mimir, Thanos and VictoriaMetrics implement, too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from otel_recmon.errors import RecmonError

NO_URL: Final = "because a URL begins with http:// or https://, as in http://localhost:9090"
TIMEOUT_S: Final = 30.0
LabelMap = Mapping[str, str]
"""The labels of a series, by name."""


class PrometheusError(RecmonError):
    """A failed query. The message names the cause and the remedy."""


class PrometheusTimeoutError(PrometheusError):
    """A query that exceeded the timeout of the client or of Prometheus."""


@dataclass(frozen=True)
class Series:
    """A series of a query result: its labels, and its samples as (seconds since 1970, value), oldest first."""

    labels: LabelMap
    samples: tuple[tuple[float, float], ...]

    @property
    def value(self) -> float:
        """The value of the newest sample."""
        return self.samples[-1][1]


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus server.

    Attributes:
        url: The URL, such as ``http://localhost:9090``.
        timeout_s: The timeout of each query, in seconds.
        headers: Additional HTTP headers, such as a bearer token or a tenant. They are left out of the ``repr``.
    """

    url: str
    timeout_s: float = TIMEOUT_S
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def instant(self, query: str, at: float | None = None) -> tuple[Series, ...]:
        """Return the result of an instant query, with one sample per series.

        The result of a range such as ``name[5m]`` has the raw samples with their timestamps.

        Args:
            query: A PromQL expression.
            at: The evaluation time, in seconds since 1970 (default: now).

        Raises:
            PrometheusError: If Prometheus cannot be reached, refuses the query or exceeds the timeout.
        """
        return self._series("query", {"query": query} | ({} if at is None else {"time": _moment(at)}))

    def ranged(self, query: str, start: float, end: float, step_s: float) -> tuple[Series, ...]:
        """Return the result of a range query.

        Args:
            query: A PromQL expression.
            start: The time of the first sample, in seconds since 1970.
            end: The latest possible time of a sample, in seconds since 1970.
            step_s: The seconds between two samples.

        Raises:
            PrometheusError: If Prometheus cannot be reached, refuses the query or exceeds the timeout.
        """
        between = {"start": _moment(start), "end": _moment(end), "step": f"{step_s:.3f}"}
        return self._series("query_range", {"query": query} | between)

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """Return the field ``data`` in the response of an API endpoint, such as ``label/job/values``.

        Raises:
            PrometheusError: If Prometheus cannot be reached, refuses the request or exceeds the timeout.
        """
        return self._request("GET", path, parameters or {})

    def _series(self, path: str, parameters: Mapping[str, str]) -> tuple[Series, ...]:
        data = self._request("POST", path, parameters)  # a long expression may exceed the length limit of a URL
        try:
            return tuple(map(_parsed, _vector(data) if data["resultType"] == "scalar" else data["result"]))
        except (KeyError, TypeError, ValueError) as error:
            raise self._invalid() from error

    def _request(self, method: str, path: str, parameters: Mapping[str, str]) -> Any:
        sent = {"params": parameters} if method == "GET" else {"data": parameters}
        try:
            response = requests.request(
                method,
                f"{self.url.rstrip('/')}/api/v1/{path}",
                headers=dict(self.headers),
                timeout=self.timeout_s,
                **sent,  # type: ignore[arg-type]  # mypy cannot match a dictionary to the parameters params and data
            )
        except requests.Timeout as error:
            raise PrometheusTimeoutError(
                f"{self.url} did not answer within {self.timeout_s:g} s; choose a shorter period or a longer timeout"
            ) from error
        except requests.exceptions.InvalidHeader:
            # `from None`, because the message of the cause contains the header, which may be a secret.
            raise PrometheusError("an additional HTTP header has invalid characters") from None
        except (requests.RequestException, ValueError) as error:
            reason = f"({_cause(error)}); is it the URL of Prometheus?" if is_url(self.url) else NO_URL
            raise PrometheusError(f"{self.url} cannot be reached {reason}") from error
        return self._data(response)

    def _data(self, response: requests.Response) -> Any:
        try:
            body = response.json()
            status, data = body["status"], body.get("data")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._invalid(response) from error
        if status != "success":
            kind = PrometheusTimeoutError if body.get("errorType") == "timeout" else PrometheusError
            raise kind(f"{self.url} refused the query: {body.get('error') or f'HTTP {response.status_code}'}")
        return data

    def _invalid(self, response: requests.Response | None = None) -> PrometheusError:
        code = "" if response is None else f" (HTTP {response.status_code})"
        return PrometheusError(f"{self.url} does not answer like Prometheus{code}; is it the URL of Prometheus?")


def is_url(text: str) -> bool:
    """Return True if a text starts with ``http://`` or ``https://``."""
    return text.startswith(("http://", "https://"))


def _moment(at: float) -> str:
    return f"{at:.3f}"


def _vector(data: Any) -> list[Any]:
    return [{"metric": {}, "value": data["result"]}]


def _parsed(series: Any) -> Series:
    first, *rest = series["values"] if "values" in series else [series["value"]]
    return Series(dict(series["metric"]), tuple((float(at), float(value)) for at, value in (first, *rest)))


def root_cause(error: BaseException) -> BaseException:
    """Return the root cause of an error. Its message is clearer than the messages of requests and urllib3."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


def _cause(error: BaseException) -> str:
    found = root_cause(error)
    return str(found) or type(found).__name__
