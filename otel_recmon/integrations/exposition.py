"""An endpoint of the service that serves the Prometheus metrics of the process."""

import logging
from contextlib import nullcontext
from typing import Any, Final

from anyio import to_thread
from opentelemetry.metrics import get_meter_provider

from otel_recmon.integrations.asgi_types import Scope, Send
from otel_recmon.recording.store import true_values
from otel_recmon.sdk import metric_readers

_logger = logging.getLogger("otel_recmon")

SCRAPE_HEADER: Final = "x-prometheus-scrape-timeout-seconds"
"""The request header that Prometheus, the Collector and vmagent send when they scrape a page."""


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
    headers = dict(asgi["headers"])
    accept = headers.get(b"accept", b"").decode("latin-1")
    body, media_type = await to_thread.run_sync(rendered, accept, SCRAPE_HEADER.encode() in headers)
    described = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": described})
    await send({"type": "http.response.body", "body": body})


def rendered(accept: str = "", is_scrape: bool = False) -> tuple[bytes, str]:
    """Return the metrics of the process and their media type.

    In a scrape, new series are 0 at first. A person who looks at the page sees their values at once.

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
    with nullcontext() if is_scrape else true_values():
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
