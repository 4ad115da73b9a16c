"""Turns a finished request into metrics and span attributes; knows neither ASGI nor a framework."""

import logging
import math
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.trace import Span

from otel_recmon.catalog import ERROR, FAILED, REJECTED, SERVED, SUCCESS, UNKNOWN, UNRECOGNIZED
from otel_recmon.config import Settings, variable
from otel_recmon.reading.bodies import Body, response_json
from otel_recmon.reading.expressions import Exchange, Source
from otel_recmon.reading.flags import flagged
from otel_recmon.reading.readers import VERSIONS, Reader, Readers, usual
from otel_recmon.reading.routes import RouteKind, Routes
from otel_recmon.recording.collector import MetricsCollector
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.request_context import SLATE, Scope
from otel_recmon.recording.subjects import NOBODY, Subject
from otel_recmon.sdk import describe
from otel_recmon.values import clean, number

_logger = logging.getLogger("otel_recmon")

_NOTHING: Final[frozenset[str]] = frozenset()
_SLATE: Final = frozenset((SLATE,))
_STATUS: Final = {2: SUCCESS, 4: REJECTED, 5: ERROR}
MOST_ROUTES = 4096
"""Routes whose readers are remembered."""


@dataclass
class Finished:
    """A request that is over: what was seen of it. Without slots, so that the class has the defaults."""

    scope: Scope
    span: Span
    exchange: Exchange
    seconds: float
    reader: Reader | None = None
    body: Body | None = None
    status: int = 0
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
        self._experimental = settings.experimental
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
            scope.close(_NOTHING if said else _SLATE)
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
            scope.close(frozenset((reader.kind.value,)))
        else:
            scope.close(_NOTHING)

    def _recommendation(self, reader: Reader, done: Finished) -> None:
        scope = done.scope
        status = _status(done) or (SUCCESS if scope.teller else None)
        if status is None:
            return
        if status != SUCCESS or scope.slates or not self._answered(reader, done):
            self._close(done, status, FAILED if status == ERROR else UNRECOGNIZED)
        if done.span.is_recording():
            describe(done.span, _span_attributes(scope))

    def _answered(self, reader: Reader, done: Finished) -> bool:
        """Record the slate of a response; say whether its request is recorded with it."""
        exchange, scope = done.exchange, done.scope
        exchange.response = self._content(done)
        slate = reader.slate(exchange, self.faults)
        if slate.items is None:
            self._say_unrecognized(reader)
            scope.outcome = scope.outcome or slate.outcome
            return False
        labels = scope.labels or self.metrics.labels(*(self._said(done) if reader.labelled else ()))
        if self._experimental:
            slate.subject = self._subject(done, slate.user)
        if self.metrics.recorder.store.sketches is not None:
            slate.user = reader.user(exchange)
        whole = scope.teller is None and scope.seconds is None
        self.metrics.record_slate(scope, labels, slate, done.seconds if whole else None, closes=whole)
        return whole

    def _content(self, done: Finished) -> Any:
        if done.body is None or not done.body.size:
            return None
        try:
            return response_json(done.body, done.exchange.raw_response_headers, self.faults)
        except ValueError:
            self.faults.drop("body_unreadable", "a response that is valid JSON, as its content type says")
            return None

    def _close(self, done: Finished, status: str, outcome: str) -> None:
        scope = done.scope
        if scope.labels is None:
            labels = self.metrics.labels(*self._said(done))
            scope.labels = labels if status == SUCCESS else self._blamed(labels)
        if self._experimental and status == SUCCESS:
            scope.subject = self._subject(done)
        (scope.teller or self.metrics).close_request(scope, status, done.seconds, outcome)

    def _blamed(self, labels: Labels) -> Labels:
        """Count a failure, which names no version where answers do, under the only version that has answered."""
        if labels.model_version != UNKNOWN:
            return labels
        answering = [version for version in self.metrics.recorder.store.serving() if version != UNKNOWN]
        return labels._replace(model_version=answering[0]) if len(answering) == 1 else labels

    def _event(self, reader: Reader, done: Finished) -> None:
        exchange = done.exchange
        if reader.reads_body:
            exchange.response = self._content(done)
        labels = dict(zip(Labels._fields, self._said(done), strict=True))
        slate = None if self.metrics.recorder.attributor is None else reader.recommendation_id(exchange)
        who = self._whose(done)
        if reader.kind is RouteKind.CLICK:
            if slate:
                who |= {"item_id": reader.event_item_id(exchange), "user_id": reader.user(exchange)}
            self.metrics.track_click(reader.place(exchange), **labels, **who, recommendation_id=slate)
        elif reader.kind is RouteKind.CONVERSION:
            said = reader.revenue(exchange)
            revenue = 0.0 if said is None or said == "" else number(said)
            revenue = math.nan if revenue is None else revenue
            self.metrics.track_conversion(revenue, **labels, **who, recommendation_id=slate)
        else:
            seen = reader.seen(exchange)
            self.metrics.track_impressions(seen.positions, **labels, recommendation_id=slate, item_ids=seen.items)

    def _leave(self, done: Finished) -> None:
        """Log the events of the request, with whom its traffic names."""
        events = self.metrics.recorder.events
        if events is not None:
            events.leave(done.scope, done.reader and done.reader.user(done.exchange))

    def _subject(self, done: Finished, user: Any = None) -> Subject | None:
        return self.metrics.subject(done.scope, *self._whose(done, user).values())

    def _whose(self, done: Finished, user: Any = None) -> dict[str, Any]:
        """Return the experiment and the user that the traffic names, where nobody has said them."""
        if not self._experimental or done.reader is None:
            return {"experiment": None, "user_id": None}
        known = done.scope.subject or NOBODY
        return {
            "experiment": known.experiment or self._label(done.reader.experiment, done.exchange),
            "user_id": done.reader.user(done.exchange) if known.user is user is None else user,
        }

    def _said(self, done: Finished) -> tuple[str | None, str | None, str | None]:
        """Return the model version, variant and surface that the traffic names."""
        reader, exchange = done.reader, done.exchange
        if reader is None:
            return None, None, None
        return (
            self._label(reader.model_version, exchange) or self._echoed(reader, exchange),
            self._label(reader.variant, exchange) or (self._flagged(reader, done) if self._experimental else None),
            self._label(reader.surface, exchange),
        )

    def _flagged(self, reader: Reader, done: Finished) -> str | None:
        """Return the variant of the feature flag that the experiment is the key of."""
        key = self._label(reader.experiment, done.exchange) or self.settings.experiment
        return self._label(lambda _: flagged(done.span, key), done.exchange) if key else None

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
    return _STATUS.get(done.status // 100)


def _counts(kind: RouteKind, done: Finished) -> bool:
    if done.broken:
        return False
    redirected = kind is RouteKind.CLICK and done.status in (301, 302, 303, 307, 308)
    return redirected or 200 <= done.status < 300


def _span_attributes(scope: Scope) -> dict[str, str | int | bool]:
    known: dict[str, str | int | bool] = {}
    labels = scope.labels
    if labels is not None:
        known["recommendation.model_version"] = labels.model_version
        if labels.variant is not None:
            known["recommendation.variant"] = labels.variant
        if labels.surface is not None:
            known["recommendation.surface"] = labels.surface
    if scope.outcome is not None:
        known["recommendation.outcome"] = scope.outcome
    if scope.items is not None:
        known["recommendation.item_count"] = scope.items
    if scope.cache_hit is not None:
        known["recommendation.cache_hit"] = scope.cache_hit
    return known
