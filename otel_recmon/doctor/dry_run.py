"""A dry run of the plugin on one recorded response. It uses the real observer and settings, but counts nothing."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlencode, urlsplit

from opentelemetry.metrics import NoOpMeterProvider

from otel_recmon.doctor.application import ApplicationRoute
from otel_recmon.doctor.target import DoctorError, Target
from otel_recmon.reading.advice import what_helps
from otel_recmon.reading.bodies import Body
from otel_recmon.reading.http_exchange import HttpExchange
from otel_recmon.reading.observer import Observer
from otel_recmon.reading.reader import Reader, Readers
from otel_recmon.reading.routes import RouteKind
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.request_context import RequestContext
from otel_recmon.safety import Faults

_JSON_LINES: Final = (".ndjson", ".jsonl")
DEFAULT_REQUEST: Final = "GET /recommendations"


@dataclass(frozen=True)
class RecordedExchange:
    """A request and its response, as the options of ``--try`` describe them.

    Attributes:
        request: Method, path and query, such as ``GET /users/7/recommendations?limit=5``. Or the name of a JSON file
            whose object has ``method``, ``path``, ``query``, ``headers`` and ``body``; only ``path`` is required.
        response: The file with the response body.
        headers: The request headers, each ``name: value``.
        response_headers: The response headers, each ``name: value``.
    """

    request: str
    response: Path
    headers: Sequence[str] = ()
    response_headers: Sequence[str] = ()


@dataclass(frozen=True)
class DryRun:
    """The values that the plugin reads from one exchange; ``items`` is None if the plugin finds no list of items.

    The field names are those of the `--json` output.
    """

    route: str
    watched_as: str | None
    outcome: str | None
    model_version: str | None
    variant: str | None
    surface: str | None
    user: Any
    requested: int | None
    items: list[Any] | None
    advice: str | None
    """What helps if the plugin finds no items."""
    categories: list[Any] | None
    scores: list[Any] | None
    positions: list[Any] | None
    set_aside: dict[str, int] = field(default_factory=dict)

    @property
    def successful(self) -> bool:
        """True if the route is watched for recommendations and its items are recognised."""
        return self.watched_as == RouteKind.RECOMMENDATION.value and self.items is not None

    def json(self) -> dict[str, Any]:
        """Return the result for the `--json` output."""
        return asdict(self)


def dry_run(target: Target, recorded: RecordedExchange, routes: Sequence[ApplicationRoute] = ()) -> DryRun:
    """Read a response as the plugin does.

    Args:
        target: The service whose settings apply.
        recorded: The request and the response.
        routes: The routes of the application. If there are none, the path itself is the route template.

    Raises:
        DoctorError: The response file or the request cannot be read, or no route matches the request.
    """
    request = _request(recorded)
    method = request.method
    template, parameters = _route(routes, method, request.path)
    scope = {"method": method, "query_string": request.query, "headers": request.headers, "path_params": parameters}
    observer = _observer(target)
    most = observer.settings.max_body_bytes
    exchange = HttpExchange(
        scope,
        200,
        _response_headers(recorded),
        observer.faults,
        request_body=Body(most, request.body) if request.body else None,
        response_body=Body(most, _content(recorded.response)),
    )
    watched = observer.reader(method, template)
    # An unwatched route is read as one for recommendations, to show the effect of adding it to OTEL_RECMON_ROUTES.
    readers = Readers(observer.settings, observer.recorder.store)
    reader = watched or readers.reader(RouteKind.RECOMMENDATION, method, template)
    counted = RequestContext(closed_by_plugin=True)
    observer.finish(counted, reader, exchange, 0.0)
    return _result(f"{method} {template}", watched, reader, counted, exchange, observer.faults)


def _result(
    route: str, watched: Reader | None, reader: Reader, counted: RequestContext, exchange: HttpExchange, faults: Faults
) -> DryRun:
    slate = reader.slates.read(exchange, Faults())  # new Faults, because the observer has counted the faults already
    labels = counted.labels
    return DryRun(
        route=route,
        watched_as=watched.kind.value if watched else None,
        outcome=counted.outcome,
        model_version=labels and labels.model_version,
        variant=labels and labels.variant,
        surface=labels and labels.surface,
        user=reader.user(exchange),
        requested=slate.requested,
        items=slate.items,
        advice=what_helps(exchange) if slate.items is None else None,
        categories=slate.categories,
        scores=slate.scores,
        positions=slate.positions,
        set_aside=dict(faults.dropped),
    )


def _observer(target: Target) -> Observer:
    settings = replace(target.settings, log_events=False)
    provider = NoOpMeterProvider()
    shared = recorder(provider)
    shared.configure(settings)
    return Observer(settings, Defaults(shared))


class _Request(NamedTuple):
    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""


def _request(recorded: RecordedExchange) -> _Request:
    text, headers = recorded.request.strip(), _pairs(recorded.headers)
    if text.endswith(".json") and " " not in text:
        return _request_of_file(Path(text), headers)
    method, space, url = text.partition(" ")
    parts = urlsplit(url.strip())
    if not space or not parts.path.startswith("/"):
        raise DoctorError(f"--request {text!r} is neither a JSON file nor of the form {DEFAULT_REQUEST!r}")
    return _Request(method.upper(), parts.path, parts.query.encode(), headers)


def _request_of_file(file: Path, headers: list[tuple[bytes, bytes]]) -> _Request:
    try:
        given = json.loads(file.read_bytes())
        url = urlsplit(given["path"])
        query = urlencode(given.get("query", {}), doseq=True) or url.query
        own = _pairs([f"{name}: {value}" for name, value in given.get("headers", {}).items()])
        body = given.get("body")
    except OSError as error:
        raise DoctorError(f"--request {file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DoctorError(
            f'--request {file} is not a JSON object such as {{"method": "POST", "path": "/recommend", "body": {{}}}}'
        ) from error
    content = b"" if body is None else json.dumps(body).encode()
    kind = [(b"content-type", b"application/json")] if content else []
    method = str(given.get("method") or ("POST" if content else "GET"))
    return _Request(method.upper(), url.path, query.encode(), [*kind, *own, *headers], content)


def _route(routes: Sequence[ApplicationRoute], method: str, path: str) -> tuple[str, Mapping[str, str]]:
    """Return the route template that matches a method and a path, and the values of the path's parameters."""
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


def _response_headers(recorded: RecordedExchange) -> list[tuple[bytes, bytes]]:
    kind = b"application/x-ndjson" if recorded.response.suffix in _JSON_LINES else b"application/json"
    # A header of the command line comes last, so it takes precedence over the type from the file name.
    return [(b"content-type", kind), *_pairs(recorded.response_headers)]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DoctorError(f"--try {path}: {error.strerror}") from error
