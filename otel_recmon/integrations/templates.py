"""The route template of an ASGI request, as far as its framework says it."""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, Generic, TypeVar

from otel_recmon.reading.observer import MOST_ROUTES

_FULL = 2
T = TypeVar("T")


class Known(Generic[T]):
    """What is known of the routes that requests took, by the objects that stand for these in the framework."""

    def __init__(self, find: Callable[[str, str], T | None]) -> None:
        """Take how to find it by the method and the template."""
        self._find = find
        self._routes: dict[tuple[str, int], tuple[object, T | None]] = {}

    def of(self, asgi: MutableMapping[str, Any], root: str) -> T | None:
        """Return what is known of a request's route; ``root`` is the root path before routing."""
        framework = asgi.get("fastapi")
        route = (framework and framework.get("effective_route_context")) or asgi.get("route")
        if getattr(route, "path", None) is None or asgi.get("root_path", "") != root:
            return self._found(asgi, root)
        key = asgi["method"], id(route)
        known = self._routes.get(key)
        if known is None:
            if len(self._routes) >= MOST_ROUTES:
                self._routes.clear()
            # The route is kept with it: another object could have its id once it is gone.
            known = self._routes[key] = route, self._found(asgi, root)
        return known[1]

    def _found(self, asgi: MutableMapping[str, Any], root: str) -> T | None:
        found = template(asgi, root)
        return self._find(asgi["method"], found) if found else None


def template(asgi: MutableMapping[str, Any], root: str) -> str | None:
    """Return the template of the route that handled a request, mount path included; None where there is none.

    ``root`` is the root path before routing: what mounts have added to it since is part of the template.
    """
    found = _path(asgi)
    if found is None:
        found = _would_match(asgi)
    return None if found is None else _mounted(asgi, root) + found


def _path(asgi: MutableMapping[str, Any]) -> str | None:
    # The route's own path lacks the prefix of include_router on FastAPI from 0.137 on.
    framework = asgi.get("fastapi")
    context = framework.get("effective_route_context") if framework else None
    route = asgi.get("route")
    if context is not None and getattr(route, "path", None) is not None and route is not context.original_route:
        context = None  # that of a mount further out
    path = getattr(context, "path", None) or getattr(getattr(context, "starlette_route", None), "path", None)
    return path if path is not None else getattr(route, "path", None)


def _mounted(asgi: MutableMapping[str, Any], root: str) -> str:
    now = asgi.get("root_path", "")
    if now == root:
        return ""
    prefix = now[len(root) :] if now.startswith(root) else ""
    for name, value in asgi.get("path_params", {}).items() if prefix else ():
        prefix = f"{prefix}/".replace(f"/{value}/", f"/{{{name}}}/").rstrip("/")
    return prefix


def _would_match(asgi: MutableMapping[str, Any]) -> str | None:
    """Return the template that a request would have had, which a middleware answered before it was routed."""
    for route in _flat(getattr(asgi.get("app"), "routes", ())):
        match, child = route.matches(asgi)
        if match.value == _FULL:
            return _below(route, asgi, child) or _path(child) or getattr(route, "path", None)
    return None


def _below(route: Any, asgi: MutableMapping[str, Any], child: MutableMapping[str, Any]) -> str | None:
    """Return the template within a mounted application, with the path of the mount."""
    if "root_path" not in child:
        return None
    found = _would_match({**asgi, **child, "app": route.app})
    return None if found is None else f"{route.path}{found}"


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    # FastAPI from 0.137 on holds an included router as one route, which says nothing of those in it.
    for route in routes:
        within = getattr(route, "effective_route_contexts", None)
        for context in within() if within else (route,):
            yield getattr(context, "starlette_route", None) or context
