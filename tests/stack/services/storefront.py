"""A storefront with its own vocabulary, the kind that a team describes in configuration."""

from fastapi import FastAPI, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

app = FastAPI(title="Storefront")


class Total(BaseModel):
    total: float


class Checkout(BaseModel):
    basket: str
    order: Total


def doc(ref: str, department: str | None, confidence: float) -> dict[str, object]:
    return {
        "ref": ref,
        "attributes": {"department": department},
        "ranking": {"confidence": confidence, "score": 99},
    }


@app.get("/feed/{user_id}")
def feed(user_id: str):
    docs = [doc("a", "Garden", 0.25), doc("b", "Kitchen", 0.5), doc("c", None, 0.125)]
    return {"items": ["decoy"], "response": {"docs": docs}}


@app.get("/recommendations")
def recommendations(user_id: int = 1, page_size: int = 3):
    items = [{"id": i, "category": "Kitchen" if i == 1 else "Garden"} for i in (1, 2, 3)]
    source = {1: "model", 2: "fallback", 3: None}.get(user_id)
    return {"source": source, "recommendations": items[:page_size]}


@app.get("/users/{user_id}/recommendations")
def versioned(user_id: int, response: Response):
    if user_id % 2 == 0:
        response.headers["x-model-version"] = "v2"
    return [{"id": "x", "score": 0.5}, {"id": "y", "score": 0.25}]


@app.get("/rows/{user_id}")
def rows(user_id: str):
    first = {"title": "Because you bought a lamp", "cards": [{"id": "l1"}, {"id": "l2"}]}
    second = {"title": "New", "cards": [{"id": "n1"}]}
    return {"rows": [first, second]}


@app.post("/click", status_code=204)
def click():
    return None


@app.get("/r/{item_id}")
def go(item_id: str):
    return RedirectResponse(f"/p/{item_id}", status_code=307)


@app.post("/checkout")
def checkout(body: Checkout):
    return {"basket": body.basket}


@app.post("/purchase")
def purchase(revenue: float):
    return {"revenue": revenue}
