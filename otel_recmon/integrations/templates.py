"""The route template of an ASGI request, as Starlette and FastAPI keep it in the scope."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from otel_recmon.integrations.asgi_types import Scope
from otel_recmon.reading.observer import MOST_ROUTES

_FULL = 2
T = TypeVar("T")


class RouteCache(Generic[T]):
    """A cache of lookups by method and template.

    Its keys are the route objects of the framework, so that the template is computed only once for each route.
    """

    def __init__(self, lookup: Callable[[str, str], T | None]) -> None:
        self._lookup = lookup
        self._routes: dict[tuple[str, int], tuple[object, T | None]] = {}

    def find(self, asgi: Scope, root: str) -> T | None:
        """Return the result of the lookup for the route of a request. ``root`` is the root path before routing."""
        framework = asgi.get("fastapi")
        route = (framework and framework.get("effective_route_context")) or asgi.get("route")
        if getattr(route, "path", None) is None or asgi.get("root_path", "") != root:
            return self._found(asgi, root)
        key = asgi["method"], id(route)
        known = self._routes.get(key)
        if known is None:
            if len(self._routes) >= MOST_ROUTES:
                self._routes.clear()
            # The value holds the route, because a new object could get the id() of a deleted one.
            known = self._routes[key] = route, self._found(asgi, root)
        return known[1]

    def clear(self) -> None:
        """Forget all results."""
        self._routes.clear()

    def _found(self, asgi: Scope, root: str) -> T | None:
        found = template(asgi, root)
        return self._lookup(asgi["method"], found) if found else None


def listed(routes: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the method and the template of each route of an application, except HEAD and OPTIONS."""
    for route in routes:
        path = prefix + (getattr(route, "path", None) or "")
        methods = getattr(route, "methods", None)
        included = getattr(route, "effective_route_contexts", None)  # an included router, since FastAPI 0.137
        if methods:
            yield from ((method, path) for method in sorted(set(methods) - {"HEAD", "OPTIONS"}))
        elif included:
            yield from listed(included(), prefix)
        elif getattr(route, "routes", None):
            yield from listed(route.routes, path)


def is_routed(asgi: Scope) -> bool:
    """Return whether the router has chosen the endpoint of a route. If not, a middleware has answered the request.

    A mount sets its application as the endpoint, before the middleware and the routes of this application.
    """
    endpoint = asgi.get("endpoint")
    return endpoint is not None and not hasattr(endpoint, "routes") and not hasattr(endpoint, "app")


def template(asgi: Scope, root: str) -> str | None:
    """Return the template of the route that handled a request, including its mounts; None if no route matched.

    ``root`` is the root path before routing. During routing, each mount has added its path to the root path in the
    scope.
    """
    found = _path(asgi)
    if found is None:
        found = _would_match(asgi)
    return None if found is None else _mounted(asgi, root) + found


def _path(asgi: Scope) -> str | None:
    # In FastAPI 0.137 and later, the path of a route lacks the prefix of include_router.
    framework = asgi.get("fastapi")
    context = framework.get("effective_route_context") if framework else None
    route = asgi.get("route")
    if context is not None and getattr(route, "path", None) is not None and route is not context.original_route:
        context = None  # the context belongs to an outer mount
    path = getattr(context, "path", None) or getattr(getattr(context, "starlette_route", None), "path", None)
    return path if path is not None else getattr(route, "path", None)


def _mounted(asgi: Scope, root: str) -> str:
    now = asgi.get("root_path", "")
    if now == root:
        return ""
    prefix = now[len(root) :] if now.startswith(root) else ""
    for name, value in asgi.get("path_params", {}).items() if prefix else ():
        prefix = f"{prefix}/".replace(f"/{value}/", f"/{{{name}}}/").rstrip("/")
    return prefix


def _would_match(asgi: Scope) -> str | None:
    """Return the template that routing would find. Used if a middleware answered the request before the routing."""
    for route in _flat(getattr(asgi.get("app"), "routes", ())):
        match, child = route.matches(asgi)
        if match.value == _FULL:
            return _below(route, asgi, child) or _path(child) or getattr(route, "path", None)
    return None


def _below(route: Any, asgi: Scope, child: Scope) -> str | None:
    """Return the template inside a mounted application, with the path of the mount."""
    if "root_path" not in child:
        return None
    found = _would_match({**asgi, **child, "app": route.app})
    return None if found is None else f"{route.path}{found}"


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    # FastAPI 0.137 and later keeps an included router as one route, and its own routes in a method.
    for route in routes:
        within = getattr(route, "effective_route_contexts", None)
        for context in within() if within else (route,):
            yield getattr(context, "starlette_route", None) or context
