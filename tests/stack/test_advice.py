"""What a real service is told in its log when it counts nothing."""

from pathlib import Path

from otel_recmon.reading.advice import UNWATCHED
from tests import web
from tests.stack.serving import RECMON, serving

APP = """
from fastapi import APIRouter, FastAPI
app = FastAPI()
shop = APIRouter(prefix="/shop")

@shop.get("/picked/{user_id}")
def picked(user_id: str) -> list[str]:
    return ["a", "b"]

@app.get("/health")
def health() -> str:
    return "ok"

app.include_router(shop)
"""


def test_a_service_whose_routes_are_not_watched_is_told_so_once(tmp_path: Path) -> None:
    (tmp_path / "picking.py").write_text(APP)

    with serving("picking:app", RECMON, folder=tmp_path) as service:
        for _ in range(2 * UNWATCHED):
            web.get(f"{service.url}/health").raise_for_status()
        before = service.log.read_text()
        for _ in range(2 * UNWATCHED):
            web.get(f"{service.url}/shop/picked/7").raise_for_status()
        told = service.log.read_text()

    assert "otel-recmon has counted nothing" not in before
    assert told.count("otel-recmon has counted nothing in 20 requests") == 1
    assert "OTEL_RECMON_ROUTES='GET /shop/picked/{user_id}'" in told


def test_a_service_that_counts_is_told_nothing(tmp_path: Path) -> None:
    (tmp_path / "picking.py").write_text(APP)

    with serving(
        "picking:app", RECMON | {"OTEL_RECMON_ROUTES": "GET /shop/picked/{user_id}"}, folder=tmp_path
    ) as service:
        for _ in range(2 * UNWATCHED):
            web.get(f"{service.url}/shop/picked/7").raise_for_status()
            web.get(f"{service.url}/nowhere")
        told = service.log.read_text()

    assert "otel-recmon has counted nothing" not in told
