"""A Prometheus, asked over its HTTP API; anything that speaks it will do (Mimir, Thanos, VictoriaMetrics)."""

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
    """Prometheus gave no answer, or none that it should give."""


class PrometheusTimeoutError(PrometheusError):
    """Prometheus took too long to answer."""


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels, and its samples as (seconds since 1970, value), oldest first."""

    labels: LabelMap
    samples: tuple[tuple[float, float], ...]

    @property
    def value(self) -> float:
        """The newest value."""
        return self.samples[-1][1]


@dataclass(frozen=True)
class Prometheus:
    """Where to ask, with what patience, and with which HTTP headers (a bearer token, a tenant); they are not shown."""

    url: str
    timeout_s: float = TIMEOUT_S
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def instant(self, query: str, at: float | None = None) -> tuple[Series, ...]:
        """Return what a query gives at a moment (now, where none is named), one sample a series.

        With a range such as ``name[5m]`` the samples are the raw ones, at their own times.

        Raises:
            PrometheusError: If there is no answer in time, or it is none that Prometheus gives.
        """
        return self._series("query", {"query": query} | ({} if at is None else {"time": _moment(at)}))

    def ranged(self, query: str, start: float, end: float, step_s: float) -> tuple[Series, ...]:
        """Return what a query gives from start to end, every so many seconds.

        Raises:
            PrometheusError: If there is no answer in time, or it is none that Prometheus gives.
        """
        between = {"start": _moment(start), "end": _moment(end), "step": f"{step_s:.3f}"}
        return self._series("query_range", {"query": query} | between)

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """Return the ``data`` of any part of the API, such as ``label/job/values``.

        Raises:
            PrometheusError: If there is no answer in time, or it is none that Prometheus gives.
        """
        return self._answer("GET", path, parameters or {})

    def _series(self, path: str, asked: Mapping[str, str]) -> tuple[Series, ...]:
        data = self._answer("POST", path, asked)
        try:
            return tuple(map(_one, _vector(data) if data["resultType"] == "scalar" else data["result"]))
        except (KeyError, TypeError, ValueError) as error:
            raise self._garbage() from error

    def _answer(self, method: str, path: str, asked: Mapping[str, str]) -> Any:
        sent = {"params": asked} if method == "GET" else {"data": asked}
        try:
            response = requests.request(
                method,
                f"{self.url.rstrip('/')}/api/v1/{path}",
                headers=dict(self.headers),
                timeout=self.timeout_s,
                **sent,  # type: ignore[arg-type]  # either of two of its parameters
            )
        except requests.Timeout as error:
            raise PrometheusTimeoutError(
                f"{self.url} did not answer within {self.timeout_s:g} s; ask for less, or wait longer"
            ) from error
        except requests.exceptions.InvalidHeader:
            raise PrometheusError("a header that is to be sent has characters that no header may have") from None
        except (requests.RequestException, ValueError) as error:
            said = f"({_cause(error)}); is it the URL of Prometheus?" if is_url(self.url) else NO_URL
            raise PrometheusError(f"{self.url} cannot be reached {said}") from error
        return self._data(response)

    def _data(self, response: requests.Response) -> Any:
        try:
            said = response.json()
            status, data = said["status"], said.get("data")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._garbage(response) from error
        if status != "success":
            kind = PrometheusTimeoutError if said.get("errorType") == "timeout" else PrometheusError
            raise kind(f"{self.url} refused: {said.get('error') or f'HTTP {response.status_code}'}")
        return data

    def _garbage(self, response: requests.Response | None = None) -> PrometheusError:
        code = "" if response is None else f" (HTTP {response.status_code})"
        return PrometheusError(f"{self.url} does not answer as Prometheus does{code}; is it the URL of Prometheus?")


def is_url(text: str) -> bool:
    """Say whether a text begins as the URL of a web server does."""
    return text.startswith(("http://", "https://"))


def _moment(at: float) -> str:
    return f"{at:.3f}"


def _vector(data: Any) -> list[Any]:
    return [{"metric": {}, "value": data["result"]}]


def _one(series: Any) -> Series:
    first, *rest = series["values"] if "values" in series else [series["value"]]
    return Series(dict(series["metric"]), tuple((float(at), float(value)) for at, value in (first, *rest)))


def beneath(error: BaseException) -> BaseException:
    """Return what an error came of in the end, which says more than the library's wrapping."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


def _cause(error: BaseException) -> str:
    found = beneath(error)
    return str(found) or type(found).__name__
