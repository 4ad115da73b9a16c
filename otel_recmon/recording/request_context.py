"""What has been recorded within the request that is being handled, so that nothing is counted twice."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opentelemetry.trace import Span

from otel_recmon.catalog import ERROR, FAILED
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.subjects import Subject

SLATE, CLICK, CONVERSION, IMPRESSION = "slate", "click", "conversion", "impression"


class Entry(NamedTuple):
    """An event that is to be logged: when it happened, in nanoseconds since 1970, and what it says."""

    at: int
    name: str
    attributes: dict[str, Any]


@dataclass(slots=True)
class RequestLog:
    """What is to be logged of a request once it is over."""

    span: Span
    request: Entry | None = None
    """The event of the request, which is that of its first slate as well."""
    entries: list[Entry] = field(default_factory=list)
    """All other events."""
    cache: list[int] = field(default_factory=lambda: [0, 0])
    """Hits and misses."""
    stages: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Scope:
    """One request, as the verbs in the code, the latency decorator and the plugin share it.

    Without slots, so that the class has the defaults: the plugin makes one for each request, and sets what differs.
    """

    closed_by_plugin: bool = False
    """Whether the plugin closes this request, so that a decorator inside leaves that to it."""
    labels: Labels | None = None
    teller: Any = None
    """The collector that knows of this request, and counts it when it is closed, whatever its route."""
    slates: int = 0
    events: tuple[str, ...] = ()
    """The kinds of events that were recorded."""
    outcome: str | None = None
    status: str | None = None
    seconds: float | None = None
    timed: bool = False
    """Whether ``seconds`` has been recorded already, not only measured."""
    items: int | None = None
    cache_hit: bool | None = None
    recommendation_id: str | None = None
    """The id of the last slate, with a SIGNING_KEY."""
    over: bool = False
    repeats: frozenset[str] = frozenset()
    """What the plugin has recorded itself: the same from a background task, once, is that again."""
    log: RequestLog | None = None
    subject: Subject | None = None
    """Whom an experiment counts. What verifies a recommendation id may say it before anything is counted."""

    def slate(self, teller: Any, labels: Labels, outcome: str, length: int, subject: Subject | None) -> None:
        """Note that a slate was recorded: the first one says what its request is counted as."""
        if not self.slates:
            self.teller, self.labels = teller, labels
            self.subject = subject or self.subject
            self.outcome = FAILED if self.status == ERROR else outcome
            if outcome == FAILED:
                self.status = ERROR
        self.slates += 1
        self.items = (self.items or 0) + length

    def request(self, teller: Any, labels: Labels | None, status: str, outcome: str) -> None:
        """Note what the handler says of its request; a slate has said it already."""
        if not self.slates:
            self.teller, self.labels, self.status, self.outcome = teller, labels, status, outcome

    def took(self, seconds: float) -> None:
        """Note that the latency was recorded."""
        self.seconds, self.timed = seconds, True

    def close(self, recorded: frozenset[str]) -> None:
        """Note that the response is complete, and what the plugin recorded of it."""
        self.over = True
        self.repeats = recorded


current: ContextVar[Scope | None] = ContextVar("otel_recmon_request", default=None)


def active() -> Scope | None:
    """Return the request that is being handled; one that is over is none, though its tasks still run."""
    scope = current.get()
    return None if scope is None or scope.over else scope


def repeated(kind: str) -> bool:
    """Say whether the plugin has recorded this already, when a background task of the request says it too."""
    scope = current.get()
    if scope is None or kind not in scope.repeats:
        return False
    scope.repeats -= {kind}
    return True
