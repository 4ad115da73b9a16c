"""Serves an application from a thread of the test, on a real socket, where the test must reach inside."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn

from tests.speed import eventually
from tests.stack.serving import DEADLINE


@contextmanager
def threaded(app: Any) -> Iterator[str]:
    """Yield the URL of an application while a real server serves it."""
    # asyncio disables Nagle's algorithm only on sockets whose protocol is named. With it, a response that is sent in
    # two parts takes 40 ms longer.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        eventually(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(DEADLINE)
