"""What has been recorded within the request that is being handled, so that nothing is counted twice."""

from contextvars import ContextVar
from dataclasses import dataclass, field

from otel_recmon.labels import Labels

SLATE, CLICK, CONVERSION, IMPRESSION = "slate", "click", "conversion", "impression"


@dataclass(slots=True)
class Scope:
    """One request, as the verbs in the code, the latency decorator and the plugin share it."""

    closed_by_plugin: bool = False
    """Whether the plugin closes this request, so that a decorator inside leaves that to it."""
    monitored: bool = False
    """Whether the latency decorator asks for this request to be closed, whatever its route."""
    labels: Labels | None = None
    requests: int = 0
    slates: int = 0
    events: set[str] = field(default_factory=set)
    """The kinds of events that were recorded."""
    outcome: str | None = None
    status: str | None = None
    seconds: float | None = None
    timed: bool = False
    """Whether ``seconds`` has been recorded already, not only measured."""
    items: int | None = None
    cache_hit: bool | None = None
    over: bool = False
    repeats: set[str] = field(default_factory=set)
    """What the plugin has recorded itself: the same from a background task, once, is that again."""

    def slate(self, labels: Labels, outcome: str, length: int, seconds: float | None, cache_hit: bool | None) -> None:
        """Note that a slate was recorded, and what was said with it."""
        self.slates += 1
        self.labels, self.outcome = labels, outcome
        self.items = (self.items or 0) + length
        self.took(seconds)
        if cache_hit is not None:
            self.cache_hit = cache_hit

    def took(self, seconds: float | None) -> None:
        """Note that the latency was recorded."""
        if seconds is not None:
            self.seconds, self.timed = seconds, True

    def close(self, recorded: set[str]) -> None:
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
    scope.repeats.discard(kind)
    return True
