"""A gateway that mounts two recommenders built by other teams."""

from fastapi import FastAPI, HTTPException

films = FastAPI(title="Films")


@films.get("/recommendations/{user_id}")
async def film_recommendations(user_id: int):
    if user_id == 0:
        raise HTTPException(status_code=400, detail="No such user")
    return {"results": [{"id": 1, "title": "Heat"}, {"id": 2, "title": "Casino"}]}


@films.get("/recommendations/{user_id}/explain")
async def explain(user_id: int):
    return {"results": [{"id": 1, "title": "Heat"}]}


games = FastAPI(title="Games")


@games.get("/health")
def health():
    return ["ok"]


@games.get("/{user_id}")
def game_recommendations(user_id: str):
    return ["go", "chess", "shogi"]


app = FastAPI(title="Gateway")
app.mount("/films", films)
app.mount("/recommend", games)


@app.get("/recommendations")
def everything():
    return {"response": {"recommendations": ["heat", "go"]}, "took": 3}


@app.get("/{team}/status")
def status(team: str):
    return {"team": team, "results": [{"id": 1}]}
