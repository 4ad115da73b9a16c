"""A server that takes whatever is posted to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from otel_recmon.stack.ports import LOOPBACK


@dataclass
class Backend:
    """A place that takes what is posted, and remembers the paths."""

    url: str = ""
    paths: list[str] = field(default_factory=list)


@contextmanager
def backend() -> Iterator[Backend]:
    """Something for things to go to."""
    here = Backend()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            here.paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        here.url = f"http://{LOOPBACK}:{server.server_port}"
        threading.Thread(target=server.serve_forever).start()
        try:
            yield here
        finally:
            server.shutdown()
