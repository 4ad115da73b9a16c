"""Places the watch inside FastAPI applications, in front of their middlewares and inside their server span."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware

from otel_recmon.integrations.asgi import AsgiScope, Host, Receive, Send, observed
from otel_recmon.integrations.exposition import ensure_reader, rendered
from otel_recmon.safety import swallow

_SPLICED = "_otel_recmon_stack"


def add_metrics_route(app: FastAPI, path: str = "/metrics") -> None:
    """Serve the Prometheus metrics of the process at a path of the service itself.

    Call it after the MeterProvider is set up, where the service does that itself, or histograms will lack what
    was recorded before the first scrape.
    """
    ensure_reader()
    app.add_route(path, _metrics, include_in_schema=False)


async def _metrics(request: Request) -> Response:
    body, media_type = await to_thread.run_sync(rendered, request.headers.get("accept", ""))
    return Response(body, headers={"content-type": media_type})


class Installation:
    """The watch in all FastAPI and Starlette applications of the process, until it is removed.

    It hooks Starlette, for a FastAPI application mounted in one gets neither its lifespan nor its whole path.
    """

    def __init__(self, host: Host) -> None:
        """Hook into the applications at their next call, whether or not they have served before."""
        self._host = host
        self._apps: WeakKeyDictionary[Starlette, tuple[Any, Any]] = WeakKeyDictionary()
        self._original = Starlette.__call__
        self._hook = self._hooked(Starlette.__call__)
        Starlette.__call__ = self._hook  # type: ignore[method-assign]  # the one hook there is

    def remove(self) -> None:
        """Restore Starlette and every application, as far as nobody else has changed them since."""
        if Starlette.__call__ is self._hook:
            Starlette.__call__ = self._original  # type: ignore[method-assign]  # as it was
        for app, (parent, watched) in list(self._apps.items()):
            app.__dict__.pop(_SPLICED, None)
            if parent.app is watched:
                parent.app = watched.app

    def _hooked(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        async def call(app: Starlette, scope: AsgiScope, receive: Receive, send: Send) -> None:
            try:
                stack = app.middleware_stack
                if stack is None or app.__dict__.get(_SPLICED) is not stack:
                    self.ensure(app)
            except Exception as error:  # noqa: BLE001 - the host must not notice
                self._shrug(error)
            await original(app, scope, receive, send)

        return call

    def ensure(self, app: Starlette) -> None:
        """Put the watch into an application's middleware stack, which is built for it where there is none."""
        stack = app.middleware_stack
        if stack is None:
            app.middleware_stack = stack = app.build_middleware_stack()
        parent = _innermost_error_middleware(stack)
        if parent is None:
            return
        parent.app = watched = observed(parent.app, self._host)
        app.__dict__[_SPLICED] = stack
        self._apps[app] = parent, watched
        if self._host.observer is not None and self._host.observer.settings.metrics_path:
            ensure_reader()

    def _shrug(self, error: Exception) -> None:
        try:
            if self._host.observer is not None:
                swallow(self._host.observer.faults, "Installation.ensure", error)
        except Exception:  # noqa: BLE001, S110 - not even the counting may reach the host
            pass


def _innermost_error_middleware(stack: Any) -> Any:
    """Return the last error middleware: inside the server span, outside everything the user added."""
    found = None
    while stack is not None:
        if isinstance(stack, ServerErrorMiddleware):
            found = stack
        stack = getattr(stack, "app", None)
    return found
