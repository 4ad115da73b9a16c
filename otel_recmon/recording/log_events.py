"""The event log: an OpenTelemetry log event for each slate and each user event.

The events of a request are held until the request is over. They are then logged with the trace id and the span id of
the server span.
"""

import hmac
import logging
from collections.abc import Iterable, Iterator, Mapping
from time import time_ns
from typing import Any, Final, NamedTuple

from opentelemetry._logs import Logger, LogRecord, SeverityNumber, get_logger, get_logger_provider
from opentelemetry.context import Context
from opentelemetry.trace import Span, get_current_span, set_span_in_context

from otel_recmon import values
from otel_recmon._version import __version__
from otel_recmon.catalog import (
    ERROR,
    EVENT_ATTRIBUTES,
    EVENT_PREFIX,
    FAILED,
    NO_CATEGORY,
    OTHER,
    REJECTED,
    SUCCESS,
)
from otel_recmon.config import Settings, variable
from otel_recmon.recording.cells import Cells
from otel_recmon.recording.experiments import ArmBucket
from otel_recmon.recording.item_catalog import Categories
from otel_recmon.recording.optional import when_enabled
from otel_recmon.recording.request_context import Entry, RequestContext, RequestLog, active_request, current
from otel_recmon.recording.slate import MOST_ITEMS, Slate, categories_in, sequence
from otel_recmon.safety import Faults

_logger = logging.getLogger("otel_recmon")

MOST_HELD: Final = 100
"""The maximum number of events, and the maximum number of stages, that are held for one request."""
_HASH_BYTES: Final = 16
_LOGGER_NAME: Final = "otel_recmon"
_NAMES: Final = {attribute.name: EVENT_PREFIX + attribute.name for attribute in EVENT_ATTRIBUTES}


class SlateResult(NamedTuple):
    """The counted parts of a slate, and the result of its request if slate and request were counted together."""

    items: tuple[Any, ...]
    length: int
    outcome: str
    seconds: float | None
    missed: int | None
    """1 if the response missed the service level objective, 0 if not; None if the response has no latency."""
    closes: bool
    """Whether the request was counted together with the slate."""
    arm: ArmBucket | None = None


class RequestResult(NamedTuple):
    """The status, outcome and latency with which a request was counted."""

    status: str
    outcome: str
    seconds: float
    missed: int | None
    arm: ArmBucket | None = None


class EventLog:
    """Logs each counted event with the global logger provider. The length of each attribute is bounded."""

    def __init__(self, settings: Settings, faults: Faults, catalog: Categories) -> None:
        self.enabled = settings.log_events
        self.faults = faults
        self._key = (settings.user_hash_key or "").encode()
        self._clients_report = settings.clients_report_impressions
        self._catalog = catalog
        self._log: Logger | None = None

    @when_enabled
    def slate(self, request: RequestContext | None, cells: Cells, slate: Slate, result: SlateResult) -> None:
        """Log a slate. The event of the first slate of a request is also the event of the request."""
        attributes: dict[str, Any] = {
            "user": self.hash_user(slate.user),
            "outcome": result.outcome,
            "item_count": result.length,
            "items": [values.short_id(item) for item in result.items],
            "positions": self._positions(slate.positions, result.length),
            "categories": self._categories(cells, slate.categories, result),
            "scores": values.scores(sequence(slate.scores), result.length),
            "impressions": False if self._clients_report else None,
            **_arm(result.arm),
        }
        status = ERROR if result.outcome == FAILED else SUCCESS
        if result.closes:
            attributes |= {"status": status, **_timing(result.seconds, result.missed)}
        if request is None and slate.cache_hit is not None:
            attributes |= _lookups(bool(slate.cache_hit), not slate.cache_hit)
        entry = Entry(time_ns(), _name(status), _without_none(cells.attributes | attributes))
        if request is not None and _log(request).request is None:
            _log(request).request = entry
        else:
            self._hold(request, entry)

    @when_enabled
    def request(self, cells: Cells, status: str, outcome: str, arm: ArmBucket | None) -> None:
        """Log a request that ``track_request`` counts at once, because no ``RequestContext`` is active."""
        attributes = cells.attributes | {"status": status, "outcome": outcome, **_arm(arm)}
        self._hold(None, Entry(time_ns(), _name(status), attributes))

    @when_enabled
    def close_request(self, request: RequestContext, cells: Cells, result: RequestResult) -> None:
        """Add the result of a request to the event of the request."""
        log = _log(request)
        first = log.request or Entry(time_ns(), "", dict(cells.attributes))
        attributes = {
            "status": result.status,
            "outcome": None if result.status == REJECTED else result.outcome,
            **_timing(result.seconds, result.missed),
            **_arm(result.arm),
        }
        log.request = Entry(first.at, _name(result.status), _without_none(first.attributes | attributes))

    @when_enabled
    def click(
        self, cells: Cells, user: object, position: object, arm: ArmBucket | None, credit: Mapping[str, Any]
    ) -> None:
        """Log a click."""
        attributes = {"user": self.hash_user(user), "position": values.position(position), **_arm(arm), **credit}
        self._hold(active_request(), Entry(time_ns(), "clicked", _without_none(cells.attributes | attributes)))

    @when_enabled
    def conversion(
        self, cells: Cells, user: object, revenue: float | None, arm: ArmBucket | None, credit: Mapping[str, Any]
    ) -> None:
        """Log a conversion. ``revenue`` is None if the revenue is unusable."""
        attributes = {"user": self.hash_user(user), "revenue": revenue, **_arm(arm), **credit}
        self._hold(active_request(), Entry(time_ns(), "converted", _without_none(cells.attributes | attributes)))

    @when_enabled
    def impressions(self, cells: Cells, user: object, positions: object, attribution: str | None) -> None:
        """Log items that a client reports as seen."""
        places = [values.position(one) for one in self._limited(positions)]
        attributes = {"user": self.hash_user(user), "positions": places, "attribution": attribution}
        self._hold(active_request(), Entry(time_ns(), "seen", _without_none(cells.attributes | attributes)))

    @when_enabled
    def action(self, cells: Cells, user: object, action: str, attribution: str | None) -> None:
        """Log an event that is neither a click nor a conversion, by its action."""
        attributes = {"user": self.hash_user(user), "action": action, "attribution": attribution}
        self._hold(active_request(), Entry(time_ns(), "acted", _without_none(cells.attributes | attributes)))

    @when_enabled
    def cache_lookup(self, request: RequestContext, *, hit: bool) -> None:
        """Add a cache hit or miss to the event of a request. The caller holds the store's lock."""
        _log(request).cache[not hit] += 1

    @when_enabled
    def stage(
        self, request: RequestContext, attributes: Mapping[str, str], seconds: float, candidates: int | None
    ) -> None:
        """Add a pipeline stage to the event of a request."""
        stages = _log(request).stages
        if len(stages) < MOST_HELD:
            stages.append(_without_none({**attributes, "seconds": seconds, "candidates": candidates}))
        else:
            self.faults.drop("event_too_long", f"at most {MOST_HELD} stages in a request whose event is logged")

    @when_enabled
    def emit_held(self, request: RequestContext, user: object = None) -> None:
        """Emit the held events of a finished request.

        ``user`` is the user id in the traffic. An event without a user gets the hash of ``user``.
        """
        log = request.log
        if log is None:
            return
        entries = [*([_complete(log, log.request)] if log.request else []), *log.entries]
        log.request, log.entries = None, []
        hashed = self.hash_user(user)
        for entry in entries:
            if hashed is not None:
                entry.attributes.setdefault("user", hashed)
            self._emit(entry, log.span)

    @when_enabled
    def hash_user(self, user: object) -> str | None:
        """Return the keyed hash of a user id; None without an id or a configured key. 7 and "7" have the same hash.

        There is no default, such as a random key for each process: hashes with different keys cannot be joined, but
        are still personal data.
        """
        name = values.user_bytes(user) if self._key else None
        return hmac.digest(self._key, name, "sha256")[:_HASH_BYTES].hex() if name else None

    @when_enabled
    def flush(self, timeout_seconds: float) -> None:
        """Export all logged events now."""
        force_flush = getattr(get_logger_provider(), "force_flush", None)
        if force_flush is not None:
            force_flush(timeout_millis=int(timeout_seconds * 1000))

    def _positions(self, positions: Any, length: int) -> list[int | None] | None:
        if not isinstance(positions, Iterable) or isinstance(positions, str | bytes):
            return None
        found = [values.position(one) for one in self._limited(positions)]
        return None if found == list(range(1, length + 1)) else found

    def _categories(self, cells: Cells, categories: Any, result: SlateResult) -> list[str | list[str]] | None:
        """Return the categories under which each item was counted."""
        if categories is None and self._catalog:
            categories = [self._catalog.get(str(item)) for item in result.items]
        found = [[_exported(value, cells) for value in entry] for entry in self._limited_categories(categories)]
        none = _exported(NO_CATEGORY, cells)
        if any(found):
            return [entry[0] if len(entry) == 1 else entry or none for entry in found]
        return [none] * result.length if self._clients_report else None

    def _limited_categories(self, categories: Any) -> Iterator[list[str]]:
        room = MOST_ITEMS
        for entry in map(categories_in, self._limited(categories)):
            if len(entry) > room:
                self._drop_rest()
                return
            room -= len(entry)
            yield entry

    def _limited(self, elements: Any) -> Iterator[Any]:
        for index, value in enumerate(sequence(elements)):
            if index == MOST_ITEMS:
                self._drop_rest()
                return
            yield value

    def _drop_rest(self) -> None:
        self.faults.drop("event_too_long", f"at most {MOST_ITEMS} values of an attribute of a log event")

    def _hold(self, request: RequestContext | None, entry: Entry) -> None:
        if request is None:
            outer = current.get()
            self._emit(entry, outer.log.span if outer and outer.log else get_current_span())
            return
        log = _log(request)
        log.entries.append(entry)
        if len(log.entries) > MOST_HELD:
            self._emit(log.entries.pop(0), log.span)

    def _emit(self, entry: Entry, span: Span) -> None:
        if self._log is None:
            self._log = get_logger(_LOGGER_NAME, __version__)
            if not hasattr(get_logger_provider(), "force_flush"):
                _logger.warning(
                    "otel-recmon: %s is on, but there is no logger provider to log to", variable("log_events")
                )
        self._log.emit(
            LogRecord(
                timestamp=entry.at,
                context=set_span_in_context(span, Context()),
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                event_name=EVENT_PREFIX + entry.name,
                attributes={_NAMES[name]: value for name, value in entry.attributes.items()},
            )
        )


def _log(request: RequestContext) -> RequestLog:
    if request.log is None:
        request.log = RequestLog(get_current_span())
    return request.log


def _complete(log: RequestLog, request: Entry) -> Entry:
    """Return the event of a request, completed with the cache lookups and stages of the request."""
    return request._replace(
        attributes=_without_none(request.attributes | _lookups(*log.cache) | {"stages": log.stages or None})
    )


def _name(status: str) -> str:
    return "served" if status == SUCCESS else "failed"


def _without_none(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _timing(seconds: float | None, missed: int | None) -> dict[str, float | None]:
    return {"latency_seconds": seconds, "good": None if missed is None else not missed}


def _arm(arm: ArmBucket | None) -> dict[str, str]:
    return {} if arm is None else arm.log_attributes()


def _lookups(hits: int, misses: int) -> dict[str, int | None]:
    return {"cache.hits": int(hits) or None, "cache.misses": int(misses) or None}


def _exported(category: str, cells: Cells) -> str:
    return category if category in cells.items else OTHER
