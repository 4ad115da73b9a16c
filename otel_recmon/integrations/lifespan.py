"""Exports what is left before the server stops: one stopped by SIGTERM runs no atexit."""

from collections.abc import Awaitable, Callable, MutableMapping
from threading import Thread
from time import monotonic
from typing import Any

from anyio import sleep

from otel_recmon.recorder import Recorder
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

    The thread is a daemon, for one of an executor would hold up the end of the process.
    """

    def work() -> None:
        try:
            recorder.flush(deadline_seconds)
        except Exception as error:  # noqa: BLE001 - the host must be able to stop
            swallow(recorder.faults, "flush", error)

    thread = Thread(target=work, name="otel-recmon-flush", daemon=True)
    thread.start()
    end = monotonic() + deadline_seconds
    while thread.is_alive() and monotonic() < end:  # noqa: ASYNC110 - a thread has no event to await
        await sleep(_POLL_SECONDS)
