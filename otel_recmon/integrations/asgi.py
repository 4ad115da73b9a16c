"""Watches an ASGI application from outside: every message passes as it is, and nothing here can stop one."""

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from time import perf_counter
from typing import Any

from opentelemetry.trace import get_current_span

from otel_recmon.integrations.exposition import serve
from otel_recmon.integrations.lifespan import seen_off
from otel_recmon.integrations.signing import Signed
from otel_recmon.integrations.templates import Known
from otel_recmon.reading.bodies import Body, parsed
from otel_recmon.reading.expressions import Exchange, RawHeaders
from otel_recmon.reading.observer import Finished, Observer
from otel_recmon.reading.readers import Reader
from otel_recmon.reading.routes import RouteKind
from otel_recmon.recording.request_context import RequestLog, Scope, current
from otel_recmon.safety import swallow

AsgiScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

_new = object.__new__
MARK = "otel_recmon"
"""The key that says that a request is watched already, further out."""


class Watch(Finished):
    """One request as it passes by; the observer is given the same object once it is over, for another would cost."""

    headers: RawHeaders = ()
    reads = over = gone = False
    _request: Body | None = None

    def __init__(self, host: "Host", observer: Observer, asgi: AsgiScope) -> None:
        """Start the clock."""
        asgi[MARK] = True
        self.scope = scope = _new(Scope)
        scope.closed_by_plugin = True
        self._host = host
        self._observer = observer
        self._asgi = asgi
        self._root = asgi.get("root_path", "")
        self.span = get_current_span()
        if observer.metrics.recorder.events is not None:
            scope.log = RequestLog(self.span)
        self._start = perf_counter()

    def received(self, message: Message) -> None:
        """Look at a message from the client."""
        if message["type"] == "http.request":
            body = message.get("body")
            if body:
                self._request = self._kept(self._request, body)
        else:
            self.gone = True

    def started(self, message: Message) -> None:
        """Look at the start of the response: now it is known which route it is of."""
        self.status = status = message["status"]
        self.headers = message.get("headers", ())
        self.reader = reader = self._host.known.of(self._asgi, self._root)
        self.reads = reader is not None and reader.reads_body and 200 <= status < 300

    def keep(self, chunk: bytes) -> None:
        """Keep a part of a response that is read."""
        self.body = self._kept(self.body, chunk if chunk.__class__ is bytes else bytes(chunk))

    def _kept(self, body: Body | None, chunk: bytes) -> Body:
        if body is None:
            return Body(self._observer.settings.max_body_bytes, chunk)
        body.add(chunk)
        return body

    @property
    def holds_slate(self) -> bool:
        """Whether the response is one that the items are read from."""
        return self.reads and self.reader is not None and self.reader.kind is RouteKind.RECOMMENDATION

    def streamed(self) -> None:
        """Take note that the response has begun before its items are known."""
        self._observer.faults.drop("slate_unsigned", "a slate that is not streamed, or said by track_recommendations")

    def returned(self, failure: BaseException | None) -> None:
        """Take note that the application is done, whether or not it completed a response."""
        if not self.over:
            gone = self.gone or isinstance(failure, CancelledError)
            self.reader = self.reader or self._host.known.of(self._asgi, self._root)
            self.complete(broken=not gone, abandoned=gone)
        if self.scope.log is not None:  # of a route that is not watched
            self._leave()

    def _leave(self) -> None:
        events = self._observer.metrics.recorder.events
        if events is not None:
            events.leave(self.scope)

    def complete(self, *, broken: bool = False, abandoned: bool = False) -> None:
        """Take note that all bytes of the response are there, though a message that says so may follow."""
        if self.over:
            return
        self.over = True
        if self.reader is None and self.scope.teller is None:
            return
        self.seconds = perf_counter() - self._start
        self.broken, self.abandoned = broken, abandoned
        self.exchange = Exchange(self._asgi, self.headers, self._asked if self._request else None)
        self._observer.finish(self)

    def _asked(self, headers: Any) -> Any:
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
        self.known: Known[Reader] = Known(lambda _method, _template: None)

    def switch_on(self, observer: Observer) -> None:
        """Have an observer watch from now on."""
        self.known = Known(observer.reader)
        self.observer = observer


def observed(application: Application, host: Host) -> Application:  # noqa: C901, PLR0915 - guards in closures, so that nothing of ours stands outside them
    """Return the application, watched while ``host`` has an observer; its messages stay as they are."""

    def watched(asgi: AsgiScope, receive: Receive, send: Send) -> Awaitable[None]:
        observer = host.observer
        if observer is None or asgi["type"] not in ("http", "lifespan") or MARK in asgi:
            return application(asgi, receive, send)
        if asgi["type"] == "lifespan":
            return application(asgi, receive, until_the_end(observer, send))
        if asgi["path"] == observer.settings.metrics_path and asgi["method"] == "GET":
            return expose(asgi, receive, send)
        return pass_by(observer, asgi, receive, send)

    def until_the_end(observer: Observer, send: Send) -> Send:
        try:
            return seen_off(send, observer.metrics.recorder, shrug)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            shrug("seen_off", error)
            return send

    async def expose(asgi: AsgiScope, receive: Receive, send: Send) -> None:
        begun = False

        async def beginning(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await serve(asgi, beginning)
        except Exception as error:
            shrug("serve", error)
            if begun:
                raise
            await application(asgi, receive, send)  # the host answers instead

    async def pass_by(observer: Observer, asgi: AsgiScope, receive: Receive, send: Send) -> None:  # noqa: C901, PLR0915 - the same
        try:
            watch = Watch(host, observer, asgi)
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

        signed: Signed | None = None
        try:
            if observer.metrics.recorder.attributor is not None:
                signed = Signed(watch, send, observer.settings.max_body_bytes, shrug)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            shrug("Signed", error)
        onward = signed or send

        async def sending(message: Message) -> None:
            try:
                # In place rather than called, as are all steps that each response takes.
                kind = message["type"]
                if kind == "http.response.body":
                    if watch.reads:
                        watch.keep(message.get("body", b""))
                    if not message.get("more_body"):
                        watch.complete()
                elif kind == "http.response.start":
                    if message.get("headers", ()).__class__ not in (list, tuple):
                        message = {**message, "headers": list(message["headers"])}
                    watch.started(message)
                elif kind in ("http.response.pathsend", "http.response.zerocopysend"):
                    watch.complete()
            except Exception as error:  # noqa: BLE001 - the host must not notice
                shrug("Watch.sending", error)
            try:
                await onward(message)
            except OSError:
                watch.gone = True
                raise

        token = current.set(watch.scope)
        try:
            await application(asgi, receiving, sending)
        except BaseException as failure:
            close(watch, failure)
            if signed is not None and isinstance(failure, Exception):
                await release(signed)
            raise
        else:
            if not watch.over or watch.scope.log is not None:
                close(watch, None)
            if signed is not None:
                await release(signed)
        finally:
            try:  # noqa: SIM105 - `suppress` costs as much as the clock, on every request
                current.reset(token)
            except ValueError:  # of a coroutine that is closed from another context
                pass

    async def release(signed: Signed) -> None:
        try:
            await signed.release()
        except Exception as error:  # noqa: BLE001 - the host must not notice
            shrug("Signed.release", error)

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
