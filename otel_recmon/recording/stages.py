"""The verbs for what happens behind a response: the cache, the stages, the model and its quality."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from time import perf_counter

from otel_recmon.recording.labelled import Labelled, is_number
from otel_recmon.recording.model_age import timestamp
from otel_recmon.recording.request_context import active
from otel_recmon.safety import never_raises

MOST_CANDIDATES = 10**9


class Stage:
    """A stage of the pipeline while it runs; ``candidates`` says how many items come out of it."""

    def __init__(self, candidates: int | None) -> None:
        """Start with the number that is known, if any."""
        self.candidates = candidates


class PipelineVerbs(Labelled):
    """Records what a response does not show."""

    @never_raises
    def track_cache_hit(self, hit: bool) -> None:
        """Count a cache hit or miss."""
        self.recorder.start()
        scope = active()
        with self._store.lock:
            self._store.cache[not hit] += 1
            if self.recorder.events is not None:
                self.recorder.events.looked_up(scope, hit=bool(hit))
        if scope is not None:
            scope.cache_hit = bool(hit)

    @contextmanager
    def stage(self, name: str, candidates: int | None = None) -> Iterator[Stage]:
        """Time a stage of the pipeline, and count the items that come out of it.

        >>> with MetricsCollector(model_version="v1").stage("retrieval") as stage:
        ...     stage.candidates = 500
        """
        stage = Stage(candidates)
        start = perf_counter()
        try:
            yield stage
        finally:
            self._finish_stage(name, perf_counter() - start, stage.candidates)

    @never_raises
    def _finish_stage(self, name: str, seconds: float, candidates: int | None) -> None:
        instruments = self.recorder.start()
        scope = active()
        usable = type(candidates) is int and 0 <= candidates <= MOST_CANDIDATES
        with self._store.lock:
            cells = self._store.cells((scope and scope.labels) or self.labels())
            home, value = self._store.stage(cells, name)
            if usable:
                home.candidates[value] = home.candidates.get(value, 0) + (candidates or 0)
            attributes = home.stages[value]
        if candidates is not None and not usable:
            self.faults.drop("candidates_invalid", f"candidates to be a whole number from 0 to {MOST_CANDIDATES}")
        instruments.stage.record(seconds, attributes)
        if self.recorder.events is not None:
            self.recorder.events.staged(scope, attributes, seconds, candidates if usable else None)

    @never_raises
    def update_diversity(self, score: float) -> None:
        """Set the diversity, 0 to 1, instead of what the slates show."""
        self.recorder.start()
        if not is_number(score) or not 0 <= score <= 1:
            self.faults.drop("diversity_invalid", "a diversity from 0 to 1")
            return
        with self._store.lock:
            self._store.model(self._version()).pushed_diversity = score

    @never_raises
    def update_coverage(self, percent: float) -> None:
        """Set the coverage, 0 to 100, instead of what the slates show."""
        self.recorder.start()
        if not is_number(percent) or not 0 <= percent <= 100:
            self.faults.drop("coverage_invalid", "a coverage from 0 to 100")
            return
        with self._store.lock:
            self._store.model(self._version()).pushed_coverage = percent

    @never_raises
    def update_model_staleness(self, hours: float) -> None:
        """Say how many hours ago the model was updated; from then on it ages by itself."""
        self._updated(self._store.clock() - hours * 3600 if is_number(hours) and hours >= 0 else None)

    @never_raises
    def model_updated(self, at: datetime | float | None = None) -> None:
        """Say when the model was updated: a time (UTC unless it says otherwise), seconds since 1970, or now."""
        self._updated(self._store.clock() if at is None else timestamp(at))

    def _updated(self, moment: float | None) -> None:
        self.recorder.start()
        if moment is None or timestamp(moment) is None:
            self.faults.drop("timestamp_invalid", "a time between 1970 and the distant future, or hours from 0")
            return
        with self._store.lock:
            self._store.model(self._version()).updated_at = moment

    def _version(self) -> str:
        return self.labels().model_version
