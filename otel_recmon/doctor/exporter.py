"""Whether metrics reach where they are sent: an export of nothing, on the configured way."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import entry_points
from typing import Final
from urllib.parse import urlsplit

import requests
from opentelemetry.util.re import parse_env_headers

from otel_recmon.doctor.environment import endpoint
from otel_recmon.doctor.network import cause
from otel_recmon.doctor.processes import PROMETHEUS_PORT
from otel_recmon.doctor.rpc import Answer, Certificates, export
from otel_recmon.doctor.target import EXPORTERS, GRPC, HTTP, Patient, bare
from otel_recmon.findings import Finding, found

_PATH: Final = "v1/metrics"
_DEFAULTS: Final = {HTTP: "http://localhost:4318", GRPC: "http://localhost:4317"}
_TIMEOUT_S: Final = 10.0
_NOTHING: Final = b""
"""An export request without a metric, in protobuf."""
_KIND: Final = "application/x-protobuf"
_LONGEST: Final = 200
_BY_STATUS: Final = {
    "DEADLINE_EXCEEDED": "exporter-timeout",
    "UNAVAILABLE": "exporter-unreachable",
    "UNAUTHENTICATED": "exporter-unauthorized",
    "PERMISSION_DENIED": "exporter-unauthorized",
    "UNIMPLEMENTED": "exporter-path",
}
"""What a status of gRPC means."""
_OURS: Final = ("recmon_build_info", "target_info")


def skipped(patient: Patient) -> str:
    """Return why there is nothing to examine; empty where there is something."""
    if "prometheus" in patient.exporters("metrics"):
        return ""
    if not patient.pushes:
        return "metrics are not sent over OTLP"
    if not _installed(patient):
        return f"nothing here speaks {patient.protocol()}, see sdk"
    return "the address is wrong, see environment" if any(endpoint(patient)) else ""


def examine(patient: Patient) -> Iterator[Finding]:
    """Find what becomes of an export."""
    if "prometheus" in patient.exporters("metrics"):
        yield from _listening(patient)
    if patient.pushes and _installed(patient) and not any(endpoint(patient)):
        yield from (_exported if patient.protocol() == HTTP else _called)(patient)


def _installed(patient: Patient) -> bool:
    exporter = EXPORTERS.get(patient.protocol())
    return bool(exporter and entry_points(group="opentelemetry_metrics_exporter", name=exporter))


def _called(patient: Patient) -> Iterator[Finding]:
    """Find what becomes of an export over gRPC."""
    url, headers, seconds = _base(patient), _headers(patient), _timeout(patient)
    names = ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")
    certificates = Certificates(*(_chosen(patient, name) for name in names)) if _secure(patient, url) else None
    try:
        answer = export(urlsplit(url).netloc or url, headers, seconds, certificates)
    except OSError as error:
        yield found("exporter-tls", url=bare(url), cause=f"{error.filename}: {error.strerror}")
        return
    if answer.status != "OK":
        words = answer.words[:_LONGEST] or "no reason given"
        facts = {"cause": _tls(words), "words": words, "given": _given(headers), "seconds": f"{seconds:g}"}
        yield found(_called_wrong(answer), url=bare(url), status=answer.status, **facts)


def _called_wrong(answer: Answer) -> str:
    if answer.status == "UNAVAILABLE" and any(word in answer.words.lower() for word in ("ssl", "tls", "handshake")):
        return "exporter-tls"
    return _BY_STATUS.get(answer.status, "exporter-refused")


def _exported(patient: Patient) -> Iterator[Finding]:
    url, seconds = _url(patient), _timeout(patient)
    shown = bare(url)
    try:
        with requests.post(
            url,
            data=_NOTHING,
            headers={"content-type": _KIND, **_headers(patient)},
            timeout=seconds,
            verify=_chosen(patient, "CERTIFICATE") or True,
            cert=_client(patient),
        ) as response:
            yield from _answered(shown, response, _headers(patient))
    except requests.Timeout:
        yield found("exporter-timeout", url=shown, seconds=f"{seconds:g}")
    except requests.exceptions.SSLError as error:
        yield found("exporter-tls", url=shown, cause=_tls(cause(error)))
    except (requests.RequestException, OSError, ValueError) as error:
        yield found("exporter-unreachable", url=shown, cause=cause(error))


def _answered(url: str, response: requests.Response, headers: Mapping[str, str]) -> Iterator[Finding]:
    status = response.status_code
    words = " ".join(response.text.split())[:_LONGEST] or "no reason given"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        yield found("exporter-unauthorized", url=url, status=status, given=_given(headers))
    elif status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        yield found("exporter-path", url=url, status=status)
    elif "HTTPS server" in words:
        yield found("exporter-tls", url=url, cause="the other side speaks TLS, and we do not")
    elif not response.ok:
        yield found("exporter-refused", url=url, status=status, words=words)
    elif "html" in response.headers.get("content-type", ""):
        yield found("exporter-answers-otherwise", url=url, kind=response.headers["content-type"])


def _listening(patient: Patient) -> Iterator[Finding]:
    """Find who else has the port of the in-process exporter; the service itself may be running."""
    port = patient.value("OTEL_EXPORTER_PROMETHEUS_PORT") or PROMETHEUS_PORT
    host = patient.value("OTEL_EXPORTER_PROMETHEUS_HOST") or "localhost"
    try:
        page = requests.get(f"http://{host}:{port}/metrics", timeout=_TIMEOUT_S)
    except requests.exceptions.ConnectionError as error:
        if "refused" not in cause(error):
            yield found("prometheus-port-taken", port=port, words=cause(error))
    except (requests.RequestException, ValueError) as error:
        yield found("prometheus-port-taken", port=port, words=cause(error))
    else:
        if not any(name in page.text for name in _OURS):
            server = page.headers.get("server", "an unnamed server")
            yield found("prometheus-port-taken", port=port, words=f"{page.status_code} from {server}")


def _base(patient: Patient) -> str:
    return _chosen(patient, "ENDPOINT") or _DEFAULTS[patient.protocol()]


def _url(patient: Patient) -> str:
    own = patient.value("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
    return own or f"{_base(patient).rstrip('/')}/{_PATH}"


def _secure(patient: Patient, url: str) -> bool:
    if url.startswith("https://"):
        return True
    insecure = _chosen(patient, "INSECURE")
    return insecure.lower() != "true" if insecure else not url.startswith("http://")


def _given(headers: Mapping[str, str]) -> str:
    return "" if "authorization" in headers else ", of which there are none"


def _chosen(patient: Patient, name: str) -> str:
    """Return a variable of the exporter: that of metrics, or that of all signals."""
    return patient.value(f"OTEL_EXPORTER_OTLP_METRICS_{name}") or patient.value(f"OTEL_EXPORTER_OTLP_{name}")


def _headers(patient: Patient) -> Mapping[str, str]:
    return parse_env_headers(_chosen(patient, "HEADERS"), liberal=True)


def _timeout(patient: Patient) -> float:
    try:
        return min(float(_chosen(patient, "TIMEOUT") or _TIMEOUT_S), _TIMEOUT_S) or _TIMEOUT_S
    except ValueError:
        return _TIMEOUT_S


def _client(patient: Patient) -> tuple[str, str] | str | None:
    certificate, key = _chosen(patient, "CLIENT_CERTIFICATE"), _chosen(patient, "CLIENT_KEY")
    return (certificate, key) if certificate and key else certificate or None


def _tls(words: str) -> str:
    if "WRONG_VERSION_NUMBER" in words or "record layer" in words:
        return "the other side speaks no TLS, and the address says https"
    return re.sub(r"\s*\(_ssl\.c:\d+\)", "", words)
