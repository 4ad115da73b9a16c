"""Watches an ASGI application from outside: every message passes as it is, and nothing here can stop one."""

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from time import perf_counter
from typing import Any

from opentelemetry.trace import get_current_span

from otel_recmon.bodies import Body, parsed
from otel_recmon.expressions import Exchange, RawHeaders
from otel_recmon.integrations.exposition import serve
from otel_recmon.integrations.lifespan import seen_off
from otel_recmon.integrations.templates import template
from otel_recmon.observer import Finished, Observer
from otel_recmon.readers import Reader
from otel_recmon.safety import swallow
from otel_recmon.scope import RequestLog, Scope, current

AsgiScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

MARK = "otel_recmon"
"""The key that says that a request is watched already, further out."""


class Watch:
    """One request as it passes by."""

    __slots__ = (
        "_asgi",
        "_headers",
        "_observer",
        "_over",
        "_reader",
        "_request",
        "_response",
        "_root",
        "_span",
        "_start",
        "_status",
        "gone",
        "scope",
    )

    def __init__(self, observer: Observer, asgi: AsgiScope) -> None:
        """Start the clock."""
        asgi[MARK] = True
        self.scope = Scope(closed_by_plugin=True)
        self._observer = observer
        self._asgi = asgi
        self._root = asgi.get("root_path", "")
        self._span = get_current_span()
        if observer.metrics.recorder.events is not None:
            self.scope.log = RequestLog(self._span)
        self._request: Body | None = None
        self._response: Body | None = None
        self._reader: Reader | None = None
        self._status = 0
        self._headers: RawHeaders = ()
        self._over = self.gone = False
        self._start = perf_counter()

    def received(self, message: Message) -> None:
        """Look at a message from the client."""
        if message["type"] == "http.request":
            body = message.get("body")
            if body:
                self._request = self._request or Body(self._observer.settings.max_body_bytes)
                self._request.add(body)
        else:
            self.gone = True

    def sending(self, message: Message) -> None:
        """Look at a message to the client, before it is sent: the server's span ends with the last one."""
        kind = message["type"]
        if kind == "http.response.body":
            if self._response is not None:
                self._response.add(message.get("body", b""))
            if not message.get("more_body"):
                self._finish()
        elif kind == "http.response.start":
            self._status = message["status"]
            self._headers = message.get("headers", ())
            self._find_reader()
            if self._reader is not None and self._reader.reads_body and 200 <= self._status < 300:
                self._response = Body(self._observer.settings.max_body_bytes)
        elif kind in ("http.response.pathsend", "http.response.zerocopysend"):
            self._finish()

    def returned(self, failure: BaseException | None) -> None:
        """Take note that the application is done, whether or not it completed a response."""
        if not self._over:
            gone = self.gone or isinstance(failure, CancelledError)
            self._find_reader()
            self._finish(broken=not gone, abandoned=gone)
        events = self._observer.metrics.recorder.events
        if events is not None:  # of a route that is not watched
            events.leave(self.scope)

    def _find_reader(self) -> None:
        if self._reader is None:
            found = template(self._asgi, self._root)
            self._reader = self._observer.reader(self._asgi["method"], found) if found else None

    def _finish(self, *, broken: bool = False, abandoned: bool = False) -> None:
        if self._over:
            return
        self._over = True
        if self._reader is None and self.scope.teller is None:
            return
        seconds = perf_counter() - self._start
        exchange = Exchange(self._asgi, self._headers, self._body if self._request else None)
        self._observer.finish(
            Finished(
                self._reader,
                self.scope,
                self._span,
                exchange,
                self._response,
                self._status,
                seconds,
                broken,
                abandoned,
            )
        )

    def _body(self, headers: Any) -> Any:
        content = self._request.content("", self._observer.faults) if self._request else None
        try:
            return parsed(content, headers.get("content-type", "")) if content else None
        except ValueError:
            self._observer.faults.drop("body_unreadable", "a request body that is what its content type says")
            return None


class Host:
    """What the watched applications of a process share: the observer, while the plugin is on."""

    def __init__(self) -> None:
        """Start switched off."""
        self.observer: Observer | None = None


def observed(application: Application, host: Host) -> Application:  # noqa: C901, PLR0915 - guards in closures, so that nothing of ours stands outside them
    """Return the application, watched while ``host`` has an observer; its messages stay as they are."""

    async def watched(asgi: AsgiScope, receive: Receive, send: Send) -> None:
        observer = host.observer
        if observer is None or asgi["type"] not in ("http", "lifespan") or MARK in asgi:
            await application(asgi, receive, send)
        elif asgi["type"] == "lifespan":
            await application(asgi, receive, until_the_end(observer, send))
        elif asgi["path"] == observer.settings.metrics_path and asgi["method"] == "GET":
            await expose(asgi, receive, send)
        else:
            await pass_by(observer, asgi, receive, send)

    def until_the_end(observer: Observer, send: Send) -> Send:
        try:
            return seen_off(send, observer.metrics.recorder, shrug)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            shrug("seen_off", error)
            return send

    async def expose(asgi: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            await serve(asgi, send)
        except Exception as error:  # noqa: BLE001 - the host answers instead
            shrug("serve", error)
            await application(asgi, receive, send)

    async def pass_by(observer: Observer, asgi: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            watch = Watch(observer, asgi)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            shrug("Watch", error)
            await application(asgi, receive, send)
            return

        async def receiving() -> Message:
            message = await receive()
            try:
                watch.received(message)
            except Exception as error:  # noqa: BLE001 - the host must not notice
                shrug("Watch.received", error)
            return message

        async def sending(message: Message) -> None:
            try:
                watch.sending(message)
            except Exception as error:  # noqa: BLE001 - the host must not notice
                shrug("Watch.sending", error)
            try:
                await send(message)
            except OSError:
                watch.gone = True
                raise

        token = current.set(watch.scope)
        try:
            await application(asgi, receiving, sending)
        except BaseException as failure:
            close(watch, failure)
            raise
        else:
            close(watch, None)
        finally:
            current.reset(token)

    def close(watch: Watch, failure: BaseException | None) -> None:
        try:
            watch.returned(failure)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            shrug("Watch.returned", error)

    def shrug(site: str, error: Exception) -> None:
        with suppress(Exception):
            if host.observer is not None:
                swallow(host.observer.faults, site, error)

    watched.app = application  # type: ignore[attr-defined]  # as middleware classes do, for those that walk the chain
    return watched
