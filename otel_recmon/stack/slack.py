"""A stand-in for Slack: takes what is posted to an incoming webhook, and shows it.

For the demo of somebody who has no webhook, and for tests. `python -m otel_recmon.stack.slack` runs it alone.
It uses the standard library only.
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

from otel_recmon.stack.message import Message
from otel_recmon.stack.page import page
from otel_recmon.stack.ports import LOOPBACK

KEPT: Final = 500
"""Messages; older ones are forgotten."""
BODY_BYTES: Final = 1_048_576
"""The longest message that is read."""
SHOWN: Final = ("text", "attachments", "blocks")
"""What a message has to have one of."""
HEALTH: Final = "/health"

Say = Callable[[str], None]


class Slack:
    """What was posted, and how posts are answered.

    Attributes:
        url: The webhook: where to post, or any path below. It is also the page with the messages.
    """

    def __init__(self, say: Say | None = None) -> None:
        """Have no messages yet; `say` is called with each in words."""
        self.url = ""
        self._messages: deque[Message] = deque(maxlen=KEPT)
        self._posts = 0
        self._counting = threading.Lock()
        self._say = say
        self._status: int = HTTPStatus.OK
        self._answering = threading.Event()
        self._answering.set()

    @property
    def messages(self) -> list[Message]:
        """The messages that were taken, the oldest first."""
        return list(self._messages)

    @property
    def posts(self) -> int:
        """How many posts came, however they were answered."""
        return self._posts

    @contextmanager
    def failing(self, status: int = HTTPStatus.INTERNAL_SERVER_ERROR) -> Iterator[None]:
        """Answer posts with `status` while the context lasts, and take none."""
        self._status = status
        try:
            yield
        finally:
            self._status = HTTPStatus.OK

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Answer no post while the context lasts; those that came are hung up on at its end, and not taken."""
        self._answering.clear()
        try:
            yield
        finally:
            self._answering.set()

    def take(self, body: bytes, kind: str, path: str) -> tuple[int, str] | None:
        """Return status and words of the answer to a post, as Slack's; None to hang up."""
        with self._counting:
            self._posts += 1
        if not self._answering.is_set():
            self._answering.wait()
            return None
        if self._status != HTTPStatus.OK:
            return self._status, "told_to_fail"
        payload = _payload(body, kind)
        if payload is None:
            return HTTPStatus.BAD_REQUEST, "invalid_payload"
        if not any(payload.get(name) for name in SHOWN):
            return HTTPStatus.BAD_REQUEST, "no_text"
        self._keep(Message(payload, path, datetime.now(UTC)))
        return HTTPStatus.OK, "ok"

    def _keep(self, message: Message) -> None:
        self._messages.append(message)
        if self._say:
            lines = f"{message.at:%H:%M:%S} {message.channel}".rstrip(), *message.text.splitlines()
            self._say("\n  ".join(lines))


def _payload(body: bytes, kind: str) -> Mapping[str, Any] | None:
    """The message of a post: its JSON, or that in the form field `payload`."""
    try:
        text = body.decode()
        payload = json.loads(parse_qs(text)["payload"][0] if kind.startswith("application/x-www-form") else text)
    except (ValueError, KeyError):
        return None
    return payload if isinstance(payload, Mapping) else None


def _listed(messages: Sequence[Message]) -> str:
    entries = [
        {"at": message.at.isoformat(), "path": message.path, "text": message.text, "payload": message.payload}
        for message in messages
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # of a connection on which nothing comes
    wbufsize = -1  # head and body in one packet, or a client that keeps its connection waits 40 ms in between

    def __init__(self, slack: Slack, *connection: Any) -> None:
        self._slack = slack
        super().__init__(*connection)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_BYTES:
            self.close_connection = True  # its body is not read
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large_or_of_unknown_length")
            return
        answer = self._slack.take(self.rfile.read(int(length)), self.headers.get("Content-Type", ""), self.path)
        if answer is None:
            self.close_connection = True
        else:
            self._answer(*answer)

    def do_GET(self) -> None:
        pages: dict[str, tuple[str, Callable[[], str]]] = {
            "/": ("text/html", lambda: page(self._slack.messages)),
            "/messages": ("application/json", lambda: _listed(self._slack.messages)),
            HEALTH: ("text/plain", lambda: "ok"),
        }
        kind, content = pages.get(self.path, ("text/plain", None))
        if content is None:
            self._answer(HTTPStatus.NOT_FOUND, "there are / and /messages", kind)
        else:
            self._answer(HTTPStatus.OK, content(), kind)

    def _answer(self, status: int, words: str, kind: str = "text/html") -> None:
        content = words.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Leave the output to the messages."""


@contextmanager
def slack_standin(host: str = LOOPBACK, port: int = 0, say: Say | None = None) -> Iterator[Slack]:
    """Run the stand-in while the context lasts, and give what it is posted.

    Args:
        host: The address to listen on.
        port: The port to listen on, 0 for any free one.
        say: Called with each message in words, such as `print`.

    Raises:
        OSError: The address cannot be listened on.
    """
    slack = Slack(say)
    with ThreadingHTTPServer((host, port), partial(_Handler, slack)) as server:
        slack.url = f"http://{host}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield slack
        finally:
            slack._answering.set()  # noqa: SLF001 - let go of those that hang
            server.shutdown()
            thread.join()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stand-in until it is interrupted, printing every message."""
    parser = argparse.ArgumentParser(
        prog="python -m otel_recmon.stack.slack", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--host", default=LOOPBACK, help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s; 0 for any free one")
    options = parser.parse_args(arguments)
    say = partial(print, flush=True)
    with slack_standin(options.host, options.port, say) as slack:
        say(f"What is posted to {slack.url} is shown here, and there")
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
