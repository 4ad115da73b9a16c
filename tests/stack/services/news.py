"""A news recommender behind a stack of middleware: gzip, CORS, a header or two."""

import json
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware

ARTICLES = [
    {"article_id": "n1", "headline": "Rates held", "category": "Economy"},
    {"article_id": "n2", "headline": "Cup final", "category": "Sport"},
    {"article_id": "n3", "headline": "Corrections", "category": ""},
    {"article_id": "n4", "headline": "Derby day", "category": "Sport"},
]


class Edition(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["x-edition"] = "morning"
        return response


class RequestId:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def tagged(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", b"r-1")]
            await send(message)

        await self.app(scope, receive, tagged)


app = FastAPI(title="News")
app.add_middleware(Edition)
app.add_middleware(GZipMiddleware, minimum_size=100)
app.add_middleware(RequestId)
app.add_middleware(CORSMiddleware, allow_origins=["https://news.example"])


@app.get("/readers/{reader_id}/recommendations")
async def for_reader(reader_id: str):
    return {"reader": reader_id, "articles": ARTICLES}


@app.get("/archive/recommendations")
def archive():
    text = "All the news that fits, at length. " * 50
    return [{"id": f"a{i}", "headline": f"Story {i}", "body": text} for i in range(60)]


@app.get("/feed/recommendations")
def feed():
    parts = ["[", *(json.dumps(article) + "," for article in ARTICLES[:2]), '{"id": "n9"}]']
    return StreamingResponse(iter(parts), media_type="application/json")


@app.get("/digest/recommendations")
def digest(tasks: BackgroundTasks):
    tasks.add_task(time.sleep, 0.3)
    return {"items": ["n1", "n2"]}


@app.get("/recommended")
def front_page():
    return HTMLResponse("<ul><li>Rates held</li><li>Cup final</li></ul>")


@app.get("/recommended.txt")
def plain():
    return PlainTextResponse("Rates held\nCup final\n")


@app.get("/recommend")
def recommend(user_id: str):
    return {"message": f"Reader {user_id} has no history yet"}
