"""A recommender that records all metrics with MetricsCollector, without the plugin.

    pip install 'otel-recmon[prometheus,fastapi]' uvicorn
    uvicorn service:app

If the plugin is switched on as well, nothing is counted twice: values from the code take precedence.
"""

from fastapi import FastAPI, HTTPException
from opentelemetry import metrics as otel
from opentelemetry.sdk.metrics import MeterProvider
from pydantic import BaseModel

from otel_recmon import MetricsCollector, QualityMonitor, monitor_latency
from otel_recmon.integrations.fastapi import add_metrics_route

if not hasattr(otel.get_meter_provider(), "force_flush"):  # opentelemetry-instrument has not set one
    otel.set_meter_provider(MeterProvider())

FILMS = {"alien": "horror", "heat": "crime", "amelie": "comedy", "jaws": "horror", "up": "animation"}
SEEN = {"ann": {"alien"}, "bob": set(FILMS)}
POPULAR = ["heat", "up"]

app = FastAPI(title="Films")
metrics = MetricsCollector(model_version="films-3", catalog_size=len(FILMS))
quality = QualityMonitor()
add_metrics_route(app)


class Click(BaseModel):
    film: str
    position: int


class Conversion(BaseModel):
    film: str
    revenue: float = 0.0


@app.get("/recommendations/{user}")
@monitor_latency(metrics)
def recommendations(user: str) -> dict[str, list[str]]:
    if user not in SEEN:
        raise HTTPException(404, "no such user")
    with metrics.stage("retrieval") as retrieval:
        unseen = [film for film in FILMS if film not in SEEN[user]]
        retrieval.candidates = len(unseen)
    with metrics.stage("ranking") as ranking:
        films = sorted(unseen)[:3] or POPULAR
        ranking.candidates = len(films)
    metrics.track_cache_hit(hit=False)
    categories = [FILMS[film] for film in films]
    metrics.track_recommendations(user, films, categories, outcome="served" if unseen else "fallback")
    quality.track_recommendations(user, films, categories)
    return {"recommendations": films}


@app.post("/track/click")
def click(event: Click) -> dict[str, str]:
    metrics.track_click(event.position)
    return {"status": "ok"}


@app.post("/track/conversion")
def conversion(event: Conversion) -> dict[str, str]:
    metrics.track_conversion(event.revenue)
    return {"status": "ok"}


@app.get("/quality")
def quality_now() -> dict[str, float]:
    return {
        "diversity": quality.calculate_diversity(),
        "coverage": quality.calculate_coverage(catalog_size=len(FILMS)),
    }
