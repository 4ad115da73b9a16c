"""The traced service of http_overhead, with the peer that the variable PEER names (one of its ``PEERS``)."""

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from opentelemetry import metrics, trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

if "without orjson" in os.environ["PEER"]:
    sys.modules["orjson"] = None  # type: ignore[assignment]  # makes `import orjson` fail
from otel_recmon import RecmonInstrumentor

ITEMS = [{"id": f"item-{n}", "category": f"category-{n % 5}", "title": f"The title of item {n}"} for n in range(10)]
BODY = {"recommendations": ITEMS}
WORK_SECONDS = 0.005


class DiscardSpans(SpanExporter):
    """An exporter that discards spans, so that the benchmark measures only their recording."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - discards them
        """Discard the spans."""
        return SpanExportResult.SUCCESS


tracing = TracerProvider()
tracing.add_span_processor(BatchSpanProcessor(DiscardSpans()))
trace.set_tracer_provider(tracing)
metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))

app = FastAPI()


@app.get("/recommendations/{user_id}")
async def empty(user_id: str) -> Any:  # noqa: ARG001 - all users get the same items
    """Answer at once."""
    return JSONResponse(BODY)


@app.get("/working/recommendations/{user_id}")
async def working(user_id: str) -> Any:  # noqa: ARG001 - all users get the same items
    """Answer after 5 ms of work."""
    end = time.perf_counter() + WORK_SECONDS
    while time.perf_counter() < end:
        pass
    return JSONResponse(BODY)


FastAPIInstrumentor.instrument_app(app)
if os.environ["PEER"].startswith("otel-recmon"):
    RecmonInstrumentor().instrument(
        environ={"OTEL_RECMON_ENABLED": "true", "OTEL_RECMON_MODEL_VERSION": "v1", "OTEL_RECMON_CATALOG_SIZE": "1000"}
    )
if os.environ["PEER"] == "prometheus-fastapi-instrumentator":
    from prometheus_fastapi_instrumentator import Instrumentator

    Instrumentator().instrument(app)
