"""The driver: sends every slate, click and conversion over HTTP, in the order of the data."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from aiohttp import ClientResponseError, ClientSession, ClientTimeout, TCPConnector

from otel_recmon.attribution import HEADER
from otel_recmon.demo.audience import EVERYBODY, Audience, among
from otel_recmon.demo.traffic import MODEL_VERSIONS, POSITIONS, Impression, Slate
from otel_recmon.errors import RecmonError

ID: Final = "recommendation_id"
"""Where the driver keeps it beside an answer."""
TIMEOUT_SECONDS: Final = 120
REUSE_SECONDS: Final = 2
"""An idle connection is not reused after this time. By default, uvicorn closes it after five seconds."""
LANES: Final = 32
"""Requests at once to a service that is broken: it may be slow, and the order of what it answers proves nothing."""
NOTHING: Final[Mapping[str, Any]] = {"recommendations": []}
"""What people see of a request that failed."""
LOOK_SECONDS: Final = 1.0
"""Between two looks at what happens meanwhile."""


class WrongAnswerError(RecmonError):
    """The service answered other items than were logged."""


@dataclass
class Progress:
    """What has been sent so far, of ``total`` slates."""

    total: int
    slates: int = 0
    clicks: int = 0
    conversions: int = 0


@dataclass(frozen=True)
class Pace:
    """When a logged moment is due: ``speed`` times as fast as it was, or at once where that is 0."""

    speed: float
    first: datetime
    begun: float = field(default_factory=time.monotonic)

    def wait(self, moment: datetime, now: float) -> float:
        """Return the seconds from ``now`` until ``moment`` is due."""
        if not self.speed:
            return 0.0
        return max(0.0, self.begun + (moment - self.first).total_seconds() / self.speed - now)


def session(base_url: str | None = None) -> ClientSession:
    """Return an HTTP client that raises on every answer that is not a success."""
    return ClientSession(
        base_url,
        connector=TCPConnector(keepalive_timeout=REUSE_SECONDS),
        timeout=ClientTimeout(total=TIMEOUT_SECONDS),
        raise_for_status=True,
    )


async def watched(
    slates: Sequence[Slate],
    base_url: str,
    speed: float,
    look: Callable[[Progress], Awaitable[None]],
    audience: Audience | None = None,
) -> Progress:
    """Replay the slates, and call ``look`` at the start and every second until all are sent.

    Raises:
        aiohttp.ClientError, WrongAnswerError: As `replay` does; and whatever ``look`` raises.
    """
    coming = [slate for number, slate in enumerate(slates) if audience is None or among(number, audience.arriving)]
    progress = Progress(len(coming))
    done = asyncio.Event()

    async def send() -> None:
        await replay(coming, base_url, speed, progress, audience)
        done.set()

    async def watch() -> None:
        while not done.is_set():
            await look(progress)
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), LOOK_SECONDS)

    await first_failure(send(), watch())
    return progress


async def replay(
    slates: Sequence[Slate], base_url: str, speed: float, progress: Progress, audience: Audience | None = None
) -> None:
    """Send the slates of each policy one after the other, and the policies side by side.

    A policy's slates do not overtake each other, so that the service's windows over the last slates can be
    recomputed exactly. Those of an audience do: it meets a service that may be broken, so it takes what comes.

    Raises:
        aiohttp.ClientError: If the service cannot be reached, or refuses a request.
        WrongAnswerError: If it answers other items than were logged.
    """
    if not slates:
        return
    pace = Pace(speed, slates[0].at)
    if audience:
        lanes = [list(slates[lane::LANES]) for lane in range(LANES)]
    else:
        lanes = [[slate for slate in slates if slate.policy == policy] for policy in MODEL_VERSIONS]
    async with session(base_url) as client:
        sender = _Sender(client, pace, progress, audience)
        await first_failure(*(sender.send_all(lane) for lane in lanes))


async def first_failure(*work: Coroutine[Any, Any, None]) -> None:
    """Do all of the work; where one part fails, stop the others and raise what it raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for part in work:
                tasks.create_task(part)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


@dataclass(frozen=True)
class _Sender:
    """Sends slates, and what people do with the answers; without an audience, what they did when it was logged."""

    client: ClientSession
    pace: Pace
    progress: Progress
    audience: Audience | None

    @property
    def _people(self) -> Audience:
        return self.audience or EVERYBODY

    async def send_all(self, lane: Iterable[Slate]) -> None:
        for slate in lane:
            await asyncio.sleep(self.pace.wait(slate.at, time.monotonic()))
            answer = await self._answer(slate)
            self.progress.slates += 1
            for impression, item in zip(slate.impressions, answer["recommendations"], strict=False):
                if impression.clicked and among(impression.row, self._people.clicking):
                    await self._click(impression, item["item_id"], answer)

    async def _answer(self, slate: Slate) -> Mapping[str, Any]:
        query = {"surface": slate.surface, "request_id": slate.request_id, "limit": str(len(POSITIONS))}
        try:
            async with self.client.get("/recommendations", params=query) as response:
                answer = {**await response.json(), ID: response.headers.get(HEADER, "")}
        except ClientResponseError:
            if self.audience is None:
                raise
            return NOTHING
        items = [item["item_id"] for item in answer["recommendations"]]
        if self.audience is None and items != [impression.item_id for impression in slate.impressions]:
            raise WrongAnswerError(slate.request_id)
        return answer

    async def _click(self, impression: Impression, item_id: str, answer: Mapping[str, Any]) -> None:
        surface = {"surface": answer["surface"]}
        said = {"model_version": answer["model_version"], "variant": answer["variant"], "item_id": item_id}
        click = said | {"position": impression.position}
        slate = {HEADER: answer[ID]}
        async with self.client.post("/track/click", params=surface, json=click, headers=slate):
            self.progress.clicks += 1
        if impression.earned_cents is not None and among(impression.row, self._people.buying):
            revenue = {"revenue": impression.earned_cents / 100}
            async with self.client.post("/track/conversion", params=surface, json=said | revenue, headers=slate):
                self.progress.conversions += 1
