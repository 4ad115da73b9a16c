"""Serves the Prometheus metrics of the process inside the service itself."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from anyio import to_thread
from opentelemetry.metrics import get_meter_provider

_logger = logging.getLogger("otel_recmon")

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def serve(asgi: MutableMapping[str, Any], send: Send) -> None:
    """Answer one request with the metrics, in the format that its Accept header asks for.

    Raises:
        RuntimeError: If a package that it needs is missing; says which.
    """
    accept = next((value.decode() for name, value in asgi["headers"] if name == b"accept"), "")
    body, media_type = await to_thread.run_sync(rendered, accept)
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def rendered(accept: str = "") -> tuple[bytes, str]:
    """Return the metrics of the process and their media type.

    Raises:
        RuntimeError: If a package that it needs is missing; says which.
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
    """Give the global provider a Prometheus reader, unless it has one; False where there is no SDK yet.

    A histogram holds only what was recorded since its reader was there, so this belongs before the first request.

    Raises:
        RuntimeError: If a package that it needs is missing; says which.
    """
    try:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "metrics inside the service need: pip install 'otel-recmon[prometheus]'"
        raise RuntimeError(msg) from error
    provider: Any = get_meter_provider()
    if not hasattr(provider, "add_metric_reader"):
        return False
    readers = getattr(getattr(provider, "_measurement_consumer", None), "_reader_storages", {})
    if not any(isinstance(reader, PrometheusMetricReader) for reader in readers):
        provider.add_metric_reader(PrometheusMetricReader())
    return True
