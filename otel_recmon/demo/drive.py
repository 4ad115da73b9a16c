"""The traffic alone, for a service that somebody else has started: once, or round after round."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import count

from aiohttp import ClientError
from rich.console import Console

from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.replay import Progress, WrongAnswerError, session, watched
from otel_recmon.demo.run import Options
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.traffic import Slate, assembled, logged
from otel_recmon.demo.view import Lines

RETRY_SECONDS = 1.0
"""Between two attempts to reach a service that does not answer."""
UNREAD = Exposition((), "nothing")
"""Who only sends reads nothing."""


def drive(options: Options, console: Console) -> bool:
    """Replay the traffic against the service that the options name, and return true at the end, if there is one.

    Every round is the same, so that N rounds make N times the counts of one.

    Raises:
        DemoError: If the service does not answer, or answers other items than were logged; with ``repeat`` the
            former is waited for to pass.
    """
    url = (options.against or "").rstrip("/")
    slates = assembled(logged(rows=options.rows))
    asyncio.run((_rounds if options.repeat else _once)(slates, url, options.speed, console))
    return True


async def _once(slates: Sequence[Slate], url: str, speed: float, console: Console) -> None:
    lines = Lines(console)

    async def look(progress: Progress) -> None:
        lines.show(progress, UNREAD)

    try:
        lines.show(await watched(slates, url, speed, look), UNREAD)
    except WrongAnswerError as error:
        raise DemoError(f"{url} is no recommender of this demo: it answered other items for request {error}") from error
    except (ClientError, TimeoutError) as error:
        raise DemoError(f"{url} did not answer as expected ({error})") from error


async def _rounds(slates: Sequence[Slate], url: str, speed: float, console: Console) -> None:
    for number in count(1):
        await _reached(url, console)
        console.print(f"Round {number}", highlight=False)
        try:
            await _once(slates, url, speed, console)
        except DemoError as error:
            if not isinstance(error.__cause__, ClientError | TimeoutError):
                raise
            console.print(f"Round {number} is not complete: {error}", highlight=False, soft_wrap=True)


async def _reached(url: str, console: Console) -> None:
    """Return once the service answers."""
    for attempt in count():
        with suppress(ClientError, TimeoutError):
            async with session() as client, client.get(f"{url}/health"):
                return
        if not attempt:
            console.print(f"Waiting for {url} to answer", highlight=False, soft_wrap=True)
        await asyncio.sleep(RETRY_SECONDS)
