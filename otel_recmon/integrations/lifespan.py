"""The last export before a server stops. A server stopped by SIGTERM runs no atexit hooks."""

from collections.abc import Callable
from threading import Thread
from time import monotonic

from anyio import sleep

from otel_recmon.integrations.asgi_types import Message, Send
from otel_recmon.recording.recorder import Recorder
from otel_recmon.safety import swallow

DEADLINE_SECONDS = 3.0
_POLL_SECONDS = 0.005


def flush_on_shutdown(send: Send, recorder: Recorder, report_failure: Callable[[str, BaseException], None]) -> Send:
    """Return a ``send`` for lifespan messages. It creates the instruments at start-up and flushes them at shutdown."""

    async def sending(message: Message) -> None:
        try:
            if message["type"] == "lifespan.startup.complete":
                recorder.start()
            elif message["type"].startswith("lifespan.shutdown."):
                await flush(recorder)
        except Exception as error:  # noqa: BLE001 - no error may reach the service
            report_failure("lifespan", error)
        await send(message)

    return sending


async def flush(recorder: Recorder, deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Export all metrics and events now. Stop waiting at the deadline if the endpoint hangs.

    The threads are daemon threads, because the threads of an executor would delay the end of the process.
    """

    def work(flush: Callable[[float], None]) -> None:
        try:
            flush(deadline_seconds)
        except Exception as error:  # noqa: BLE001 - the service must be able to stop
            swallow(recorder.faults, "flush", error)

    works = [recorder.flush, *([recorder.events.flush] if recorder.events.enabled else [])]
    threads = [Thread(target=work, args=(flush,), name="otel-recmon-flush", daemon=True) for flush in works]
    for thread in threads:
        thread.start()
    end = monotonic() + deadline_seconds
    while any(thread.is_alive() for thread in threads) and monotonic() < end:  # noqa: ASYNC110 - a thread has no event
        await sleep(_POLL_SECONDS)
