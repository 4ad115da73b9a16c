"""The verbs of the domain: what a recommender says happened, turned into metrics."""

import math
from collections.abc import Hashable, Iterable, Sequence
from itertools import takewhile
from typing import Any

from otel_recmon import catalog
from otel_recmon.catalog import EMPTY, ERROR, FAILED, OUTCOMES_, PARTIAL, REJECTED, SERVED, STATUSES, SUCCESS
from otel_recmon.recording.cells import Cells
from otel_recmon.recording.event_log import Counted, Over
from otel_recmon.recording.feedback import FeedbackVerbs
from otel_recmon.recording.labelled import is_number
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.request_context import SLATE, Scope, active, repeated
from otel_recmon.recording.slate import Slate, flat_categories, places, top_score, usable_items, usable_outcome
from otel_recmon.safety import never_raises, swallow

_STATUS = {status: index for index, status in enumerate(STATUSES)}
_OUTCOME = {outcome: index for index, outcome in enumerate(OUTCOMES_)}


class MetricsCollector(FeedbackVerbs):
    """Records what a recommendation service does. Safe to share between threads; never raises once built.

    A value that cannot be used (a NaN latency, a negative revenue) is set aside, counted in
    ``recmon_events_dropped_total`` by reason and logged once; what is usable of its event still counts.

    >>> metrics = MetricsCollector(model_version="v1")
    >>> metrics.track_recommendations("user-1", ["a", "b"], ["drama", "comedy"], scores=[0.9, 0.4])
    >>> metrics.track_click(position=2)
    >>> metrics.track_conversion(revenue=19.90)
    """

    def track_recommendations(  # noqa: PLR0913 - the one call that says everything about a slate
        self,
        user_id: object,
        item_ids: Sequence[Hashable],
        categories: Sequence[object] | None = None,
        scores: Sequence[float] | None = None,
        outcome: str | None = None,
        *,
        positions: Sequence[object] | None = None,
        requested: int | None = None,
        seconds: float | None = None,
        cache_hit: bool | None = None,
        model_version: str | None = None,
        variant: str | None = None,
        surface: str | None = None,
        experiment: str | None = None,
    ) -> None:
        """Count a whole slate: the request and its outcome, impressions, categories, top score, quality windows.

        Args:
            user_id: Who it was for. It is not exported; the event log has a keyed hash of it, and an experiment counts
                it in one of 32 buckets. Sketches keep it in memory until the next export.
            item_ids: The items in the order shown.
            categories: The category of each item, a list where an item has several, None where it has none.
            scores: The score of each item; the highest one is recorded.
            outcome: ``served`` (the default), ``partial``, ``fallback``, ``empty`` (the default of an empty
                slate), ``error`` or ``unrecognized``.
            positions: The position of each item, from 1, where it is not simply its place in the list.
            requested: How many items were asked for; a served slate with fewer is ``partial``.
            seconds: The time it took, instead of ``track_latency``.
            cache_hit: Whether the cache answered, instead of ``track_cache_hit``.
            model_version: Instead of the collector's.
            variant: Instead of the collector's.
            surface: Instead of the collector's.
            experiment: Instead of the collector's.
        """
        # No @never_raises here: a wrapper would be a tenth of what this call costs.
        try:
            if repeated(SLATE):
                return
            scope = active()
            seconds = None if seconds is None else self._usable_seconds(seconds)
            if scope is not None and seconds is not None:
                scope.took(seconds)
            if cache_hit is not None:
                self.track_cache_hit(cache_hit)
            subject = None
            if experiment is not None or self._store.experimental:
                subject = self.subject(scope, experiment, user_id)
            self.record_slate(
                scope,
                self.labels(model_version, variant, surface),
                Slate(item_ids, categories, scores, positions, outcome, requested, user_id, cache_hit, subject),
                seconds,
                closes=scope is None,
            )
        except Exception as error:  # noqa: BLE001 - a verb never raises
            swallow(self.faults, "MetricsCollector.track_recommendations", error)

    def record_slate(
        self, scope: Scope | None, labels: Labels, slate: Slate, seconds: float | None, *, closes: bool
    ) -> None:
        """Count a slate and, where it ``closes`` its request, that as well; else ``close_request`` will.

        Not a verb for services: it may raise.
        """
        faults = self.faults
        instruments = self.recorder.instruments if self.recorder.started else self.recorder.start()
        events = self.recorder.events
        if events is not None:
            slate = events.repeatable(slate)
        items, length = usable_items(slate.items, faults)
        outcome = (slate.outcome and usable_outcome(slate.outcome, faults)) or _natural_outcome(length, slate.requested)
        shown = None if slate.positions is None else places(slate.positions, faults)
        with self._store.lock:
            cells = self._store.cells(labels)
            missed = self._count_response(cells, outcome, seconds) if closes else None
            subject = slate.subject if closes and outcome != FAILED else None
            seat = self.exposed(subject, labels) if subject else None
            if not self.recorder.settings.impression_routes:
                cells.show(length) if shown is None else cells.show_at(shown)
            cells.model.windows.add(items, self._count_categories(cells, slate.categories, items, length))
            if self._store.sketches is not None:
                self._store.sketches.add(
                    cells.labels.model_version, items, slate.user, cells.used, self._store.declared
                )
        if scope is not None:
            scope.slate(self, labels, outcome, length, slate.subject)
        if self.recorder.attributor is not None:
            self.recorder.attributor.issue(scope, cells, labels, slate, items, seat)
        if events is not None:
            events.slate(scope, cells, slate, Counted(items, length, outcome, seconds, missed, closes, seat))
        if seconds is not None:
            instruments.record(catalog.LATENCY, seconds, cells)
        top = None if slate.scores is None else top_score(slate.scores, faults)
        if top is not None:
            instruments.record(catalog.SCORE, top, cells)

    def _count_response(self, cells: Cells, outcome: str, seconds: float | None) -> int | None:
        """Count a request that ended with a slate; say whether it missed the objective. The caller holds the lock."""
        cells.requests[outcome == FAILED] += 1
        cells.outcomes[_OUTCOME[outcome]] += 1
        if seconds is None:
            return None
        missed = _misses(outcome, seconds, self.recorder.settings.slo_latency)
        cells.slo[missed] += 1
        return missed

    def _count_categories(
        self, cells: Cells, categories: Sequence[object] | None, items: tuple[Hashable, ...], length: int
    ) -> tuple[str, ...]:
        """Count the items by category and return the categories. The caller holds the lock."""
        if categories is not None and type(categories) is not str and _raise_known(cells.items, categories):
            if self._store.categories.full:
                self._store.categories.touch(categories, cells.used)  # type: ignore[arg-type]  # known, hence texts
            return tuple(categories)  # type: ignore[arg-type]  # known, hence texts
        if categories is None and self.recorder.categories:
            categories = [self.recorder.categories.get(str(item)) for item in items]
        flat, bare = flat_categories(() if categories is None else categories, self.faults)
        if not flat and self.recorder.settings.impression_routes:
            bare = length
        self._store.count_items(cells, flat)
        self._store.count_items(cells, [catalog.NO_CATEGORY] * bare)
        return flat

    @never_raises
    def track_request(self, success: bool = True) -> None:
        """Count a request that succeeded or failed, where ``track_recommendations`` does not say it already."""
        self._request(SUCCESS if success else ERROR, SERVED if success else FAILED)

    def _request(self, status: str, outcome: str) -> None:
        if repeated(SLATE):
            return
        scope = active()
        if scope is not None:
            scope.request(self, self.labels() if any(self._own) else None, status, outcome)
            return
        self.recorder.start()
        labels, subject = self.labels(), self.subject(None, None, None)
        with self._store.lock:
            cells = self._store.cells(labels)
            cells.requests[_STATUS[status]] += 1
            cells.outcomes[_OUTCOME[outcome]] += 1
            seat = self.exposed(subject, labels) if subject and status == SUCCESS else None
        if self.recorder.events is not None:
            self.recorder.events.request(cells, status, outcome, seat)

    @never_raises
    def track_latency(self, seconds: float) -> None:
        """Record the time a request took, in seconds."""
        instruments = self.recorder.start()
        if self._usable_seconds(seconds) is None:
            return
        scope = active()
        if scope is not None:
            scope.took(seconds)
        with self._store.lock:
            cells = self._store.cells(self.labels())
        instruments.record(catalog.LATENCY, seconds, cells)

    def _usable_seconds(self, seconds: float) -> float | None:
        if (type(seconds) is float or is_number(seconds)) and 0 <= seconds < math.inf:
            return seconds
        self.faults.drop("latency_invalid", "a latency in seconds from 0")
        return None

    @never_raises
    def finish(self, scope: Scope, status: str, seconds: float) -> None:
        """Record a handler that ``monitor_latency`` has timed, or leave it to the plugin that sees its response."""
        if scope.labels is None and any(self._own):
            scope.labels = self.labels()
        scope.teller = scope.teller or self
        if not scope.closed_by_plugin:
            self.close_request(scope, status, seconds, FAILED if status == ERROR else SERVED)
            if self.recorder.events is not None:
                self.recorder.events.leave(scope)

    @never_raises
    def close_request(self, scope: Scope, status: str, seconds: float, outcome: str) -> None:
        """Count a finished request: what the handler said of it wins, but for a slate that never got out.

        Not a verb for services: the plugin and ``monitor_latency`` call it when a response is complete.
        """
        scope.labels = labels = scope.labels or self.labels()
        failed = status == ERROR
        if scope.status or not failed:
            outcome = scope.outcome or outcome
        status = scope.status or status
        scope.outcome = outcome if status != REJECTED else None
        seconds = scope.seconds if scope.seconds is not None else seconds
        instruments = self.recorder.start()
        subject = scope.subject or self.subject(scope, None, None)
        with self._store.lock:
            cells = self._store.cells(labels)
            cells.requests[_STATUS[status]] += 1
            seat = self.exposed(subject, labels) if subject and status == SUCCESS else None
            missed = None
            if status != REJECTED:
                cells.outcomes[_OUTCOME[outcome]] += 1
                missed = _misses(FAILED if failed else outcome, seconds, self.recorder.settings.slo_latency)
                cells.slo[missed] += 1
        if self.recorder.events is not None:
            self.recorder.events.request_over(scope, cells, Over(status, outcome, seconds, missed, seat))
        if status != REJECTED and not scope.timed:
            instruments.record(catalog.LATENCY, seconds, cells)


def _natural_outcome(length: int, requested: int | None) -> str:
    if not length:
        return EMPTY
    return PARTIAL if isinstance(requested, int) and length < requested else SERVED


def _misses(outcome: str, seconds: float, limit: float) -> int:
    """Return the index in ``catalog.GOODNESS``: 0 where the objective is met."""
    return int(seconds > limit or (outcome != SERVED and outcome != PARTIAL))  # noqa: PLR1714 - the hot path


def _raise_known(counts: dict[str, int], values: Sequence[Any]) -> bool:
    """Raise the counts of all values, or of none where one is not among them; say whether any was raised."""
    value = None
    try:
        for value in values:
            counts[value] += 1
    except (KeyError, TypeError):
        for value in takewhile(lambda value: _is_key(counts, value), _iterated(values)):
            counts[value] -= 1
        return False
    return value is not None


def _iterated(values: Any) -> Iterable[Any]:
    return values if isinstance(values, Iterable) else ()


def _is_key(counts: dict[str, int], value: object) -> bool:
    try:
        return value in counts
    except TypeError:
        return False
