"""The replay of the traffic against a service that already runs: once, or in endless rounds."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import count

from aiohttp import ClientError
from rich.console import Console

from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.replay import Progress, WrongAnswerError, http_session, replay_with_progress
from otel_recmon.demo.run import Options
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.traffic import Slate, assemble_slates, load_impressions
from otel_recmon.demo.view import Lines

RETRY_SECONDS = 1.0
"""Seconds between two attempts to reach a service that does not answer."""
NO_METRICS = Exposition((), "nothing")
"""An empty exposition for the view. With ``--against``, the demo reads no metrics."""


def drive(options: Options, console: Console) -> bool:
    """Replay the traffic against the service at ``options.against``.

    Return True after one round. With ``options.repeat``, start further rounds and never return. Every round sends
    the same requests, so N rounds produce N times the counts of one round.

    Raises:
        DemoError: The service answers with items that differ from the logged items. Without ``options.repeat``, also
            if a request fails. With ``options.repeat``, a failed request ends the round. The next round then starts
            when the service answers.
    """
    url = (options.against or "").rstrip("/")
    slates = assemble_slates(load_impressions(rows=options.rows))
    asyncio.run((_replay_rounds if options.repeat else _replay_once)(slates, url, options.speed, console))
    return True


async def _replay_once(slates: Sequence[Slate], url: str, speed: float, console: Console) -> None:
    lines = Lines(console)

    async def report(progress: Progress) -> None:
        lines.show(progress, NO_METRICS)

    try:
        lines.show(await replay_with_progress(slates, url, speed, report), NO_METRICS)
    except WrongAnswerError as error:
        raise DemoError(
            f"{url} is not a recommender of this demo: it answered request {error} with items that were not logged"
        ) from error
    except (ClientError, TimeoutError) as error:
        raise DemoError(f"{url} did not answer as expected ({error})") from error


async def _replay_rounds(slates: Sequence[Slate], url: str, speed: float, console: Console) -> None:
    for number in count(1):
        await _wait_for_answer(url, console)
        console.print(f"Round {number}", highlight=False)
        try:
            await _replay_once(slates, url, speed, console)
        except DemoError as error:
            if not isinstance(error.__cause__, ClientError | TimeoutError):
                raise
            console.print(f"Round {number} is not complete: {error}", highlight=False, soft_wrap=True)


async def _wait_for_answer(url: str, console: Console) -> None:
    """Wait until the service answers ``GET /health`` with a status below 400."""
    for attempt in count():
        with suppress(ClientError, TimeoutError):
            async with http_session() as client, client.get(f"{url}/health"):
                return
        if not attempt:
            console.print(f"Waiting for {url} to answer", highlight=False, soft_wrap=True)
        await asyncio.sleep(RETRY_SECONDS)
