"""A book shop API on routers, with pages, readers behind a token, and a websocket."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, WebSocket

BOOKS = [
    {"isbn": "0441013597", "title": "Dune", "categories": ["Fantasy", "Classics"]},
    {"isbn": "0553293354", "title": "Foundation", "categories": ["Classics"]},
    {"isbn": "0486284735", "title": "Pride and Prejudice", "categories": ["Romance", "Classics"]},
    {"isbn": "0000000017", "title": "A pamphlet", "categories": []},
    {"isbn": "0061120081", "title": "To Kill a Mockingbird"},
]


def reader(token: Annotated[str | None, Header(alias="x-token")] = None) -> str:
    if token is None:
        raise HTTPException(status_code=401, detail="Who are you?")
    return token


books = APIRouter(prefix="/books", tags=["books"])
users = APIRouter(tags=["users"])


@books.get("/recommendations")
def page(page: int = 1, size: Annotated[int, Query(ge=1, le=50)] = 2):
    start = (page - 1) * size
    return {
        "items": BOOKS[start : start + size],
        "total": len(BOOKS),
        "page": page,
        "size": size,
        "pages": 3,
    }


@books.get("/recommendations/{isbn}")
def similar(isbn: str, skip: int = 0, limit: int = 2):
    found = BOOKS[skip : skip + limit]
    return {"total": 5, "cursor": skip + limit, "data": found}


@books.get("/recommendations/{isbn}/reviews")
def reviews(isbn: str):
    return [{"id": 1, "rating": 5}, {"id": 2, "rating": 4}]


@users.get("/users/{user_id}/recommendations")
def for_user(user_id: int, token: Annotated[str, Depends(reader)]):
    return {
        "status": "ok",
        "data": {"user": {"id": user_id, "name": token}, "items": BOOKS[:3]},
    }


@users.get("/users/{user_id}/recommend")
def next_book(user_id: int):
    return {
        "user_id": user_id,
        "history": [{"isbn": "0441013597", "title": "Dune"} for _ in range(4)],
        "recommendations": [],
    }


api = APIRouter(prefix="/api/v1")
api.include_router(books)
api.include_router(users, prefix="/library")
app = FastAPI(title="Books")
app.include_router(api)


@app.websocket("/ws/recommendations")
async def live(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_json({"recommendations": ["0441013597"]})
    await websocket.close()
