"""Issuing of a recommendation id with each slate, and verification of the recommendation ids in events."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

from opentelemetry.trace import SpanContext, TraceFlags, get_current_span

from otel_recmon.attribution import Recommendation, Shown, Signer
from otel_recmon.catalog import ATTRIBUTED, DUPLICATE, MISSING
from otel_recmon.config import Settings
from otel_recmon.recording.cells import Cells
from otel_recmon.recording.experiments import ArmBucket, Subject
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.optional import when_enabled
from otel_recmon.recording.request_context import RequestContext, current
from otel_recmon.recording.slate import Slate
from otel_recmon.recording.store import Store
from otel_recmon.values import id_text, number, position, reusable, user_bytes

MOST_CLICKS: Final = 32_768
"""To find duplicates, a process remembers at least this many recent clicks, and at most twice as many (7 MB)."""
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)

_latest: ContextVar[str | None] = ContextVar("otel_recmon_recommendation_id", default=None)


def recommendation_id() -> str | None:
    """Return the recommendation id of the last slate that ``track_recommendations`` recorded in this request.

    Send the id to the client together with the slate. The id is None before the first slate, and without
    OTEL_RECMON_SIGNING_KEY.
    """
    request = current.get()
    return _latest.get() if request is None else request.recommendation_id


class Credit(NamedTuple):
    """The result of verifying the recommendation id of an event."""

    result: str | None = None
    """One of ``catalog.ATTRIBUTIONS_``; None without a signing key."""
    found: Recommendation | None = None
    """The content of the verified id; None if the event is not attributed to a slate."""
    delay: float | None = None
    """Seconds from the slate to the event; None without attribution."""

    def labels(self) -> Labels | None:
        """Return the model version, variant and surface in the recommendation id; None without attribution."""
        return Labels(*self.found.shown[:3]) if self.found else None

    def subject(self, user: object) -> Subject | None:
        """Return ``user``, with the experiment, variant and bucket in the id; None if the id contains no experiment."""
        if self.found is None or self.found.shown.experiment is None:
            return None
        _, variant, _, experiment, bucket, _ = self.found.shown
        return Subject(experiment, user, variant, bucket)

    def log_attributes(self) -> dict[str, object]:
        """Return the result and the delay as attributes of a log event."""
        return {"attribution": self.result, "delay_seconds": self.delay}

    def position(self, reported: object, item: object) -> Any:
        """Return the reported position. If it is None, return the position of the item in the slate, if known."""
        return self.found.position(item) if reported is None and self.found else reported

    def positions(self, reported: Any, items: Sequence[object]) -> Any:
        """Return the reported positions. If no position is reported, return the positions of ``items`` in the slate.

        Without attribution, the items get the positions 1, 2, 3 ...
        """
        reported, items = reusable(reported), reusable(items)
        known = isinstance(reported, list | tuple) and any(position is not None for position in reported)
        if self.found and items and not known:
            return [self.found.position(item) for item in items]
        return range(1, len(items) + 1) if items and not reported else reported


NOT_ATTRIBUTED: Final = Credit()
_REPEATED: Final = Credit(DUPLICATE)


class Attributor:
    """Issues recommendation ids and verifies the ids in events, for one process and meter provider."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.enabled = bool(settings.signing_key)
        self.faults = store.faults
        self._store = store
        if settings.signing_key:
            self._signer = Signer(settings.signing_key)
        self._window = settings.attribution_window
        self._clicks = Recent(MOST_CLICKS)

    @when_enabled
    def issue(
        self,
        request: RequestContext | None,
        cells: Cells,
        labels: Labels,
        slate: Slate,
        items: Sequence[object],
        arm: ArmBucket | None,
    ) -> None:
        """Make the recommendation id of a slate, and store the id for the handler and the response header.

        ``cells`` hold the counts of the slate; their labels may be coarser than ``labels`` (see ``Labels.folds``).
        ``arm`` is the arm and bucket in which the request of the slate was counted. It is None without an experiment,
        or if the request is counted later.
        """
        if arm is None and slate.subject is not None:
            arm = self._reserve_bucket(request, slate.subject, labels.variant)
        shown = Shown(*cells.labels, span=_sampled())
        if arm is not None:
            named = arm.cells.attributes
            shown = shown._replace(variant=named["variant"], experiment=named["experiment"], bucket=arm.bucket)
        token = self._signer.sign(shown, items, self._store.clock(), _unusual(slate.positions, len(items)))
        if request is None:
            _latest.set(token)
        else:
            request.recommendation_id = token

    def _reserve_bucket(
        self, request: RequestContext | None, subject: Subject, variant: str | None
    ) -> ArmBucket | None:
        """Return the arm and bucket in which the request will be counted; None if the arm is unknown.

        The bucket may be drawn at random, so the first slate stores its bucket in the request.
        """
        with self._store.lock:
            found = self._store.arm_bucket(subject, variant)
        if found is not None and request is not None and request.slates == 1:
            request.subject = subject._replace(bucket=found.bucket)
        return found

    @when_enabled
    def click(self, token: object, item: object, position: object, user: object) -> Credit:
        """Verify the recommendation id of a click. A user's second click on the same item of a slate is a duplicate."""
        credit = self._credit(token)
        if credit.found is not None and (item is not None or position is not None):
            target = ("item", id_text(item).strip()) if item is not None else ("position", _canonical(position))
            if self._clicks.add((credit.found.slate, target, user_bytes(user))):
                credit = _REPEATED
        return self._counted(credit)

    @when_enabled
    def event(self, token: object) -> Credit:
        """Verify the recommendation id of a conversion, or of a report of seen items."""
        return self._counted(self._credit(token))

    def _credit(self, token: object) -> Credit:
        if token is None or token == "":
            return Credit(MISSING)
        now = self._store.clock()
        found = self._signer.verify(token, now, self._window)
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
    """A set of recent values: at least the last ``size`` values, at most twice as many. Threads can share the set."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._now: dict[int, object] = {}
        self._before: dict[int, object] = {}

    def add(self, value: object) -> bool:
        """Add a value. Return whether the set contained the value before. Only a 64-bit hash of the value is stored."""
        key, mine, now = hash(value), object(), self._now
        known = now.setdefault(key, mine) is not mine or key in self._before
        if len(now) >= self._size:
            self._before, self._now = now, {}
        return known


def _canonical(position: object) -> str:
    """Return the same text for all forms of a position, such as 3, "3" and 3.0."""
    found = number(position)
    return id_text(position).strip() if found is None else str(found)


def _sampled() -> tuple[int, int] | None:
    context = get_current_span().get_span_context()
    return (context.trace_id, context.span_id) if context.is_valid and context.trace_flags.sampled else None


def _unusual(positions: Any, length: int) -> list[int | None]:
    """Return the positions to store in the id: [] if they are 1, 2, 3 ... or if their number is not ``length``."""
    places = [position(place) for place in positions] if isinstance(positions, list | tuple) else []
    return places if len(places) == length and places != list(range(1, length + 1)) else []
