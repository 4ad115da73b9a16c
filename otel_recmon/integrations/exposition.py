"""An endpoint of the service that serves the Prometheus metrics of the process."""

import logging
from typing import Any

from anyio import to_thread
from opentelemetry.metrics import get_meter_provider

from otel_recmon.integrations.asgi_types import Scope, Send
from otel_recmon.sdk import metric_readers

_logger = logging.getLogger("otel_recmon")


def is_metrics_request(asgi: Scope, metrics_path: str) -> bool:
    """Return whether a request asks for the metrics.

    The path may begin with the root path: ``uvicorn --root-path`` and proxies that do not strip their prefix put it
    there.
    """
    root_path = asgi.get("root_path", "").rstrip("/")
    return asgi["method"] == "GET" and asgi["path"] in (metrics_path, root_path + metrics_path)


async def serve(asgi: Scope, send: Send) -> None:
    """Answer one request with the metrics, in the format that its Accept header requests.

    Raises:
        RuntimeError: If a required package is missing; the message names it.
    """
    accept = next((value.decode() for name, value in asgi["headers"] if name == b"accept"), "")
    body, media_type = await to_thread.run_sync(rendered, accept)
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def rendered(accept: str = "") -> tuple[bytes, str]:
    """Return the metrics of the process and their media type.

    Raises:
        RuntimeError: If a required package is missing; the message names it.
    """
    if not ensure_reader():
        _logger.error(
            "otel-recmon has no OpenTelemetry SDK to read metrics from: start the service under "
            "opentelemetry-instrument with OTEL_METRICS_EXPORTER=prometheus, or set up a MeterProvider"
        )
    from prometheus_client import REGISTRY  # noqa: PLC0415 - an extra, and its presence was ensured
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415

    encode, media_type = choose_encoder(accept)
    return encode(REGISTRY), media_type


def ensure_reader() -> bool:
    """Add a Prometheus reader to the global provider if it has no such reader. Return False if there is no SDK yet.

    Call it before the first request: a reader sees only the histogram values that are recorded after its addition.

    Raises:
        RuntimeError: If a required package is missing; the message names it.
    """
    try:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "metrics inside the service need: pip install 'otel-recmon[prometheus]'"
        raise RuntimeError(msg) from error
    provider: Any = get_meter_provider()
    if not hasattr(provider, "add_metric_reader"):
        return False
    if not any(isinstance(reader, PrometheusMetricReader) for reader in metric_readers(provider)):
        provider.add_metric_reader(PrometheusMetricReader())
    return True
