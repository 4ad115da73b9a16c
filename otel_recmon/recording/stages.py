"""Counting of cache lookups, and timing of pipeline stages."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.request_context import active_request
from otel_recmon.safety import never_raises

MOST_CANDIDATES: Final = 10**9


class Stage:
    """A running stage of the pipeline. Set ``candidates`` to the number of items that the stage returns."""

    def __init__(self, candidates: int | None) -> None:
        self.candidates = candidates


@never_raises
def record_cache_lookup(defaults: Defaults, hit: bool) -> None:
    """Count a cache hit or miss."""
    defaults.recorder.start()
    request = active_request()
    with defaults.store.lock:
        defaults.store.cache[not hit] += 1
        if request is not None:
            request.cache_hit = bool(hit)
            defaults.recorder.events.cache_lookup(request, hit=bool(hit))


@contextmanager
def timed_stage(defaults: Defaults, name: str, candidates: int | None) -> Iterator[Stage]:
    """Time the ``with`` block as a stage, and count its candidates."""
    stage = Stage(candidates)
    start = perf_counter()
    try:
        yield stage
    finally:
        _record_stage(defaults, name, perf_counter() - start, stage.candidates)


@never_raises
def _record_stage(defaults: Defaults, name: str, seconds: float, candidates: int | None) -> None:
    instruments = defaults.recorder.start()
    request = active_request()
    usable = type(candidates) is int and 0 <= candidates <= MOST_CANDIDATES
    labels = (request and request.labels) or defaults.labels()
    with defaults.store.lock:
        home, value = defaults.store.stage(defaults.store.cells(labels), name)
        if usable:
            home.candidates[value] = home.candidates.get(value, 0) + (candidates or 0)
        attributes = home.stages[value]
    if candidates is not None and not usable:
        defaults.faults.drop("candidates_invalid", f"candidates to be a whole number from 0 to {MOST_CANDIDATES}")
    instruments.stage.record(seconds, attributes)
    if request is not None:
        defaults.recorder.events.stage(request, attributes, seconds, candidates if usable else None)
