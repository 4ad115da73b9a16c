"""What the plugin would make of a response: the real observer, with the settings as they are, recording nowhere."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from opentelemetry.metrics import NoOpMeterProvider

from otel_recmon.doctor.application import Watched
from otel_recmon.doctor.target import DoctorError, Patient
from otel_recmon.reading.bodies import Body
from otel_recmon.reading.http_exchange import HttpExchange
from otel_recmon.reading.observer import Observer
from otel_recmon.reading.reader import Reader, Readers
from otel_recmon.reading.routes import RouteKind
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.request_context import RequestContext
from otel_recmon.safety import Faults

_LINES: Final = (".ndjson", ".jsonl")
DEFAULT: Final = "GET /recommendations"


@dataclass(frozen=True)
class Asked:
    """A request, and what came back.

    Attributes:
        request: Method, path and query, such as ``GET /users/7/recommendations?limit=5``.
        headers: ``name: value``, of the request.
        response_headers: The same, of the response.
        response: The file with the body of the response.
    """

    request: str
    response: Path
    headers: Sequence[str] = ()
    response_headers: Sequence[str] = ()


@dataclass(frozen=True)
class Trial:
    """What was read; ``items`` is None where nothing looks like items."""

    route: str
    watched_as: str | None
    outcome: str | None
    model_version: str | None
    variant: str | None
    surface: str | None
    user: Any
    requested: int | None
    items: list[Any] | None
    categories: list[Any] | None
    scores: list[Any] | None
    positions: list[Any] | None
    set_aside: dict[str, int] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether the route is watched for recommendations, and its items are found."""
        return self.watched_as == RouteKind.RECOMMENDATION.value and self.items is not None

    def json(self) -> dict[str, Any]:
        """Return it as it is printed for programs."""
        return asdict(self)


def trial(patient: Patient, asked: Asked, routes: Sequence[Watched] = ()) -> Trial:
    """Read a response as the plugin would.

    Args:
        patient: The service, for its settings.
        asked: The request and the response.
        routes: The routes of its application, where they are known; else the path is the route.

    Raises:
        DoctorError: The file or the request cannot be read.
    """
    method, path, query = _request(asked.request)
    template, parameters = _route(routes, method, path)
    scope = {"method": method, "query_string": query, "headers": _pairs(asked.headers), "path_params": parameters}
    observer = _observer(patient)
    body = Body(observer.settings.max_body_bytes, _content(asked.response))
    exchange = HttpExchange(scope, 200, _response_headers(asked), observer.faults, response_body=body)
    watched = observer.reader(method, template)
    reader = watched or Readers(observer.settings, observer.recorder.store).reader(
        RouteKind.RECOMMENDATION, method, template
    )
    counted = RequestContext(closed_by_plugin=True)
    observer.finish(counted, reader, exchange, 0.0)
    return _trial(f"{method} {template}", watched, reader, counted, exchange, observer.faults)


def _trial(
    route: str, watched: Reader | None, reader: Reader, counted: RequestContext, exchange: HttpExchange, faults: Faults
) -> Trial:
    slate = reader.slates.read(exchange, Faults())
    labels = counted.labels
    return Trial(
        route=route,
        watched_as=watched.kind.value if watched else None,
        outcome=counted.outcome,
        model_version=labels and labels.model_version,
        variant=labels and labels.variant,
        surface=labels and labels.surface,
        user=reader.user(exchange),
        requested=slate.requested,
        items=slate.items,
        categories=slate.categories,
        scores=slate.scores,
        positions=slate.positions,
        set_aside=dict(faults.dropped),
    )


def _observer(patient: Patient) -> Observer:
    settings = replace(patient.settings, log_events=False)
    provider = NoOpMeterProvider()
    shared = recorder(provider)
    shared.configure(settings)
    return Observer(settings, Defaults(shared))


def _request(text: str) -> tuple[str, str, bytes]:
    method, space, target = text.strip().partition(" ")
    parts = urlsplit(target.strip())
    if not space or not parts.path.startswith("/"):
        raise DoctorError(f"--request {text!r} is not of the form {DEFAULT!r}")
    return method.upper(), parts.path, parts.query.encode()


def _route(routes: Sequence[Watched], method: str, path: str) -> tuple[str, Mapping[str, str]]:
    """Return the template that a path belongs to, and its parameters."""
    for route in routes:
        found = re.fullmatch(_pattern(route.template), path) if route.method == method else None
        if found:
            names = re.findall(r"\{(\w+)[^}]*\}", route.template)
            return route.template, dict(zip(names, map(unquote, found.groups()), strict=True))
    if routes:
        raise DoctorError(f"the application has no route for {method} {path}")
    return path, {}


def _pattern(template: str) -> str:
    parts = re.split(r"(\{[^}]*\})", template)
    return "".join(("(.+)" if ":path" in part else "([^/]+)") if part[:1] == "{" else re.escape(part) for part in parts)


def _pairs(headers: Sequence[str]) -> list[tuple[bytes, bytes]]:
    pairs = (header.partition(":") for header in headers)
    return [(name.strip().lower().encode(), value.strip().encode()) for name, _, value in pairs]


def _response_headers(asked: Asked) -> list[tuple[bytes, bytes]]:
    kind = b"application/x-ndjson" if asked.response.suffix in _LINES else b"application/json"
    return [(b"content-type", kind), *_pairs(asked.response_headers)]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DoctorError(f"--try {path}: {error.strerror}") from error
