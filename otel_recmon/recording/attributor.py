"""Hands out recommendation ids, and credits the events that bring one back to the slate it was of."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

from opentelemetry.trace import SpanContext, TraceFlags, get_current_span

from otel_recmon.attribution import Recommendation, Shown, Signer, text
from otel_recmon.catalog import ATTRIBUTED, DUPLICATE, MISSING
from otel_recmon.config import Settings
from otel_recmon.recording.cells import Cells
from otel_recmon.recording.experiments import Seat
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.request_context import Scope, current
from otel_recmon.recording.slate import Slate
from otel_recmon.recording.store import Store
from otel_recmon.recording.subjects import Subject
from otel_recmon.safety import never_raises
from otel_recmon.values import kept, number, position, user_name

MOST_CLICKS: Final = 32_768
"""Clicks, from the last one back, that one process knows again; at most twice as many, in some 7 MB."""
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)

_latest: ContextVar[str | None] = ContextVar("otel_recmon_recommendation_id", default=None)


def recommendation_id() -> str | None:
    """Return the id of the slate that ``track_recommendations`` recorded last in this request, to be sent with it.

    None without OTEL_RECMON_SIGNING_KEY, and before there is a slate.
    """
    scope = current.get()
    return _latest.get() if scope is None else scope.recommendation_id


class Credit(NamedTuple):
    """What became of the recommendation id of an event."""

    result: str | None = None
    """One of ``catalog.ATTRIBUTIONS_``; None where nothing is attributed."""
    found: Recommendation | None = None
    """The slate, where the event is attributed."""
    delay: float | None = None
    """Seconds since that slate."""

    def labels(self) -> Labels | None:
        """Return what the slate was counted under."""
        return Labels(*self.found.shown[:3]) if self.found else None

    def subject(self, user: object) -> Subject | None:
        """Return whom the slate counts for in its experiment."""
        if self.found is None or self.found.shown.experiment is None:
            return None
        _, variant, _, experiment, bucket, _ = self.found.shown
        return Subject(experiment, user, variant, bucket)

    def told(self) -> dict[str, object]:
        """Return what the event log says of it."""
        return {"attribution": self.result, "delay_seconds": self.delay}

    def place(self, said: object, item: object) -> Any:
        """Return the position that the client says, or else where the item was."""
        return self.found.position(item) if said is None and self.found else said

    def places(self, said: Any, items: Sequence[object]) -> Any:
        """Return the positions that the client says, or else where the items were; 1, 2, 3 ... if nobody knows."""
        said, items = kept(said), kept(items)
        if self.found and items and not (isinstance(said, list | tuple) and any(place is not None for place in said)):
            return [self.found.position(item) for item in items]
        return range(1, len(items) + 1) if items and not said else said


NONE: Final = Credit()
_REPEATED: Final = Credit(DUPLICATE)


class Attributor:
    """The recommendation ids of one process and meter provider."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """Take the keys and the window."""
        self.faults = store.faults
        self._store = store
        self._signer = Signer(settings.signing_key or ())
        self._window = settings.attribution_window
        self._clicks = Recent(MOST_CLICKS)

    @never_raises
    def issue(
        self,
        scope: Scope | None,
        cells: Cells,
        labels: Labels,
        slate: Slate,
        items: Sequence[object],
        seat: Seat | None,
    ) -> None:
        """Make the recommendation id of a slate, for the handler and for the header of the response.

        ``cells`` are where it was counted, which may be under coarser labels than it has; ``seat`` is where its request
        was counted for an experiment, if it was already.
        """
        if seat is None and slate.subject is not None:
            seat = self._seat(scope, slate.subject, labels.variant)
        shown = Shown(*cells.labels, span=_sampled())
        if seat is not None:
            arm = seat.cells.attributes
            shown = shown._replace(variant=arm["variant"], experiment=arm["experiment"], bucket=seat.bucket)
        token = self._signer.sign(shown, items, self._store.clock(), _unusual(slate.positions, len(items)))
        if scope is None:
            _latest.set(token)
        else:
            scope.recommendation_id = token

    def _seat(self, scope: Scope | None, subject: Subject, variant: str | None) -> Seat | None:
        """Return where a request will be counted, which a drawn bucket would say only then."""
        with self._store.lock:
            seat = self._store.seat(subject, variant)
        if seat is not None and scope is not None and scope.slates == 1:
            scope.subject = subject._replace(bucket=seat.bucket)
        return seat

    @never_raises
    def click(self, said: object, item: object, place: object, user: object) -> Credit:
        """Return the slate of a click; the same click on the same slate is none the second time."""
        credit = self._credit(said)
        if credit.found is not None and (item is not None or place is not None):
            what = ("item", text(item).strip()) if item is not None else ("position", _spelt(place))
            if self._clicks.has((credit.found.slate, what, user_name(user))):
                credit = _REPEATED
        return self._counted(credit)

    @never_raises
    def event(self, said: object) -> Credit:
        """Return the slate of any other event."""
        return self._counted(self._credit(said))

    def _credit(self, said: object) -> Credit:
        if said is None or said == "":
            return Credit(MISSING)
        now = self._store.clock()
        found = self._signer.verify(said, now, self._window)
        if not isinstance(found, Recommendation):
            return Credit(found.value)
        return Credit(ATTRIBUTED, found, max(0.0, now - found.at))

    def _counted(self, credit: Credit) -> Credit:
        with self._store.lock:
            self._store.attributions[str(credit.result)] += 1
        if credit.found and credit.found.shown.span:
            trace_id, span_id = credit.found.shown.span
            get_current_span().add_link(SpanContext(trace_id, span_id, is_remote=True, trace_flags=_SAMPLED))
        return credit


class Recent:
    """Knows again what it was shown, of the last few at least; safe to share between threads."""

    def __init__(self, size: int) -> None:
        """Know the last ``size``, and no more than twice as many."""
        self._size = size
        self._now: dict[int, object] = {}
        self._before: dict[int, object] = {}

    def has(self, value: object) -> bool:
        """Remember a value, as 64 bits that only this process can make of it; say whether it is known."""
        key, mine, now = hash(value), object(), self._now
        known = now.setdefault(key, mine) is not mine or key in self._before
        if len(now) >= self._size:
            self._before, self._now = now, {}
        return known


def _spelt(position: object) -> str:
    """Return a position as all ways to write it are."""
    found = number(position)
    return text(position).strip() if found is None else str(found)


def _sampled() -> tuple[int, int] | None:
    context = get_current_span().get_span_context()
    return (context.trace_id, context.span_id) if context.is_valid and context.trace_flags.sampled else None


def _unusual(said: Any, length: int) -> list[int | None]:
    """Return the positions of a slate that is not shown at 1, 2, 3 ..."""
    places = [position(place) for place in said] if isinstance(said, list | tuple) else []
    return places if len(places) == length and places != list(range(1, length + 1)) else []
