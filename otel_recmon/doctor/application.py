"""The application's routes and their classification by the plugin."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from opentelemetry.metrics import get_meter_provider

from otel_recmon.doctor.target import DoctorError, Target
from otel_recmon.integrations.templates import listed
from otel_recmon.reading.routes import RouteKind, Routes


class ApplicationRoute(NamedTuple):
    """A route of the application. ``kind`` is assigned by the plugin; None for a route that is not watched."""

    method: str
    template: str
    kind: RouteKind | None

    def json(self) -> dict[str, str | None]:
        """Return the route for the `--json` output."""
        watched_as = self.kind.value if self.kind else None
        return {"method": self.method, "template": self.template, "watched_as": watched_as}


def import_application(target: Target) -> Any:
    """Return the object that ``--app`` names.

    Raises:
        DoctorError: The object cannot be imported.
    """
    module, colon, name = target.app.partition(":")
    if not colon:
        raise DoctorError(f"--app {target.app!r} is not of the form module:app")
    # Servers such as uvicorn import from the working directory, which a console script does not have on sys.path.
    for folder in (str(Path.cwd()), str(target.folder.resolve())):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise DoctorError(f"{target.app} cannot be imported: {type(error).__name__}: {error}") from error
    return found


def list_routes(target: Target) -> list[ApplicationRoute]:
    """Return the routes of the application and their kinds, in the order in which the application lists them.

    Raises:
        DoctorError: The application cannot be imported, or has no routes.
    """
    app = import_application(target)
    if not hasattr(app, "routes"):
        raise DoctorError(f"{target.app} has no routes: it is a {type(app).__name__}, not an application")
    watched = Routes.of(target.settings)
    return [
        ApplicationRoute(method, template, watched.kind(method, template)) for method, template in listed(app.routes)
    ]


def sets_meter_provider() -> bool:
    """Return whether the imported application has set a meter provider of the SDK."""
    return hasattr(get_meter_provider(), "add_metric_reader")
