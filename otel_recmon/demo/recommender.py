"""A recommender as its owner would write it: it answers what the logged policies chose, no more."""

import csv
import gzip
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

LOG = Path(__file__).parent / "data" / "open_bandit_sample.csv.gz"
MODEL_VERSIONS = {"bts": "bts-2019.11", "random": "random-2019.11"}


class Item(BaseModel):
    """A recommended item; its score is the probability with which the policy chose it."""

    item_id: str
    category: str
    score: float
    position: int


class Slate(BaseModel):
    """The answer to a request for recommendations."""

    model_version: str
    variant: str
    surface: str
    recommendations: list[Item]


class Click(BaseModel):
    """A click on an item, with what the client was told about the slate it was in."""

    model_version: str
    variant: str
    item_id: str
    position: int


class Conversion(BaseModel):
    """A purchase after a click; the revenue is in dollars."""

    model_version: str
    variant: str
    item_id: str
    revenue: float


def _decisions() -> list[dict[str, str]]:
    with gzip.open(LOG, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


DECISIONS = _decisions()
app = FastAPI(title="Fashion recommendations, as logged")


@app.get("/health")
async def health() -> None:
    """Answer while the service can."""


@app.get("/recommendations")
async def recommendations(surface: str, request_id: str, limit: int = 3) -> Slate:
    """Return the logged decisions that ``request_id`` names by their rows, such as ``12-55-91``."""
    chosen = _chosen(request_id)
    policy = chosen[0]["policy"]
    if {(row["policy"], row["campaign"]) for row in chosen} != {(policy, surface)}:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such request was logged on this surface")
    ranked = sorted((_item(row) for row in chosen), key=lambda item: item.position)
    return Slate(model_version=MODEL_VERSIONS[policy], variant=policy, surface=surface, recommendations=ranked[:limit])


def _chosen(request_id: str) -> list[dict[str, str]]:
    rows = request_id.split("-")
    if not all(row.isdecimal() and int(row) < len(DECISIONS) for row in rows):
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such request was logged")
    return [DECISIONS[int(row)] for row in rows]


def _item(decision: dict[str, str]) -> Item:
    return Item(
        item_id=decision["item_id"],
        category=decision["category"],
        score=float(decision["propensity"]),
        position=int(decision["position"]),
    )


@app.post("/track/click", status_code=HTTPStatus.NO_CONTENT)
async def click(surface: str, event: Click) -> None:
    """Take note of a click."""


@app.post("/track/conversion", status_code=HTTPStatus.NO_CONTENT)
async def conversion(surface: str, event: Conversion) -> None:
    """Take note of a conversion."""
