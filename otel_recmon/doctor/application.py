"""The application's own code, imported as a server imports it, and its routes as the plugin sees them."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from otel_recmon.doctor.target import DoctorError, Patient
from otel_recmon.reading.routes import RouteKind, Routes


class Watched(NamedTuple):
    """A route of the application, and what it is taken for; None where it is not watched."""

    method: str
    template: str
    kind: RouteKind | None

    def json(self) -> dict[str, str | None]:
        """Return it as it is printed for programs."""
        watched_as = self.kind.value if self.kind else None
        return {"method": self.method, "template": self.template, "watched_as": watched_as}


def imported(patient: Patient) -> Any:
    """Return the application that ``--app`` names.

    Raises:
        DoctorError: It cannot be imported.
    """
    module, colon, name = patient.app.partition(":")
    if not colon:
        raise DoctorError(f"--app {patient.app!r} is not of the form module:app")
    for folder in (str(Path.cwd()), str(patient.folder.resolve())):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise DoctorError(f"{patient.app} cannot be imported: {type(error).__name__}: {error}") from error
    return found


def routes(patient: Patient) -> list[Watched]:
    """Return the routes of the application, in its order, with what each is watched as.

    Raises:
        DoctorError: It cannot be imported, or has no routes.
    """
    app = imported(patient)
    if not hasattr(app, "routes"):
        raise DoctorError(f"{patient.app} has no routes: it is a {type(app).__name__}, not an application")
    watched = Routes.of(patient.settings)
    return [
        Watched(method, template, watched.kind(method, template))
        for template, methods in _templates(app.routes, "")
        for method in methods
    ]


def _templates(listed: Any, prefix: str) -> Iterator[tuple[str, list[str]]]:
    for route in listed:
        path = prefix + (getattr(route, "path", None) or "")
        methods = getattr(route, "methods", None)
        included = getattr(route, "effective_route_contexts", None)  # a router, on FastAPI from 0.137 on
        if methods:
            yield path, sorted(set(methods) - {"HEAD", "OPTIONS"})
        elif included:
            yield from _templates(included(), prefix)
        elif getattr(route, "routes", None):
            yield from _templates(route.routes, path)
