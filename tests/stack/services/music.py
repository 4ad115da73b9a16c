"""A music recommender that streams, ranks its own tracks, and sometimes falls over."""

import json
from collections.abc import AsyncIterator, Iterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI(title="Music recommendations")

TRACKS = [
    {"track_id": "t1", "title": "Teardrop", "genre": "Trip hop", "score": 0.5},
    {"track_id": "t2", "title": "Roads", "genre": "Trip hop", "score": 0.75},
    {"track_id": "t3", "title": "Idioteque", "genre": "Rock", "score": 0.25},
]


@app.post("/recommendations")
async def recommendations(user_id: int, k: int = 100):
    blended = [53404, 33311009, 178529, 35505245]
    return {"recs": blended[:k]}


@app.get("/radio/{station}/recommendations")
async def radio(station: str):
    return {
        "station": station,
        "tracks": [
            {"track_id": "t9", "title": "Angel", "rank": 3},
            {"track_id": "t2", "title": "Roads", "rank": 1},
            {"track_id": "t5", "title": "Glory Box", "rank": 12},
        ],
    }


@app.get("/sessions/{session_id}/recommendations")
async def session(session_id: str):
    return [{"id": "t4", "position": 4}, {"id": "t2", "position": 2}]


async def lines() -> AsyncIterator[str]:
    for track in TRACKS:
        yield json.dumps(track) + "\n"


@app.get("/recommend/stream")
async def not_named_so():
    return StreamingResponse(lines(), media_type="application/x-ndjson")


@app.get("/stream/recommendations")
async def stream():
    return StreamingResponse(lines(), media_type="application/x-ndjson")


@app.get("/export/recommendations")
def pieces():
    def body() -> Iterator[bytes]:
        text = json.dumps({"recommendations": TRACKS}).encode()
        for start in range(0, len(text), 7):
            yield text[start : start + 7]

    return StreamingResponse(body(), media_type="application/json")


@app.get("/live/recommendations")
def live():
    def body() -> Iterator[str]:
        yield '{"recommendations": ["t1", "t2",'
        raise ConnectionError("the feature store went away")

    return StreamingResponse(body(), media_type="application/json")


@app.get("/recommend/{user_id}")
async def recommend(user_id: int):
    playlists = {1: ["t1", "t2"]}
    return playlists[user_id]
