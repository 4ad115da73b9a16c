"""Turns a finished request into metrics and span attributes; knows neither ASGI nor a framework."""

import logging
import math
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import Span

from otel_recmon.bodies import Body, coding, maybe_json, parsed
from otel_recmon.catalog import ERROR, FAILED, REJECTED, SERVED, SUCCESS, UNRECOGNIZED
from otel_recmon.collector import MetricsCollector
from otel_recmon.config import Settings, variable
from otel_recmon.expressions import Exchange, Source
from otel_recmon.fields import number
from otel_recmon.labels import Labels, clean
from otel_recmon.readers import VERSIONS, Reader, Readers, usual
from otel_recmon.routes import RouteKind, Routes
from otel_recmon.scope import SLATE, Scope

_logger = logging.getLogger("otel_recmon")

MOST_ROUTES = 4096
"""Routes whose readers are remembered."""


@dataclass(slots=True)
class Finished:
    """A request that is over: what was seen of it."""

    reader: Reader | None
    scope: Scope
    span: Span
    exchange: Exchange
    body: Body | None
    status: int
    seconds: float
    broken: bool = False
    """Whether the handler failed, or its stream died half-way."""
    abandoned: bool = False
    """Whether the client went away before the end."""


class Observer:
    """Watches the routes of a service on behalf of one collector."""

    def __init__(self, settings: Settings, metrics: MetricsCollector) -> None:
        """Take the settings and where to record.

        Raises:
            ValueError: If a route pattern or an expression is not valid.
        """
        self.settings = settings
        self.metrics = metrics
        self.faults = metrics.faults
        self._routes = Routes.of(settings)
        self._readers = Readers(settings)
        self._known: dict[tuple[str, str], Reader | None] = {}
        self._silent: set[str] = set()

    def reader(self, method: str, template: str) -> Reader | None:
        """Return how to read a route, or None where it is not watched."""
        key = (method, template)
        if key not in self._known:
            if len(self._known) >= MOST_ROUTES:
                self._known.clear()
            kind = self._routes.kind(method, template)
            self._known[key] = self._readers.reader(kind, method, template) if kind else None
        return self._known[key]

    def finish(self, done: Finished) -> None:
        """Record a finished request."""
        reader, scope = done.reader, done.scope
        if reader is not None and reader.kind is RouteKind.RECOMMENDATION:
            said = scope.slates or scope.status
            self._recommendation(reader, done)
            scope.close(*(() if said else (SLATE,)))
        else:
            self._other(done)
        if scope.log is not None:
            self._leave(done)

    def _other(self, done: Finished) -> None:
        reader, scope = done.reader, done.scope
        if scope.teller is not None:
            status = _status(done) or SUCCESS
            self._close(done, status, FAILED if status == ERROR else SERVED)
        if reader is not None and reader.kind.value not in scope.events and _counts(reader.kind, done):
            self._event(reader, done)
            scope.close(reader.kind.value)
        else:
            scope.close()

    def _recommendation(self, reader: Reader, done: Finished) -> None:
        scope = done.scope
        status = _status(done) or (SUCCESS if scope.teller else None)
        if status is None:
            return
        if status != SUCCESS or scope.slates or not self._answered(reader, done):
            self._close(done, status, FAILED if status == ERROR else UNRECOGNIZED)
        if done.span.is_recording():
            done.span.set_attributes(_span_attributes(scope))

    def _answered(self, reader: Reader, done: Finished) -> bool:
        """Record the slate of a response; say whether its request is recorded with it."""
        exchange, scope = done.exchange, done.scope
        exchange.response = self._content(done)
        slate = reader.slate(exchange, self.faults)
        if slate.items is None:
            self._say_unrecognized(reader)
            scope.outcome = scope.outcome or slate.outcome
            return False
        labels = scope.labels or self.metrics.labels(*self._said(reader, exchange))
        whole = scope.teller is None and scope.seconds is None
        self.metrics.record_slate(scope, labels, slate, done.seconds if whole else None, closes=whole)
        return whole

    def _content(self, done: Finished) -> Any:
        media_type, encoding = coding(done.exchange.raw_response_headers)
        if done.body is None or not done.body.size or not maybe_json(media_type):
            return None
        content = done.body.content(encoding, self.faults)
        try:
            return parsed(content, media_type) if content else None
        except ValueError:
            self.faults.drop("body_unreadable", "a response that is valid JSON, as its content type says")
            return None

    def _close(self, done: Finished, status: str, outcome: str) -> None:
        scope = done.scope
        if scope.labels is None:
            scope.labels = self.metrics.labels(*self._said(done.reader, done.exchange))
        (scope.teller or self.metrics).close_request(scope, status, done.seconds, outcome)

    def _event(self, reader: Reader, done: Finished) -> None:
        exchange = done.exchange
        if reader.reads_body:
            exchange.response = self._content(done)
        labels = dict(zip(Labels._fields, self._said(reader, exchange), strict=True))
        if reader.kind is RouteKind.CLICK:
            self.metrics.track_click(reader.place(exchange), **labels)
        elif reader.kind is RouteKind.CONVERSION:
            said = reader.revenue(exchange)
            revenue = 0.0 if said is None or said == "" else number(said)
            self.metrics.track_conversion(math.nan if revenue is None else revenue, **labels)
        else:
            self.metrics.track_impressions(reader.seen(exchange), **labels)

    def _leave(self, done: Finished) -> None:
        """Log the events of the request, with whom its traffic names."""
        events = self.metrics.recorder.events
        if events is not None:
            events.leave(done.scope, done.reader and done.reader.user(done.exchange))

    def _said(self, reader: Reader | None, exchange: Exchange) -> tuple[str | None, str | None, str | None]:
        """Return the model version, variant and surface that the traffic names."""
        if reader is None:
            return None, None, None
        return (
            self._label(reader.model_version, exchange) or self._echoed(reader, exchange),
            self._label(reader.variant, exchange),
            self._label(reader.surface, exchange),
        )

    def _echoed(self, reader: Reader, exchange: Exchange) -> str | None:
        """Return the model version that a client sends back with an event, if this process has served it."""
        if reader.kind is RouteKind.RECOMMENDATION or not reader.says_version:
            return None
        echoed = clean(usual(VERSIONS, exchange))
        return echoed if echoed in self.metrics.recorder.store.models else None

    def _label(self, find: Source | None, exchange: Exchange) -> str | None:
        value = find(exchange) if find else None
        if value is None or value == "":
            return None
        text = clean(value)
        if text is None:
            self.faults.drop("label_invalid", "a label to be a text of at most 100 characters or a number")
        return text

    def _say_unrecognized(self, reader: Reader) -> None:
        if reader.template not in self._silent and len(self._silent) < MOST_ROUTES:
            self._silent.add(reader.template)
            _logger.warning(
                "otel-recmon finds no items in the responses of %s; set %s to where they are",
                reader.template,
                variable("items"),
            )


def _status(done: Finished) -> str | None:
    """Return the status of a request, None where it is neither a success nor a failure of anybody."""
    if done.broken:
        return ERROR
    if done.abandoned:
        return REJECTED
    return {2: SUCCESS, 4: REJECTED, 5: ERROR}.get(done.status // 100)


def _counts(kind: RouteKind, done: Finished) -> bool:
    if done.broken:
        return False
    redirected = kind is RouteKind.CLICK and done.status in (301, 302, 303, 307, 308)
    return redirected or 200 <= done.status < 300


def _span_attributes(scope: Scope) -> dict[str, str | int | bool]:
    labels = scope.labels
    known = {
        "recommendation.model_version": labels and labels.model_version,
        "recommendation.variant": labels and labels.variant,
        "recommendation.surface": labels and labels.surface,
        "recommendation.outcome": scope.outcome,
        "recommendation.item_count": scope.items,
        "recommendation.cache_hit": scope.cache_hit,
    }
    return {name: value for name, value in known.items() if value is not None}
