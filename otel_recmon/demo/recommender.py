"""A recommender without any metrics code: it returns the decisions of the logged policies, and can inject faults."""

import asyncio
import csv
import gzip
import os
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from itertools import count
from pathlib import Path

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

LOG = Path(__file__).parent / "data" / "open_bandit_sample.csv.gz"
MODEL_VERSIONS = {"bts": "bts-2019.11", "random": "random-2019.11"}
SLOW_SECONDS = 0.8
"""The duration of a slow ranking, above the default latency threshold of 0.5 s."""


class Item(BaseModel):
    """A recommended item; its score is the probability with which the policy chose it."""

    item_id: str
    category: str
    score: float
    position: int


class Slate(BaseModel):
    """The response to a request for recommendations."""

    model_version: str
    variant: str
    surface: str
    fallback: bool
    recommendations: list[Item]


class Click(BaseModel):
    """A click on an item, with the model version and variant of the slate."""

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


def _most_shown(column: str, category: str = "", number: int = 1) -> list[str]:
    found = Counter(row[column] for row in DECISIONS if category in ("", row["category"]))
    return [value for value, _ in found.most_common(number)]


DECISIONS = _decisions()
(HIT_CATEGORY,) = _most_shown("category")
HITS = _most_shown("item_id", HIT_CATEGORY, 3)
"""The items that all users get with the fault popularity-collapse."""
app = FastAPI(title="Fashion recommendations, as logged")
app.state.fault = os.environ.get("RECOMMENDER_FAULT", "")
"""The name of the injected fault; empty for none."""
app.state.on_cache_lookup = None
"""A function to call after each cache lookup: with True for a hit, with False for a miss. None calls nothing."""
_categories: dict[str, str] = {}
_turns = count(1)


def _broken(name: str, one_in: int = 1) -> bool:
    """Return True in one of ``one_in`` calls while the fault with this name is injected."""
    return bool(app.state.fault == name) and next(_turns) % one_in == 0


@app.get("/health")
async def health() -> None:
    """Answer with status 200 and no content."""


@app.put("/fault", status_code=HTTPStatus.NO_CONTENT)
async def fault(name: str = "") -> None:
    """Inject the fault with this name from now on. Without a name, remove the fault."""
    app.state.fault = name


@app.get("/recommendations")
async def recommendations(surface: str, request_id: str, limit: int = 3) -> Slate:
    """Return the logged decisions with the row numbers in ``request_id``, such as ``12-55-91``."""
    chosen = _chosen(request_id)
    policy = chosen[0]["policy"]
    if {(row["policy"], row["campaign"]) for row in chosen} != {(policy, surface)}:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such request was logged on this surface")
    if _broken("errors", one_in=5):
        raise HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR, "the ranker is not available")
    return Slate(
        model_version=MODEL_VERSIONS[policy],
        variant=request_id if _broken("label-flood") else policy,
        surface=surface,
        fallback=_broken("fallback", one_in=3),
        recommendations=[] if _broken("empty-slates", one_in=6) else (await _ranked(chosen))[:limit],
    )


def _chosen(request_id: str) -> list[dict[str, str]]:
    rows = request_id.split("-")
    if not all(row.isdecimal() and int(row) < len(DECISIONS) for row in rows):
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such request was logged")
    return [DECISIONS[int(row)] for row in rows]


async def _ranked(chosen: list[dict[str, str]]) -> list[Item]:
    if _broken("slow-ranker", one_in=5):
        await asyncio.sleep(SLOW_SECONDS)
    if _broken("popularity-collapse"):
        chosen = [row | {"item_id": hit, "category": HIT_CATEGORY} for row, hit in zip(chosen, HITS, strict=False)]
    return sorted((_item(row) for row in chosen), key=lambda item: item.position)


def _item(decision: dict[str, str]) -> Item:
    score = float(decision["propensity"])
    return Item(
        item_id=decision["item_id"],
        category=_category(decision),
        score=1 - score if _broken("score-drift") else score,
        position=int(decision["position"]),
    )


def _category(decision: dict[str, str]) -> str:
    """Return the category of an item from the cache. After a miss, cache the category in the decision."""
    known = None if _broken("cache-outage") else _categories.get(decision["item_id"])
    on_cache_lookup: Callable[[bool], None] | None = app.state.on_cache_lookup
    if on_cache_lookup:
        on_cache_lookup(known is not None)
    return known or _categories.setdefault(decision["item_id"], decision["category"])


@app.post("/track/click", status_code=HTTPStatus.NO_CONTENT)
async def click(surface: str, event: Click) -> None:
    """Accept a click."""


@app.post("/track/conversion", status_code=HTTPStatus.NO_CONTENT)
async def conversion(surface: str, event: Conversion) -> None:
    """Accept a conversion."""
