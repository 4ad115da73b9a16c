"""What has been recorded within the request that is being handled, so that nothing is counted twice."""

from contextvars import ContextVar
from dataclasses import dataclass

from otel_recmon.labels import Labels


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
    events: int = 0
    outcome: str | None = None
    status: str | None = None
    seconds: float | None = None
    timed: bool = False
    """Whether ``seconds`` has been recorded already, not only measured."""
    items: int | None = None
    cache_hit: bool | None = None

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


current: ContextVar[Scope | None] = ContextVar("otel_recmon_request", default=None)
