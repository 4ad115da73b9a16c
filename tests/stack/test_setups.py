"""The plugin measures the same however a service sets OpenTelemetry up, and off means off."""

import textwrap
from pathlib import Path

import pytest

from tests import web
from tests.stack.serving import RECMON, Service, serving

APP = """
    from fastapi import FastAPI, APIRouter
    app = FastAPI()
    router = APIRouter(prefix="/v1")

    @router.get("/recommendations/{user_id}")
    async def recommendations(user_id: int):
        return [1, 2]

    app.include_router(router)
"""
SDK = """
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider
    metrics.set_meter_provider(MeterProvider())
    trace.set_tracer_provider(TracerProvider())
"""
CONTRIB = """
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    FastAPIInstrumentor().instrument()
"""
CONTRIB_ON_APP = """
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    FastAPIInstrumentor.instrument_app(app)
"""
OURS = """
    from otel_recmon import RecmonInstrumentor
    RecmonInstrumentor().instrument()
"""
SPANS = """
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    exporter = InMemorySpanExporter()
    trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))

    @app.get("/spans")
    async def spans():
        return [
            {"kind": s.kind.name, **{k: v for k, v in s.attributes.items() if k.startswith("recommendation.")}}
            for s in exporter.get_finished_spans()
        ]
"""
ORDERS = {
    "ours, contrib, app, SDK": OURS + CONTRIB + APP + SDK,
    "contrib, ours, SDK, app": CONTRIB + OURS + SDK + APP,
    "SDK, app, contrib on the app, ours": SDK + APP + CONTRIB_ON_APP + OURS,
    "app, ours, contrib on the app, SDK": APP + OURS + CONTRIB_ON_APP + SDK,
    "app, SDK, ours, with FastAPI's own telemetry or none": APP + SDK + OURS,
    "ours twice": SDK + OURS + APP + OURS,
}
COUNTED = {
    'recommendation_requests_total{model_version="v1",status="success"}': 1.0,
    'recommendation_impressions_total{model_version="v1",position="1"}': 1.0,
    'recommendation_impressions_total{model_version="v1",position="2"}': 1.0,
    'recommendation_latency_seconds_count{model_version="v1"}': 1.0,
}


def _measured(service: Service) -> dict[str, float]:
    assert web.get(f"{service.url}/v1/recommendations/7").json() == [1, 2]
    counts = service.counts()
    return {series: counts.get(series, 0.0) for series in COUNTED}


@pytest.mark.parametrize("code", ORDERS.values(), ids=ORDERS.keys())
def test_a_service_that_sets_itself_up_is_measured_in_any_order(code: str, tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(textwrap.dedent(code))

    with serving("service:app", RECMON, instrumented=False, folder=tmp_path) as service:
        assert _measured(service) == COUNTED


@pytest.mark.parametrize(
    "disabled", ["", "fastapi"], ids=["with the contrib instrumentation", "with FastAPI's own telemetry or none"]
)
def test_a_service_that_sets_nothing_up_is_measured_under_opentelemetry_instrument(
    disabled: str, tmp_path: Path
) -> None:
    (tmp_path / "service.py").write_text(textwrap.dedent(APP))
    env = RECMON | {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": disabled}

    with serving("service:app", env, folder=tmp_path) as service:
        assert _measured(service) == COUNTED


@pytest.mark.parametrize("contrib", [CONTRIB, ""], ids=["by contrib", "by FastAPI itself"])
def test_the_server_span_says_what_was_recommended(contrib: str, tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(textwrap.dedent(SDK + contrib + APP + SPANS + OURS))

    with serving("service:app", RECMON, instrumented=False, folder=tmp_path) as service:
        web.get(f"{service.url}/v1/recommendations/7")
        spans = web.get(f"{service.url}/spans").json()

    assert [span for span in spans if span["kind"] == "SERVER"] == [
        {
            "kind": "SERVER",
            "recommendation.model_version": "v1",
            "recommendation.outcome": "served",
            "recommendation.item_count": 2,
        }
    ]


def test_without_the_variable_nothing_is_imported_hooked_or_created(tmp_path: Path) -> None:
    probe = """
        import sys
        from fastapi import FastAPI
        from opentelemetry import metrics
        app = FastAPI()

        @app.get("/recommendations")
        async def recommendations():
            plugin = ("integrations.activation", "integrations.fastapi", "reading.observer")
            heavy = {"jmespath", *(f"otel_recmon.{module}" for module in plugin)}
            consumer = metrics.get_meter_provider()._measurement_consumer
            return {
                "imported": sorted(heavy & set(sys.modules)),
                "hooked": FastAPI.__call__.__qualname__,
                "stack": type(app.middleware_stack.app).__module__,
                "instruments": [i.name for i in consumer._async_instruments if i.name.startswith("rec")],
            }
    """
    (tmp_path / "service.py").write_text(textwrap.dedent(probe))
    env = {name: value for name, value in RECMON.items() if name != "OTEL_RECMON_ENABLED"} | {
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "fastapi"
    }

    with serving("service:app", env, folder=tmp_path) as service:
        seen = web.get(f"{service.url}/recommendations").json()

    assert seen == {
        "imported": [],
        "hooked": "FastAPI.__call__",
        "stack": "fastapi.telemetry._asgi",
        "instruments": [],
    }
