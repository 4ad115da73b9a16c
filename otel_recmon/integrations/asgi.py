"""The ASGI middleware. It watches the messages of each request. A failure of the plugin never reaches the service."""

from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final

from opentelemetry.trace import get_current_span

from otel_recmon.catalog import ERROR
from otel_recmon.integrations.asgi_types import Application, Message, Receive, Scope, Send
from otel_recmon.integrations.exposition import is_metrics_request, serve
from otel_recmon.integrations.lifespan import flush_on_shutdown
from otel_recmon.integrations.signing import SignedSend
from otel_recmon.integrations.templates import RouteCache, is_routed, template
from otel_recmon.reading.bodies import Body
from otel_recmon.reading.exchange import ABANDONED
from otel_recmon.reading.http_exchange import REDIRECTS, HttpExchange, RawHeaders
from otel_recmon.reading.observer import Observer
from otel_recmon.reading.reader import Reader
from otel_recmon.reading.routes import RouteKind
from otel_recmon.recording.request_context import RequestContext, RequestLog, current
from otel_recmon.safety import swallow

MARK: Final = "otel_recmon"
"""The scope key of the ``WatchedRequest``. A request that has it is not watched again by an inner middleware."""


class Switch:
    """The switch of the plugin. While the plugin is on, it holds the observer of all watched applications."""

    def __init__(self) -> None:
        self.observer: Observer | None = None
        self.routes: RouteCache[Reader] = RouteCache(lambda _method, _template: None)

    def turn_on(self, observer: Observer) -> None:
        """Record all requests from the next request on with this observer."""
        self.routes = RouteCache(observer.reader)
        observer.routes_changed = self.routes.clear
        self.observer = observer

    def swallow(self, site: str, error: BaseException) -> None:
        """Count a failure of the plugin, unless the plugin has been turned off meanwhile."""
        observer = self.observer
        if observer is not None:
            swallow(observer.faults, site, error)


class WatchMiddleware:
    """Watches an ASGI application while the plugin is on."""

    handles_errors = False
    """Whether the caller of this middleware answers exceptions with a response of its own.

    If so, an exception before the response does not end the watch: the caller calls ``WatchedRequest.answer``.
    """

    def __init__(self, app: Application, switch: Switch) -> None:
        self.app = app
        self._switch = switch

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Call the application. Watch the call if it is an HTTP request that no outer middleware watches."""
        observer = self._switch.observer
        if observer is None or scope["type"] not in ("http", "lifespan") or MARK in scope:
            return self.app(scope, receive, send)
        if scope["type"] == "lifespan":
            return self.app(scope, receive, self._flushing(observer, send))
        metrics_path = observer.settings.metrics_path
        if (
            metrics_path is not None
            and scope["path"].endswith(metrics_path)
            and is_metrics_request(scope, metrics_path)
        ):
            return self._expose(scope, receive, send)
        return self._watch(observer, scope, receive, send)

    def _flushing(self, observer: Observer, send: Send) -> Send:
        try:
            return flush_on_shutdown(send, observer.recorder, self._switch.swallow)
        except Exception as error:  # noqa: BLE001 - no error may reach the service
            self._switch.swallow("flush_on_shutdown", error)
            return send

    async def _expose(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the metrics. If serving fails before the response has begun, the application answers the request."""
        begun = False

        async def beginning(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await serve(scope, beginning)
        except Exception as error:
            self._switch.swallow("serve", error)
            if begun:
                raise
            await self.app(scope, receive, send)

    async def _watch(self, observer: Observer, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            watched = WatchedRequest(self._switch, observer, scope, receive, send)
        except Exception as error:  # noqa: BLE001 - no error may reach the service
            self._switch.swallow("WatchedRequest", error)
            await self.app(scope, receive, send)
            return
        token = current.set(watched.context)
        try:
            await self.app(scope, watched.receive, watched.send)
        except BaseException as failure:
            if self.handles_errors and isinstance(failure, Exception) and not watched.status_code:
                watched.unanswered = True
                raise
            watched.end(failure)
            if watched.signed is not None and isinstance(failure, Exception):
                await watched.release(watched.signed)
            raise
        else:
            if not watched.over or watched.context.log is not None:
                watched.end(None)
            if watched.signed is not None:
                await watched.release(watched.signed)
        finally:
            try:  # noqa: SIM105 - `suppress` costs as much as the clock, on every request
                current.reset(token)
            except ValueError:  # the coroutine was closed from another context
                pass


class WatchedRequest:
    """One watched request. ``receive`` and ``send`` pass on every message, and store the parts for the observer."""

    # The defaults belong to the class, because most requests change none of them.
    status_code = 0
    over = gone = reads_response = unanswered = False
    reader: Reader | None = None
    signed: SignedSend | None = None
    _headers: RawHeaders = ()
    _request_body: Body | None = None
    _response_body: Body | None = None

    def __init__(self, switch: Switch, observer: Observer, scope: Scope, receive: Receive, send: Send) -> None:
        """Mark the request as watched, and start the clock."""
        scope[MARK] = self
        self.context = context = RequestContext(closed_by_plugin=True)
        self._switch = switch
        self._observer = observer
        self._scope = scope
        self._receive = receive
        self._send = send
        self._root_path = scope.get("root_path", "")
        self.span = get_current_span()
        recorder = observer.recorder
        if recorder.events.enabled:
            context.log = RequestLog(self.span)
        if recorder.attributor.enabled:
            self._send = self.signed = SignedSend(self, send, observer.settings.max_body_bytes, switch.swallow)
        self._start = perf_counter()

    async def receive(self) -> Message:
        """Return the next message of the client."""
        message = await self._receive()
        try:
            if message["type"] == "http.request":
                chunk = message.get("body")
                if chunk:
                    self._request_body = self._kept(self._request_body, chunk)
            else:
                self.gone = True
        except Exception as error:  # noqa: BLE001 - no error may reach the service
            self._switch.swallow("WatchedRequest.receive", error)
        return message

    async def send(self, message: Message) -> None:
        """Send a message to the client."""
        try:
            # These steps are inlined, because a function call for each step would cost more than the step.
            kind = message["type"]
            if kind == "http.response.body":
                if self.reads_response:
                    chunk = message.get("body", b"")
                    chunk = chunk if chunk.__class__ is bytes else bytes(chunk)
                    self._response_body = self._kept(self._response_body, chunk)
                if not message.get("more_body"):
                    self.complete()
            elif kind == "http.response.start":
                if message.get("headers", ()).__class__ not in (list, tuple):
                    message = {**message, "headers": list(message["headers"])}
                self._begin_response(message)
            elif kind in ("http.response.pathsend", "http.response.zerocopysend"):
                self.complete()
        except Exception as error:  # noqa: BLE001 - no error may reach the service
            self._switch.swallow("WatchedRequest.send", error)
        try:
            await self._send(message)
        except OSError:
            self.gone = True
            raise

    async def answer(self, failure: Exception, respond: Callable[[], Awaitable[Application]]) -> Application:
        """Call the handler of an exception, and return its response as an application that is watched.

        An exception of the handler ends the watch. ``respond`` calls the handler.
        """
        token = current.set(self.context)
        try:
            response = await respond()
        except BaseException:
            self.end(failure)
            raise
        finally:
            current.reset(token)

        async def watched_response(scope: Scope, receive: Receive, _: Send) -> None:
            try:
                await response(scope, receive, self.send)
            finally:
                self.end(failure)
                if self.signed is not None:
                    await self.release(self.signed)

        return watched_response

    @property
    def holds_slate(self) -> bool:
        """Whether the plugin reads the items from the response."""
        return self.reads_response and self.reader is not None and self.reader.kind is RouteKind.RECOMMENDATION

    def drop_streamed(self) -> None:
        """Count a fault: the slate gets no recommendation id, because the headers were sent before the items."""
        self._observer.faults.drop(
            "slate_unsigned", "a slate that is not streamed, or track_recommendations in the code"
        )

    def complete(self, broken_off: str | None = None) -> None:
        """Record the request, unless it is recorded already. All bytes of the response are known by now.

        ``broken_off`` is ``error`` or ``abandoned`` if the response is not complete.
        """
        if self.over:
            return
        self.over = True
        if self.gone:  # a middleware may end the response itself after the client has left
            broken_off = ABANDONED
        if self.reader is None and self.context.recorded_by is None:
            return
        exchange = HttpExchange(
            self._scope,
            self.status_code,
            self._headers,
            self._observer.faults,
            request_body=self._request_body,
            response_body=self._response_body,
            broken_off=broken_off,
            span=self.span,
        )
        self._observer.finish(self.context, self.reader, exchange, perf_counter() - self._start)

    def end(self, failure: BaseException | None) -> None:
        """Record the request if the application ended without a complete response."""
        try:
            if not self.over:
                abandoned = isinstance(failure, CancelledError)
                self.reader = self.reader or self._switch.routes.find(self._scope, self._root_path)
                self.complete(ABANDONED if abandoned else ERROR)
            if self.context.log is not None:  # the route is not watched, but its code recorded events
                self._observer.recorder.events.emit_held(self.context)
        except Exception as error:  # noqa: BLE001 - no error may reach the service
            self._switch.swallow("WatchedRequest.end", error)

    async def release(self, signed: SignedSend) -> None:
        """Send the messages that wait for a recommendation id, because no more messages follow."""
        try:
            await signed.release()
        except Exception as error:  # noqa: BLE001 - no error may reach the service
            self._switch.swallow("SignedSend.release", error)

    def _begin_response(self, message: Message) -> None:
        """Note the start of the response. The framework has routed the request by now."""
        self.status_code = status = message["status"]
        self._headers = message.get("headers", ())
        if status in REDIRECTS and not is_routed(self._scope):
            return  # a middleware sent the client elsewhere: the client repeats the request, which counts then
        self.reader = reader = self._switch.routes.find(self._scope, self._root_path)
        if reader is None and self._observer.adviser.is_waiting:
            self._observer.adviser.pass_by(template(self._scope, self._root_path))
        self.reads_response = reader is not None and reader.reads_response and 200 <= status < 300

    def _kept(self, body: Body | None, chunk: bytes) -> Body:
        if body is None:
            return Body(self._observer.settings.max_body_bytes, chunk)
        body.add(chunk)
        return body
