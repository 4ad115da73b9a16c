"""Exports what is left before the server stops: one stopped by SIGTERM runs no atexit."""

from collections.abc import Awaitable, Callable, MutableMapping
from threading import Thread
from time import monotonic
from typing import Any

from anyio import sleep

from otel_recmon.recording.recorder import Recorder
from otel_recmon.safety import swallow

DEADLINE_SECONDS = 3.0
_POLL_SECONDS = 0.005

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def seen_off(send: Send, recorder: Recorder, shrug: Callable[[str, Exception], None]) -> Send:
    """Return ``send`` for a lifespan: it creates the instruments at the start and flushes them at the end."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        try:
            if message["type"] == "lifespan.startup.complete":
                recorder.start()
            elif message["type"].startswith("lifespan.shutdown."):
                await flush(recorder)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            shrug("lifespan", error)
        await send(message)

    return sending


async def flush(recorder: Recorder, deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Export everything now; an endpoint that hangs is left behind at the deadline.

    The threads are daemons, for those of an executor would hold up the end of the process.
    """

    def work(flush: Callable[[float], None]) -> None:
        try:
            flush(deadline_seconds)
        except Exception as error:  # noqa: BLE001 - the host must be able to stop
            swallow(recorder.faults, "flush", error)

    works = [recorder.flush, *([recorder.events.flush] if recorder.events is not None else [])]
    threads = [Thread(target=work, args=(flush,), name="otel-recmon-flush", daemon=True) for flush in works]
    for thread in threads:
        thread.start()
    end = monotonic() + deadline_seconds
    while any(thread.is_alive() for thread in threads) and monotonic() < end:  # noqa: ASYNC110 - a thread has no event
        await sleep(_POLL_SECONDS)
