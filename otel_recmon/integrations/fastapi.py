"""The hook that adds the middleware to FastAPI applications, inside the server span and outside user middleware."""

from collections.abc import Callable
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any
from weakref import WeakKeyDictionary, ref

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.errors import ServerErrorMiddleware

from otel_recmon.integrations.asgi import MARK, Switch, WatchedRequest, WatchMiddleware
from otel_recmon.integrations.asgi_types import Receive, Scope, Send
from otel_recmon.integrations.exposition import SCRAPE_HEADER, ensure_reader, rendered
from otel_recmon.integrations.templates import listed

_SPLICED = "_otel_recmon_stack"


def add_metrics_route(app: FastAPI, path: str = "/metrics") -> None:
    """Add a route to the application that serves the Prometheus metrics of the process.

    If the service sets up a MeterProvider itself, call this function after the set-up. Otherwise the histograms lack
    the values that are recorded before the first scrape.
    """
    ensure_reader()
    app.add_route(path, _metrics, include_in_schema=False)


async def _metrics(request: Request) -> Response:
    body, media_type = await to_thread.run_sync(
        rendered, request.headers.get("accept", ""), SCRAPE_HEADER in request.headers
    )
    return Response(body, headers={"content-type": media_type})


class Installation:
    """The middleware in all FastAPI and Starlette applications of the process, until it is removed.

    It hooks into Starlette as well, because a FastAPI application that is mounted in a Starlette application receives
    neither the lifespan messages nor the whole path.
    """

    def __init__(self, switch: Switch) -> None:
        """Add the middleware to each application at its next call. The application may have served requests before."""
        self._switch = switch
        self._apps: WeakKeyDictionary[Starlette, tuple[Any, Any]] = WeakKeyDictionary()
        self._original = Starlette.__call__
        self._hook = self._hooked(Starlette.__call__)
        Starlette.__call__ = self._hook  # type: ignore[method-assign]  # the hook replaces the method

    def remove(self) -> None:
        """Restore Starlette and every application. What other code has changed since is left as it is."""
        if Starlette.__call__ is self._hook:
            Starlette.__call__ = self._original  # type: ignore[method-assign]  # the original method
        for app, (parent, watched) in list(self._apps.items()):
            app.__dict__.pop(_SPLICED, None)
            if parent.app is watched:
                parent.app = watched.app
            if isinstance(parent.handler, _WatchedHandler):
                parent.handler = parent.handler.handler

    def _hooked(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        async def call(app: Starlette, scope: Scope, receive: Receive, send: Send) -> None:
            try:
                stack = app.middleware_stack
                if stack is None or app.__dict__.get(_SPLICED) is not stack:
                    self.ensure(app)
            except Exception as error:  # noqa: BLE001 - no error may reach the service
                self._switch.swallow("Installation.ensure", error)
            await original(app, scope, receive, send)

        return call

    def ensure(self, app: Starlette) -> None:
        """Add the middleware to the middleware stack of an application. If there is no stack yet, build it first."""
        stack = app.middleware_stack
        if stack is None:
            app.middleware_stack = stack = app.build_middleware_stack()
        parent = _innermost_error_middleware(stack)
        if parent is None:
            return
        parent.app = watched = WatchMiddleware(parent.app, self._switch)
        if parent.handler is not None and not parent.debug:
            if not isinstance(parent.handler, _WatchedHandler):  # it is, if the stack was changed after an earlier call
                parent.handler = _WatchedHandler(parent.handler)
            watched.handles_errors = True
        app.__dict__[_SPLICED] = stack
        self._apps[app] = parent, watched
        observer = self._switch.observer
        if observer is None:
            return
        if observer.adviser.listed is None:  # the first application has the others as mounts
            observer.adviser.listed = partial(_listed, ref(app))
        if observer.settings.metrics_path:
            ensure_reader()


def _listed(app: Callable[[], Starlette | None]) -> list[tuple[str, str]]:
    found = app()
    return [] if found is None else list(listed(found.routes))


class _WatchedHandler:
    """The handler of an application for all exceptions. The plugin records the response of this handler."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self.handler = handler

    async def __call__(self, request: Request, failure: Exception) -> Any:
        """Return the response of the handler, as an application that the plugin watches."""

        async def respond() -> Any:
            if _is_async(self.handler):
                return await self.handler(request, failure)
            return await run_in_threadpool(self.handler, request, failure)

        watched = request.scope.get(MARK)
        # The response of a mounted application passes the outer middleware, and the watch sees it there.
        if isinstance(watched, WatchedRequest) and watched.unanswered:
            return await watched.answer(failure, respond)
        return await respond()


def _is_async(handler: Any) -> bool:
    while isinstance(handler, partial):
        handler = handler.func
    return iscoroutinefunction(handler) or iscoroutinefunction(handler.__call__)


def _innermost_error_middleware(stack: Any) -> Any:
    """Return the innermost error middleware. It is inside the server span and outside every user middleware."""
    found = None
    while stack is not None:
        if isinstance(stack, ServerErrorMiddleware):
            found = stack
        stack = getattr(stack, "app", None)
    return found
