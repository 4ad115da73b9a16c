"""The event log: an OpenTelemetry log event for each slate, click, conversion and report of what was seen.

What happens within a request is logged when the request is over, with its trace id and the id of its server span.
"""

import hmac
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from secrets import token_bytes
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
from otel_recmon.recording.experiments import Seat
from otel_recmon.recording.item_catalog import Categories
from otel_recmon.recording.request_context import Entry, RequestLog, Scope, active, current
from otel_recmon.recording.slate import MOST_ITEMS, Slate, categories_in, sequence
from otel_recmon.safety import Faults, never_raises

_logger = logging.getLogger("otel_recmon")

MOST_KEPT: Final = 100
"""Events, and stages, of one request that are kept until it is over."""
_HASH_BYTES: Final = 16
_SCOPE: Final = "otel_recmon"
_NAMES: Final = {attribute.name: EVENT_PREFIX + attribute.name for attribute in EVENT_ATTRIBUTES}


class Counted(NamedTuple):
    """How a slate was counted: what of it was usable, and whether its request was counted with it."""

    items: tuple[Any, ...]
    length: int
    outcome: str
    seconds: float | None
    missed: int | None
    """Whether the objective was missed, where that was counted."""
    closes: bool
    seat: Seat | None = None
    """Where it counts in an experiment."""


class Over(NamedTuple):
    """How a request was counted."""

    status: str
    outcome: str
    seconds: float
    missed: int | None
    seat: Seat | None = None


class Events:
    """Logs what was counted with the global logger provider, within bounds, and never raises."""

    def __init__(self, settings: Settings, faults: Faults, catalog: Categories) -> None:
        """Take what decides how slates are counted; without a configured key draw one for this process."""
        self.faults = faults
        self._key = (settings.user_hash_key or "").encode() or token_bytes(32)
        self._clients_report = bool(settings.impression_routes)
        self._catalog = catalog
        self._log: Logger | None = None

    def repeatable(self, slate: Slate) -> Slate:
        """Return a slate that can be gone through more than once."""
        again = {name: values.kept(getattr(slate, name)) for name in ("categories", "scores", "positions")}
        return replace(slate, **again)

    @never_raises
    def slate(self, scope: Scope | None, cells: Cells, slate: Slate, counted: Counted) -> None:
        """Log a slate; the first one of a request is the event of that request, too."""
        said: dict[str, Any] = {
            "user": self.hashed(slate.user),
            "outcome": counted.outcome,
            "item_count": counted.length,
            "items": [values.text(item) for item in counted.items],
            "positions": self._positions(slate.positions, counted.length),
            "categories": self._categories(cells, slate.categories, counted),
            "scores": values.scores(sequence(slate.scores), counted.length),
            "impressions": False if self._clients_report else None,
            **_seated(counted.seat),
        }
        status = ERROR if counted.outcome == FAILED else SUCCESS
        if counted.closes:
            said |= {"status": status, **_timing(counted.seconds, counted.missed)}
        if scope is None and slate.cache_hit is not None:
            said |= _lookups(bool(slate.cache_hit), not slate.cache_hit)
        entry = Entry(time_ns(), _name(status), _known(cells.attributes | said))
        if scope is not None and _log(scope).request is None:
            _log(scope).request = entry
        else:
            self._note(scope, entry)

    @never_raises
    def request(self, cells: Cells, status: str, outcome: str, seat: Seat | None) -> None:
        """Log a request that the code counts outside any."""
        said = cells.attributes | {"status": status, "outcome": outcome, **_seated(seat)}
        self._note(None, Entry(time_ns(), _name(status), said))

    @never_raises
    def request_over(self, scope: Scope, cells: Cells, over: Over) -> None:
        """Say in the event of a request how it was counted."""
        log = _log(scope)
        first = log.request or Entry(time_ns(), "", dict(cells.attributes))
        outcome = None if over.status == REJECTED else over.outcome
        said = {"status": over.status, "outcome": outcome, **_timing(over.seconds, over.missed), **_seated(over.seat)}
        log.request = Entry(first.at, _name(over.status), _known(first.attributes | said))

    @never_raises
    def clicked(
        self, cells: Cells, user: object, position: object, seat: Seat | None, credit: Mapping[str, Any]
    ) -> None:
        """Log a click."""
        said = {"user": self.hashed(user), "position": values.position(position), **_seated(seat), **credit}
        self._note(active(), Entry(time_ns(), "clicked", _known(cells.attributes | said)))

    @never_raises
    def converted(
        self, cells: Cells, user: object, revenue: float | None, seat: Seat | None, credit: Mapping[str, Any]
    ) -> None:
        """Log a conversion; the revenue is None where it is unusable."""
        said = {"user": self.hashed(user), "revenue": revenue, **_seated(seat), **credit}
        self._note(active(), Entry(time_ns(), "converted", _known(cells.attributes | said)))

    @never_raises
    def seen(self, cells: Cells, user: object, positions: object, attribution: str | None) -> None:
        """Log items that a client says were seen."""
        places = [values.position(one) for one in self._cut(positions)]
        said = {"user": self.hashed(user), "positions": places, "attribution": attribution}
        self._note(active(), Entry(time_ns(), "seen", _known(cells.attributes | said)))

    @never_raises
    def looked_up(self, scope: Scope | None, *, hit: bool) -> None:
        """Note a cache hit or miss within a request. The caller holds the store's lock."""
        if scope is not None:
            _log(scope).cache[not hit] += 1

    @never_raises
    def staged(
        self, scope: Scope | None, attributes: Mapping[str, str], seconds: float, candidates: int | None
    ) -> None:
        """Note a stage within a request."""
        if scope is None:
            return
        stages = _log(scope).stages
        if len(stages) < MOST_KEPT:
            stages.append(_known({**attributes, "seconds": seconds, "candidates": candidates}))
        else:
            self.faults.drop("event_too_long", f"at most {MOST_KEPT} stages in a request whose event is logged")

    @never_raises
    def leave(self, scope: Scope, user: object = None) -> None:
        """Log what was kept of a request that is over; ``user`` is whom its traffic names."""
        log = scope.log
        if log is None:
            return
        entries = [*([_whole(log, log.request)] if log.request else []), *log.entries]
        log.request, log.entries = None, []
        hashed = self.hashed(user)
        for entry in entries:
            if hashed is not None:
                entry.attributes.setdefault("user", hashed)
            self._emit(entry, log.span)

    @never_raises
    def hashed(self, user: object) -> str | None:
        """Return the keyed hash of a user's id, the same for 7 and "7"; None where there is no id."""
        name = values.user_name(user)
        return hmac.digest(self._key, name, "sha256")[:_HASH_BYTES].hex() if name else None

    def flush(self, timeout_seconds: float) -> None:
        """Export what was logged."""
        force_flush = getattr(get_logger_provider(), "force_flush", None)
        if force_flush is not None:
            force_flush(timeout_millis=int(timeout_seconds * 1000))

    def _positions(self, said: Any, length: int) -> list[int | None] | None:
        if not isinstance(said, Iterable) or isinstance(said, str | bytes):
            return None
        found = [values.position(one) for one in self._cut(said)]
        return None if found == list(range(1, length + 1)) else found

    def _categories(self, cells: Cells, said: Any, counted: Counted) -> list[str | list[str]] | None:
        """Return the categories of each item, as they were counted."""
        if said is None and self._catalog:
            said = [self._catalog.get(str(item)) for item in counted.items]
        found = [[_counted(value, cells) for value in entry] for entry in self._cut_categories(said)]
        none = _counted(NO_CATEGORY, cells)
        if any(found):
            return [entry[0] if len(entry) == 1 else entry or none for entry in found]
        return [none] * counted.length if self._clients_report else None

    def _cut_categories(self, said: Any) -> Iterator[list[str]]:
        room = MOST_ITEMS
        for entry in map(categories_in, self._cut(said)):
            if len(entry) > room:
                self._say_cut()
                return
            room -= len(entry)
            yield entry

    def _cut(self, said: Any) -> Iterator[Any]:
        for index, value in enumerate(sequence(said)):
            if index == MOST_ITEMS:
                self._say_cut()
                return
            yield value

    def _say_cut(self) -> None:
        self.faults.drop("event_too_long", f"at most {MOST_ITEMS} values of an attribute of a log event")

    def _note(self, scope: Scope | None, entry: Entry) -> None:
        if scope is None:
            outer = current.get()
            self._emit(entry, outer.log.span if outer and outer.log else get_current_span())
            return
        log = _log(scope)
        log.entries.append(entry)
        if len(log.entries) > MOST_KEPT:
            self._emit(log.entries.pop(0), log.span)

    def _emit(self, entry: Entry, span: Span) -> None:
        if self._log is None:
            self._log = get_logger(_SCOPE, __version__)
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


def _log(scope: Scope) -> RequestLog:
    if scope.log is None:
        scope.log = RequestLog(get_current_span())
    return scope.log


def _whole(log: RequestLog, request: Entry) -> Entry:
    """Return the event of a request with what its cache and its stages did."""
    return request._replace(
        attributes=_known(request.attributes | _lookups(*log.cache) | {"stages": log.stages or None})
    )


def _name(status: str) -> str:
    return "served" if status == SUCCESS else "failed"


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _timing(seconds: float | None, missed: int | None) -> dict[str, float | None]:
    return {"latency_seconds": seconds, "good": None if missed is None else not missed}


def _seated(seat: Seat | None) -> dict[str, str]:
    return {} if seat is None else seat.said()


def _lookups(hits: int, misses: int) -> dict[str, int | None]:
    return {"cache.hits": int(hits) or None, "cache.misses": int(misses) or None}


def _counted(category: str, cells: Cells) -> str:
    return category if category in cells.items else OTHER
