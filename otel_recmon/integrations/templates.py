"""The route template of an ASGI request, as far as its framework says it."""

from collections.abc import MutableMapping
from typing import Any

_FULL = 2


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
    path = getattr(framework.get("effective_route_context"), "path", None) if framework else None
    return path if path is not None else getattr(asgi.get("route"), "path", None)


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
    for route in getattr(asgi.get("app"), "routes", ()):
        match, child = route.matches(asgi)
        if match.value == _FULL:
            return _path(child) or getattr(route, "path", None)
    return None
