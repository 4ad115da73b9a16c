"""An e-commerce recommender: products and offers, category paths, and purchases."""

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

app = FastAPI(title="Shop recommendations")


class Click(BaseModel):
    customer_id: str
    sku: str
    position: int | None = None


class Order(BaseModel):
    order_id: str
    revenue: float = 0


@app.get("/recommendations/{customer_id}")
def for_customer(customer_id: str):
    return {
        "customer_id": customer_id,
        "products": [
            {"sku": "SH-1", "name": "Trainers", "category": "Clothing, Shoes & Jewelry"},
            {"sku": "HG-7", "name": "Lamp", "category": "Home"},
            {"sku": "HG-9", "name": "Chair", "category": "Home"},
        ],
        "offers": [{"code": "SPRING", "text": "Ten off"}, {"code": "VIP", "text": "Free post"}],
    }


@app.get("/products/{asin}/recommended")
def similar_products(asin: str):
    return {
        "query": asin,
        "results": [
            {"asin": "B000TEST01", "title": "Kettle", "similarity": 0.5},
            {"asin": "B000TEST02", "title": "Toaster", "similarity": 0.875},
        ],
    }


@app.get("/recommend/{category:path}")
async def within(category: str, limit: int = 2):
    ids = ["p-1", "p-2", "p-3", "p-4", "p-5", "p-6", "p-7", "p-8", "p-9", "p-10", "p-11", "p-12"]
    return {"data": {"items": [{"product_id": i, "path": category} for i in ids][:limit]}}


@app.get("/bestsellers")
def bestsellers():
    return {"products": [{"sku": "SH-1"}, {"sku": "HG-7"}]}


@app.get("/account/recommendations")
def moved():
    return RedirectResponse("/recommendations/me", status_code=307)


@app.post("/recommendations/{customer_id}/click", status_code=204)
def click(customer_id: str, event: Click):
    return None


@app.post("/purchase", status_code=201)
def purchase(order: Order):
    return {"order_id": order.order_id, "items": ["SH-1"]}
