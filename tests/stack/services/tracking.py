"""A clickstream collector that takes events in every way front ends send them."""

from fastapi import FastAPI, HTTPException
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

app = FastAPI(title="Events")

KNOWN = {"m1", "m2", "m3"}


class Click(BaseModel):
    item_id: str
    position: int | str | None = None


class Purchase(BaseModel):
    item_id: str
    revenue: float | None = None


def check(item_id: str) -> None:
    if item_id == "broken":
        raise RuntimeError("the queue is full")
    if item_id not in KNOWN:
        raise HTTPException(status_code=404, detail=f"no item {item_id}")


@app.post("/click")
def click(event: Click):
    check(event.item_id)
    return {"ok": True, "items": [event.item_id]}


@app.get("/clicks")
def clicks():
    return {"clicks": [{"item_id": "m1", "position": 1}]}


@app.post("/clicks/{item_id}/{position}", status_code=202)
async def click_in_path(item_id: str, position: str):
    return {"accepted": item_id}


@app.post("/recommendations/{slate_id}/click")
async def click_in_query(slate_id: str, item_id: str):
    check(item_id)
    return {"slate": slate_id}


@app.post("/out/{item_id}/click")
def click_out(item_id: str):
    return RedirectResponse(f"https://shop.example/{item_id}", status_code=302)


@app.post("/conversion")
def conversion(item_id: str, revenue: float | None = None):
    check(item_id)
    return {"ok": True}


@app.post("/items/{item_id}/conversions")
def item_conversions(item_id: str):
    return {"item_id": item_id}


@app.post("/purchase")
def purchase(event: Purchase):
    check(event.item_id)
    return {"ok": True}


@app.post("/purchases/{order_id}/{revenue}")
def purchases(order_id: str, revenue: float):
    return {"order_id": order_id}


@app.post("/clicks/export")
def export():
    return {"rows": 3}
