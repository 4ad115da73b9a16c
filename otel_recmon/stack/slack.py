"""A stand-in for Slack that accepts posts to an incoming webhook and shows them on a page.

It is for tests, and for demos without a Slack workspace. `python -m otel_recmon.stack.slack` runs it alone. It uses
only the standard library.
"""

import argparse
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs

from otel_recmon.stack.ports import LOOPBACK
from otel_recmon.stack.slack_message import Message
from otel_recmon.stack.slack_page import render_page

MAX_MESSAGES: Final = 500
"""The number of messages that the stand-in keeps. It drops older messages."""
BODY_BYTES: Final = 1_048_576
"""The maximum length of the body of a post."""
SHOWN: Final = ("text", "attachments", "blocks")
"""A message needs at least one of these fields. Slack refuses a message without them, with the answer `no_text`."""
HEALTH: Final = "/health"

PrintMessage = Callable[[str], None]


class Slack:
    """The state of the stand-in: the received messages and the answer to the next posts.

    Attributes:
        url: The URL of the webhook and of the page with the messages. Posts to any path below it are accepted.
    """

    def __init__(self, print_message: PrintMessage | None = None) -> None:
        self.url = ""
        self._messages: deque[Message] = deque(maxlen=MAX_MESSAGES)
        self._posts = 0
        self._counting = threading.Lock()  # the server answers each connection in a separate thread
        self._print_message = print_message
        self._status: int = HTTPStatus.OK
        self._answering = threading.Event()
        self._answering.set()

    @property
    def messages(self) -> list[Message]:
        """The accepted messages, oldest first."""
        return list(self._messages)

    @property
    def posts(self) -> int:
        """The number of posts that ``receive`` got, including refused and unanswered posts."""
        return self._posts

    @contextmanager
    def failing(self, status: int = HTTPStatus.INTERNAL_SERVER_ERROR) -> Iterator[None]:
        """Refuse posts with `status` while the context lasts."""
        self._status = status
        try:
            yield
        finally:
            self._status = HTTPStatus.OK

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Leave posts without an answer while the context lasts. At its end, close the connections of these posts."""
        self._answering.clear()
        try:
            yield
        finally:
            self._answering.set()

    def receive(self, body: bytes, kind: str, path: str) -> tuple[int, str] | None:
        """Handle a post with content type ``kind``. Return Slack's status and text; None to close the connection."""
        with self._counting:
            self._posts += 1
        if not self._answering.is_set():
            self._answering.wait()
            return None
        if self._status != HTTPStatus.OK:
            return self._status, "simulated_failure"
        payload = _payload(body, kind)
        if payload is None:
            return HTTPStatus.BAD_REQUEST, "invalid_payload"
        if not any(payload.get(name) for name in SHOWN):
            return HTTPStatus.BAD_REQUEST, "no_text"
        self._keep(Message(payload, path, datetime.now(UTC)))
        return HTTPStatus.OK, "ok"

    def _keep(self, message: Message) -> None:
        self._messages.append(message)
        if self._print_message:
            lines = f"{message.at:%H:%M:%S} {message.channel}".rstrip(), *message.text.splitlines()
            self._print_message("\n  ".join(lines))


def _payload(body: bytes, kind: str) -> Mapping[str, Any] | None:
    """Return the JSON of a post, from the body or from the form field `payload`; None without a JSON object."""
    try:
        text = body.decode()
        payload = json.loads(parse_qs(text)["payload"][0] if kind.startswith("application/x-www-form") else text)
    except (ValueError, KeyError):
        return None
    return payload if isinstance(payload, Mapping) else None


def _messages_json(messages: Sequence[Message]) -> str:
    entries = [
        {"at": message.at.isoformat(), "path": message.path, "text": message.text, "payload": message.payload}
        for message in messages
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds until an idle connection is closed
    # Buffer the output, so that head and body are sent together. Otherwise the body arrives 40 ms after the head on a
    # keep-alive connection, because Nagle's algorithm waits for the client's delayed acknowledgement of the head.
    wbufsize = -1

    def __init__(self, slack: Slack, *connection: Any) -> None:
        self._slack = slack
        super().__init__(*connection)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_BYTES:
            self.close_connection = True  # the server would read the rest of the body as the next request
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large_or_of_unknown_length")
            return
        answer = self._slack.receive(self.rfile.read(int(length)), self.headers.get("Content-Type", ""), self.path)
        if answer is None:
            self.close_connection = True
        else:
            self._answer(*answer)

    def do_GET(self) -> None:
        pages: dict[str, tuple[str, Callable[[], str]]] = {
            "/": ("text/html", lambda: render_page(self._slack.messages)),
            "/messages": ("application/json", lambda: _messages_json(self._slack.messages)),
            HEALTH: ("text/plain", lambda: "ok"),
        }
        kind, content = pages.get(self.path, ("text/plain", None))
        if content is None:
            self._answer(HTTPStatus.NOT_FOUND, "the pages are / and /messages", kind)
        else:
            self._answer(HTTPStatus.OK, content(), kind)

    def _answer(self, status: int, text: str, kind: str = "text/html") -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write no access log, because the output shows the messages."""


@contextmanager
def slack_standin(host: str = LOOPBACK, port: int = 0, print_message: PrintMessage | None = None) -> Iterator[Slack]:
    """Run the stand-in while the context lasts, and yield its state.

    Args:
        host: The address to listen on.
        port: The port to listen on; 0 for a free one.
        print_message: A function to call with the text of each message, such as `print`.

    Raises:
        OSError: The address or port is not available.
    """
    slack = Slack(print_message)
    with ThreadingHTTPServer((host, port), partial(_Handler, slack)) as server:
        slack.url = f"http://{host}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})  # s, for a fast shutdown
        thread.start()
        try:
            yield slack
        finally:
            slack._answering.set()  # noqa: SLF001 - ends the handlers that hang
            server.shutdown()
            thread.join()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stand-in until Ctrl-C, and print every message."""
    parser = argparse.ArgumentParser(
        prog="python -m otel_recmon.stack.slack", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--host", default=LOOPBACK, help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s; 0 for any free one")
    options = parser.parse_args(arguments)
    print_message = partial(print, flush=True)
    with slack_standin(options.host, options.port, print_message) as slack:
        print_message(f"Messages to {slack.url} are printed here; the page at that address shows them as well")
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
