"""A two-tower model behind an approximate index, with LightFM as the old endpoint."""

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

app = FastAPI(title="Two-Tower Recommender API", version="0.1.0")

EMBEDDINGS = {1: [0.25, 0.875, 0.5], 2: [1.5]}


class IndexNotLoaded(Exception):
    """The shard of this user has no index yet."""


class Recommendation(BaseModel):
    item_id: int
    score: float


class Recommendations(BaseModel):
    user_id: int
    recommendations: list[Recommendation]
    model_name: str = "two-tower"


@app.exception_handler(IndexNotLoaded)
async def not_loaded(request: Request, error: IndexNotLoaded):
    return JSONResponse(status_code=503, content={"detail": "index is loading", "items": []})


@app.get("/health")
async def health():
    return {"status": "ok", "items": [1, 2, 3]}


@app.get("/recommend", response_model=Recommendations)
async def recommend(user_id: int, k: Annotated[int, Query(ge=1, le=50)] = 3):
    if user_id >= 2000:
        raise HTTPException(status_code=503, detail="Model not loaded")
    if user_id >= 1000:
        raise IndexNotLoaded
    scores = EMBEDDINGS[user_id]
    items = [Recommendation(item_id=100 + i, score=score) for i, score in enumerate(scores)]
    return Recommendations(user_id=user_id, recommendations=items[:k])


@app.get("/lightfm/recommendations/{user_id}")
def lightfm(user_id: int):
    return {
        "user_id": user_id,
        "known_positives": ["Toy Story", "Heat", "Sabrina", "Casino"],
        "top_items": [
            {"item_id": 31, "title": "Nixon", "score": 1.25},
            {"item_id": 44, "title": "Se7en", "score": -0.5},
        ],
    }


@app.get("/als/recommendations/{user_id}")
def als(user_id: int):
    return {"recommended_items": [10, 20, 30, 40], "scores": [0.9, 0.8, 0.7, 0.6]}


@app.get("/v0/recommendations")
def legacy():
    try:
        return EMBEDDINGS["default"]
    except KeyError as error:
        return JSONResponse(status_code=500, content={"error": f"no model {error}"})
