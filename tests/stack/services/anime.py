"""An anime recommender with pydantic models, slates keyed by rank, and a browser front end."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel

app = FastAPI(title="Anime recommender", version="0.2.0")
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])


class Query(BaseModel):
    user_id: int
    n_recommendations: int = 3


class Anime(BaseModel):
    anime_id: int
    name: str
    genre: list[str] = []


ANIME = [
    Anime(anime_id=5114, name="Fullmetal Alchemist", genre=["Action", "Adventure"]),
    Anime(anime_id=9253, name="Steins;Gate", genre=["Sci-Fi"]),
    Anime(anime_id=820, name="Legend of the Galactic Heroes", genre=["Sci-Fi", "Drama"]),
    Anime(anime_id=32281, name="Kimi no Na wa", genre=[]),
]


@app.post("/recommend/", response_model=dict[int, Anime])
async def recommend(query: Query):
    return {i + 1: anime for i, anime in enumerate(ANIME[: query.n_recommendations])}


@app.post("/recommend/titles", response_model=list[str])
async def titles(query: Query):
    return [anime.name for anime in ANIME]


@app.get("/anime/{anime_id}/recommendations")
async def names_by_rank(anime_id: int):
    return {str(i): anime.name for i, anime in enumerate(ANIME[:3], start=1)}


@app.get("/recommend-knn")
def knn(item_id: int, n: int = 6):
    return {item_id: [9253, 820, 32281, 5114][:n]}


@app.get("/recommendation_user")
def recommendation_user(user_id: str):
    return {"recommendation": [{"name": anime.name} for anime in ANIME[:2]]}


@app.post("/recommendations", status_code=201)
def create(query: Query) -> list[Anime]:
    return ANIME[: query.n_recommendations]


@app.head("/recommendations")
@app.get("/recommendations")
def popular():
    return ["5114", "9253"]
