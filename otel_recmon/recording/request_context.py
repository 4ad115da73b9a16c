"""The request in progress and its recordings so far. They are stored so that nothing is counted twice."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opentelemetry.trace import Span

from otel_recmon.catalog import ERROR, FAILED
from otel_recmon.recording.experiments import Subject
from otel_recmon.recording.labels import Labels

SLATE, ACTION = "slate", "action"


class Entry(NamedTuple):
    """A log event: its time in nanoseconds since 1970, its name and its attributes."""

    at: int
    name: str
    attributes: dict[str, Any]


@dataclass(slots=True)
class RequestLog:
    """The log events of a request, held until the request is over."""

    span: Span
    request: Entry | None = None
    """The event of the request, which is also the event of its first slate."""
    entries: list[Entry] = field(default_factory=list)
    """All other events of the request."""
    cache: list[int] = field(default_factory=lambda: [0, 0])
    """The number of cache hits and the number of cache misses."""
    stages: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class RequestContext:
    """The state of one request, shared by ``MetricsCollector``, the latency decorator and the plugin."""

    closed_by_plugin: bool = False
    """Whether the plugin records the end of this request. If True, ``monitor_latency`` does not record it."""
    labels: Labels | None = None
    recorded_by: Any = None
    """The ``Defaults`` of the first collector that recorded something in this request.

    If set, the end of the request is recorded even on a route that the plugin does not watch.
    """
    slates: int = 0
    events: tuple[str, ...] = ()
    """The kinds of events that the code of the service recorded."""
    outcome: str | None = None
    status: str | None = None
    seconds: float | None = None
    timed: bool = False
    """Whether ``seconds`` has been added to the latency histogram."""
    items: int | None = None
    cache_hit: bool | None = None
    recommendation_id: str | None = None
    """The recommendation id of the last slate; None without OTEL_RECMON_SIGNING_KEY."""
    over: bool = False
    repeats: frozenset[str] = frozenset()
    """The kinds of events that the plugin recorded itself.

    If a background task records an event of such a kind again, the first repeat of the kind is not counted.
    """
    log: RequestLog | None = None
    subject: Subject | None = None
    """The experiment, user, variant and bucket.

    If a recommendation id is issued before the request is counted, the id fixes the bucket.
    """

    def add_slate(self, recorded_by: Any, labels: Labels, outcome: str, length: int, subject: Subject | None) -> None:
        """Note a recorded slate. The first slate decides the labels and the outcome of the request."""
        if not self.slates:
            self.recorded_by, self.labels = recorded_by, labels
            self.subject = subject or self.subject
            self.outcome = FAILED if self.status == ERROR else outcome
            if outcome == FAILED:
                self.status = ERROR
        self.slates += 1
        self.items = (self.items or 0) + length

    def set_result(self, recorded_by: Any, labels: Labels | None, status: str, outcome: str) -> None:
        """Store the result that the handler reports. The result is ignored if a slate was recorded before."""
        if not self.slates:
            self.recorded_by, self.labels, self.status, self.outcome = recorded_by, labels, status, outcome

    def set_latency(self, seconds: float) -> None:
        """Store the latency that the code of the service reports. The caller adds it to the latency histogram."""
        self.seconds, self.timed = seconds, True

    def close(self, recorded: frozenset[str]) -> None:
        """Note that the response is complete. ``recorded`` are the kinds of events that the plugin recorded itself."""
        self.over = True
        self.repeats = recorded


current: ContextVar[RequestContext | None] = ContextVar("otel_recmon_request", default=None)


def active_request() -> RequestContext | None:
    """Return the request in progress; None after its response is complete, even if background tasks still run."""
    request = current.get()
    return None if request is None or request.over else request


def consume_repeat(kind: str) -> bool:
    """Return whether an event repeats an event that the plugin recorded itself; True only once for each kind.

    A background task runs after the response. By then the plugin has recorded the content of the response.
    """
    request = current.get()
    if request is None or kind not in request.repeats:
        return False
    request.repeats -= {kind}
    return True
