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
    try:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415 - an extra
        from prometheus_client import REGISTRY  # noqa: PLC0415
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415
    except ImportError as error:
        msg = "metrics inside the service need: pip install 'otel-recmon[prometheus]'"
        raise RuntimeError(msg) from error
    _ensure_reader(PrometheusMetricReader)
    encode, media_type = choose_encoder(accept)
    return encode(REGISTRY), media_type


_added: list[object] = []


def _ensure_reader(reader: type) -> None:
    """Add a Prometheus reader to the provider, unless it has one: through OTEL_METRICS_EXPORTER, or from us."""
    provider: Any = get_meter_provider()
    readers = getattr(getattr(provider, "_measurement_consumer", None), "_reader_storages", {})
    if _added or any(isinstance(known, reader) for known in readers):
        return
    if not hasattr(provider, "add_metric_reader"):
        _logger.error(
            "otel-recmon has no OpenTelemetry SDK to read metrics from: start the service under "
            "opentelemetry-instrument with OTEL_METRICS_EXPORTER=prometheus, or set up a MeterProvider"
        )
    else:
        provider.add_metric_reader(reader())
    _added.append(provider)
