"""The driver, which sends the requests, clicks and conversions of the data to the service over HTTP."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from aiohttp import ClientResponseError, ClientSession, ClientTimeout, TCPConnector

from otel_recmon.attribution import HEADER
from otel_recmon.demo.audience import AS_LOGGED, Audience, is_sampled
from otel_recmon.demo.traffic import MODEL_VERSIONS, POSITIONS, Impression, Slate
from otel_recmon.errors import RecmonError

ID_KEY: Final = "recommendation_id"
"""The key under which the driver stores the recommendation id in an answer."""
TIMEOUT_SECONDS: Final = 120
"""The timeout of each request; long, for slow machines."""
REUSE_SECONDS: Final = 2
"""Seconds for which the driver reuses an idle connection. By default, uvicorn closes an idle connection after 5 s."""
LANES: Final = 32
"""The number of concurrent requests with a fault: the service may be slow, and the order of requests is irrelevant."""
EMPTY_ANSWER: Final[Mapping[str, Any]] = {"recommendations": []}
"""The replacement for the answer to a failed request."""
REPORT_SECONDS: Final = 1.0
"""Seconds between two reports of the progress."""


class WrongAnswerError(RecmonError):
    """The service answered with items that differ from the logged items."""


@dataclass
class Progress:
    """The numbers of slates, clicks and conversions sent so far; ``total`` is the number of slates to send."""

    total: int
    slates: int = 0
    clicks: int = 0
    conversions: int = 0


@dataclass(frozen=True)
class Pace:
    """The speed of the replay, as a factor of the logged speed; 0 is as fast as possible.

    ``first`` is the logged time of the first slate; ``begun`` is the time of the monotonic clock at the start.
    """

    speed: float
    first: datetime
    begun: float = field(default_factory=time.monotonic)

    def wait(self, moment: datetime, now: float) -> float:
        """Return the seconds to wait until a logged moment is due. ``now`` is the time of the monotonic clock."""
        if not self.speed:
            return 0.0
        return max(0.0, self.begun + (moment - self.first).total_seconds() / self.speed - now)


def http_session(base_url: str | None = None) -> ClientSession:
    """Return an HTTP client that raises for every status of 400 or above."""
    return ClientSession(
        base_url,
        connector=TCPConnector(keepalive_timeout=REUSE_SECONDS),
        timeout=ClientTimeout(total=TIMEOUT_SECONDS),
        raise_for_status=True,
    )


async def replay_with_progress(
    slates: Sequence[Slate],
    base_url: str,
    speed: float,
    report: Callable[[Progress], Awaitable[None]],
    audience: Audience | None = None,
) -> Progress:
    """Replay the slates of the users who arrive. Call ``report`` at the start and every second until the end.

    Raises:
        aiohttp.ClientError, WrongAnswerError: As in `replay`.
        Exception: Any exception of ``report``.
    """
    kept = [slate for number, slate in enumerate(slates) if audience is None or is_sampled(number, audience.arriving)]
    progress = Progress(len(kept))
    done = asyncio.Event()

    async def send() -> None:
        await replay(kept, base_url, speed, progress, audience)
        done.set()

    async def report_regularly() -> None:
        while not done.is_set():
            await report(progress)
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), REPORT_SECONDS)

    await run_until_failure(send(), report_regularly())
    return progress


async def replay(
    slates: Sequence[Slate], base_url: str, speed: float, progress: Progress, audience: Audience | None = None
) -> None:
    """Send the slates of each policy in the logged order. Both policies are sent concurrently.

    The order matters because diversity and coverage depend on the last slates. With an ``audience``, the service may
    have a fault: the order is then arbitrary, failed requests for recommendations are ignored, and any items are
    accepted.

    Raises:
        aiohttp.ClientError: The service is unreachable or refuses a request.
        WrongAnswerError: The service answers with items that differ from the logged items.
    """
    if not slates:
        return
    pace = Pace(speed, slates[0].at)
    if audience:
        lanes = [list(slates[lane::LANES]) for lane in range(LANES)]
    else:
        lanes = [[slate for slate in slates if slate.policy == policy] for policy in MODEL_VERSIONS]
    async with http_session(base_url) as client:
        sender = _Sender(client, pace, progress, audience)
        await run_until_failure(*(sender.send_all(lane) for lane in lanes))


async def run_until_failure(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run the coroutines concurrently. After the first exception, cancel the others and raise this exception.

    The exception is not wrapped in an ExceptionGroup.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            for coroutine in coroutines:
                tasks.create_task(coroutine)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


@dataclass(frozen=True)
class _Sender:
    """A sender of slates, clicks and purchases: all of them, or only the audience's shares of clicks and purchases."""

    client: ClientSession
    pace: Pace
    progress: Progress
    audience: Audience | None

    @property
    def _behaviour(self) -> Audience:
        return self.audience or AS_LOGGED

    async def send_all(self, lane: Iterable[Slate]) -> None:
        for slate in lane:
            await asyncio.sleep(self.pace.wait(slate.at, time.monotonic()))
            answer = await self._answer(slate)
            self.progress.slates += 1
            for impression, item in zip(slate.impressions, answer["recommendations"], strict=False):
                if impression.clicked and is_sampled(impression.row, self._behaviour.clicking):
                    await self._click(impression, item["item_id"], answer)

    async def _answer(self, slate: Slate) -> Mapping[str, Any]:
        query = {"surface": slate.surface, "request_id": slate.request_id, "limit": str(len(POSITIONS))}
        try:
            async with self.client.get("/recommendations", params=query) as response:
                answer = {**await response.json(), ID_KEY: response.headers.get(HEADER, "")}
        except ClientResponseError:
            if self.audience is None:
                raise
            return EMPTY_ANSWER
        items = [item["item_id"] for item in answer["recommendations"]]
        if self.audience is None and items != [impression.item_id for impression in slate.impressions]:
            raise WrongAnswerError(slate.request_id)
        return answer

    async def _click(self, impression: Impression, item_id: str, answer: Mapping[str, Any]) -> None:
        surface = {"surface": answer["surface"]}
        event = {"model_version": answer["model_version"], "variant": answer["variant"], "item_id": item_id}
        click = event | {"position": impression.position}
        slate = {HEADER: answer[ID_KEY]}
        async with self.client.post("/track/click", params=surface, json=click, headers=slate):
            self.progress.clicks += 1
        if impression.earned_cents is not None and is_sampled(impression.row, self._behaviour.buying):
            revenue = {"revenue": impression.earned_cents / 100}
            async with self.client.post("/track/conversion", params=surface, json=event | revenue, headers=slate):
                self.progress.conversions += 1
