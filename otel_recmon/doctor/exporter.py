"""A check of the metrics export: one empty export request to the configured address."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import entry_points
from typing import Final
from urllib.parse import urlsplit

import requests
from opentelemetry.util.re import parse_env_headers

from otel_recmon.doctor.environment import check_endpoint
from otel_recmon.doctor.network import failure_reason
from otel_recmon.doctor.processes import PROMETHEUS_PORT
from otel_recmon.doctor.rpc import Certificates, GrpcAnswer, export
from otel_recmon.doctor.target import EXPORTERS, GRPC, HTTP, Target, without_secrets
from otel_recmon.findings import Finding, found

_PATH: Final = "v1/metrics"
_DEFAULTS: Final = {HTTP: "http://localhost:4318", GRPC: "http://localhost:4317"}
_TIMEOUT_S: Final = 10.0
"""The default timeout of the exporter. Doctor waits no longer, even if the service has a longer timeout."""
_EMPTY_EXPORT: Final = b""
"""A protobuf export request without metrics; a receiver accepts it and stores nothing."""
_PROTOBUF: Final = "application/x-protobuf"
_MAX_QUOTE: Final = 200
_FINDING_OF_GRPC_STATUS: Final = {
    "DEADLINE_EXCEEDED": "exporter-timeout",
    "UNAVAILABLE": "exporter-unreachable",
    "UNAUTHENTICATED": "exporter-unauthorized",
    "PERMISSION_DENIED": "exporter-unauthorized",
    "UNIMPLEMENTED": "exporter-path",
}
"""gRPC status -> name of the finding; every other status is `exporter-refused`."""
_OWN_SERIES: Final = ("recmon_build_info", "target_info")
"""Series on the metrics page of the examined service. A page with one of them is served by the service itself."""


def reason_to_skip(target: Target) -> str:
    """Return the reason to skip this topic. An empty text means that the topic is examined."""
    if "prometheus" in target.exporters("metrics"):
        return ""
    if not target.exports_otlp:
        return "metrics are not exported over OTLP"
    if not _exporter_installed(target):
        return f"no exporter for {target.protocol()} is installed, see sdk"
    return "the endpoint is wrong, see environment" if any(check_endpoint(target)) else ""


def examine(target: Target) -> Iterator[Finding]:
    """Yield the findings about an export of metrics."""
    if "prometheus" in target.exporters("metrics"):
        yield from _check_prometheus_port(target)
    if target.exports_otlp and _exporter_installed(target) and not any(check_endpoint(target)):
        yield from (_check_http if target.protocol() == HTTP else _check_grpc)(target)


def _exporter_installed(target: Target) -> bool:
    exporter = EXPORTERS.get(target.protocol())
    return bool(exporter and entry_points(group="opentelemetry_metrics_exporter", name=exporter))


def _check_grpc(target: Target) -> Iterator[Finding]:
    """Yield the finding about an empty export over gRPC, if the export fails."""
    url, headers, seconds = _base_url(target), _headers(target), _timeout(target)
    names = ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")
    files = tuple(_otlp_variable(target, name) for name in names)
    certificates = Certificates(*files) if _uses_tls(target, url) else None
    try:
        answer = export(urlsplit(url).netloc or url, headers, seconds, certificates)
    except OSError as error:
        yield found("exporter-tls", url=without_secrets(url), cause=f"{error.filename}: {error.strerror}")
        return
    if answer.status != "OK":
        details = answer.details[:_MAX_QUOTE] or "no reason given"
        facts = {"cause": _tls_cause(details), "answer": details, "credentials": _credentials_note(headers)}
        shown, timeout = without_secrets(url), f"{seconds:g}"
        yield found(_grpc_finding(answer), url=shown, status=answer.status, seconds=timeout, **facts)


def _grpc_finding(answer: GrpcAnswer) -> str:
    # gRPC has no separate status for a failed handshake.
    if answer.status == "UNAVAILABLE" and any(word in answer.details.lower() for word in ("ssl", "tls", "handshake")):
        return "exporter-tls"
    return _FINDING_OF_GRPC_STATUS.get(answer.status, "exporter-refused")


def _check_http(target: Target) -> Iterator[Finding]:
    url, seconds = _metrics_url(target), _timeout(target)
    shown = without_secrets(url)
    try:
        with requests.post(
            url,
            data=_EMPTY_EXPORT,
            headers={"content-type": _PROTOBUF, **_headers(target)},
            timeout=seconds,
            verify=_otlp_variable(target, "CERTIFICATE") or True,
            cert=_client_certificate(target),
        ) as response:
            yield from _check_response(shown, response, _headers(target))
    except requests.Timeout:
        yield found("exporter-timeout", url=shown, seconds=f"{seconds:g}")
    except requests.exceptions.SSLError as error:
        yield found("exporter-tls", url=shown, cause=_tls_cause(failure_reason(error)))
    except (requests.RequestException, OSError, ValueError) as error:
        yield found("exporter-unreachable", url=shown, cause=failure_reason(error))


def _check_response(url: str, response: requests.Response, headers: Mapping[str, str]) -> Iterator[Finding]:
    status = response.status_code
    answer = " ".join(response.text.split())[:_MAX_QUOTE] or "no reason given"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        yield found("exporter-unauthorized", url=url, status=status, credentials=_credentials_note(headers))
    elif status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        yield found("exporter-path", url=url, status=status)
    elif "HTTPS server" in answer:  # Go's servers: "Client sent an HTTP request to an HTTPS server."
        yield found("exporter-tls", url=url, cause="the server expects TLS, and the address says http")
    elif not response.ok:
        yield found("exporter-refused", url=url, status=status, answer=answer)
    elif "html" in response.headers.get("content-type", ""):
        yield found("exporter-answers-otherwise", url=url, kind=response.headers["content-type"])


def _check_prometheus_port(target: Target) -> Iterator[Finding]:
    """Yield the finding about another program on the port of the in-process Prometheus exporter, if there is one."""
    port = target.value("OTEL_EXPORTER_PROMETHEUS_PORT") or PROMETHEUS_PORT
    host = target.value("OTEL_EXPORTER_PROMETHEUS_HOST") or "localhost"
    try:
        page = requests.get(f"http://{host}:{port}/metrics", timeout=_TIMEOUT_S)
    except requests.exceptions.ConnectionError as error:
        if "refused" not in failure_reason(error):  # a refused connection means that the port is free
            yield found("prometheus-port-taken", port=port, answer=failure_reason(error))
    except (requests.RequestException, ValueError) as error:
        yield found("prometheus-port-taken", port=port, answer=failure_reason(error))
    else:
        if not any(name in page.text for name in _OWN_SERIES):
            server = page.headers.get("server", "an unnamed server")
            yield found("prometheus-port-taken", port=port, answer=f"{page.status_code} from {server}")


def _base_url(target: Target) -> str:
    return _otlp_variable(target, "ENDPOINT") or _DEFAULTS[target.protocol()]


def _metrics_url(target: Target) -> str:
    own = target.value("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
    return own or f"{_base_url(target).rstrip('/')}/{_PATH}"


def _uses_tls(target: Target, url: str) -> bool:
    if url.startswith("https://"):
        return True
    insecure = _otlp_variable(target, "INSECURE")
    return insecure.lower() != "true" if insecure else not url.startswith("http://")


def _credentials_note(headers: Mapping[str, str]) -> str:
    return "" if "authorization" in headers else "; there is no header authorization"


def _otlp_variable(target: Target, name: str) -> str:
    """Return the value of an OTLP exporter variable. The value for metrics overrides the value for all signals."""
    return target.value(f"OTEL_EXPORTER_OTLP_METRICS_{name}") or target.value(f"OTEL_EXPORTER_OTLP_{name}")


def _headers(target: Target) -> Mapping[str, str]:
    return parse_env_headers(_otlp_variable(target, "HEADERS"), liberal=True)


def _timeout(target: Target) -> float:
    try:
        return min(float(_otlp_variable(target, "TIMEOUT") or _TIMEOUT_S), _TIMEOUT_S) or _TIMEOUT_S
    except ValueError:
        return _TIMEOUT_S


def _client_certificate(target: Target) -> tuple[str, str] | str | None:
    certificate, key = _otlp_variable(target, "CLIENT_CERTIFICATE"), _otlp_variable(target, "CLIENT_KEY")
    return (certificate, key) if certificate and key else certificate or None


def _tls_cause(error: str) -> str:
    # OpenSSL reads the plain-text answer as a TLS record, and finds a wrong version number in it.
    if "WRONG_VERSION_NUMBER" in error or "record layer" in error:
        return "the server does not speak TLS, and the address says https"
    return re.sub(r"\s*\(_ssl\.c:\d+\)", "", error)
