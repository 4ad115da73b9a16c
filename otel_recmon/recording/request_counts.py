"""Counting of requests and slates: status, outcome, latency, impressions and items."""

import math
from collections.abc import Hashable, Iterable, Sequence
from itertools import takewhile
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.catalog import (
    EMPTY,
    ERROR,
    FAILED,
    GOOD_OUTCOMES,
    OUTCOMES_,
    PARTIAL,
    REJECTED,
    SERVED,
    STATUSES,
    SUCCESS,
)
from otel_recmon.recording.cells import Cells
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.log_events import RequestResult, SlateResult
from otel_recmon.recording.recorder import Recorder
from otel_recmon.recording.request_context import SLATE, RequestContext, active_request, consume_repeat
from otel_recmon.recording.slate import (
    Slate,
    flat_categories,
    make_reusable,
    position_indexes,
    top_score,
    usable_items,
    usable_outcome,
)
from otel_recmon.safety import never_raises
from otel_recmon.values import is_finite

_STATUS: Final = {status: index for index, status in enumerate(STATUSES)}
_OUTCOME: Final = {outcome: index for index, outcome in enumerate(OUTCOMES_)}


def record_slate(
    defaults: Defaults,
    request: RequestContext | None,
    labels: Labels,
    slate: Slate,
    seconds: float | None,
    *,
    closes: bool,
) -> None:
    """Count a slate. If ``closes`` is true, also count its request; otherwise ``close_request`` counts the request.

    This function may raise an exception: ``never_raises`` would add a tenth to its cost, and both callers handle
    exceptions.
    """
    recorder, store, faults = defaults.recorder, defaults.store, defaults.faults
    instruments = recorder.instruments if recorder.started else recorder.start()
    # Read once, so that a service without event log and recommendation ids pays for only one check.
    extended = recorder.extended
    if extended:
        make_reusable(slate)
    items, length = usable_items(slate.items, faults)
    outcome = (slate.outcome and usable_outcome(slate.outcome, faults)) or _natural_outcome(length, slate.requested)
    shown = None if slate.positions is None else position_indexes(slate.positions, faults)
    if outcome == FAILED:
        labels = defaults.with_only_version(labels)
    with store.lock:
        cells = store.cells(labels)
        missed = _count_response(recorder, cells, outcome, seconds) if closes else None
        arm = defaults.expose(slate.subject, labels) if slate.subject and closes and outcome != FAILED else None
        if not recorder.settings.clients_report_impressions:
            cells.show(length) if shown is None else cells.show_at(shown)
        cells.model.windows.add(items, _count_categories(recorder, cells, slate.categories, items, length))
        if store.sketches is not None:
            store.sketches.add(cells.labels.model_version, items, slate.user, cells.used, store.declared)
    if request is not None:
        request.add_slate(defaults, labels, outcome, length, slate.subject)
    if extended:
        recorder.attributor.issue(request, cells, labels, slate, items, arm)
        recorder.events.slate(request, cells, slate, SlateResult(items, length, outcome, seconds, missed, closes, arm))
    if seconds is not None:
        instruments.record(catalog.LATENCY, seconds, cells)
    top = None if slate.scores is None else top_score(slate.scores, faults)
    if top is not None:
        instruments.record(catalog.SCORE, top, cells)


@never_raises
def record_request(defaults: Defaults, status: str, outcome: str) -> None:
    """Count a request without a slate. A request in progress is counted later, by ``close_request``."""
    if consume_repeat(SLATE):
        return
    request = active_request()
    if request is not None:
        request.set_result(defaults, defaults.labels() if any(defaults.own) else None, status, outcome)
        return
    defaults.recorder.start()
    labels, subject = defaults.labels(), defaults.subject(None, None, None)
    if status == ERROR:
        labels = defaults.with_only_version(labels)
    with defaults.store.lock:
        cells = defaults.store.cells(labels)
        cells.requests[_STATUS[status]] += 1
        cells.outcomes[_OUTCOME[outcome]] += 1
        arm = defaults.expose(subject, labels) if status == SUCCESS else None
    defaults.recorder.events.request(cells, status, outcome, arm)


@never_raises
def record_latency(defaults: Defaults, seconds: float) -> None:
    """Record the latency of a request. ``seconds`` must be at least 0."""
    instruments = defaults.recorder.start()
    if usable_seconds(defaults, seconds) is None:
        return
    request = active_request()
    if request is not None:
        request.set_latency(seconds)
    with defaults.store.lock:
        cells = defaults.store.cells(defaults.labels())
    instruments.record(catalog.LATENCY, seconds, cells)


def usable_seconds(defaults: Defaults, seconds: float) -> float | None:
    """Return a latency in seconds.

    If the latency is not a finite number of at least 0, count a dropped value and return None.
    """
    if (type(seconds) is float or is_finite(seconds)) and 0 <= seconds < math.inf:
        return seconds
    defaults.faults.drop("latency_invalid", "a latency in seconds from 0")
    return None


@never_raises
def finish_call(defaults: Defaults, request: RequestContext, status: str, seconds: float) -> None:
    """Record a call that ``monitor_latency`` has timed, unless the plugin records the end of its request."""
    if request.labels is None and any(defaults.own):
        request.labels = defaults.labels()
    request.recorded_by = request.recorded_by or defaults
    if not request.closed_by_plugin:
        close_request(defaults, request, status, seconds, FAILED if status == ERROR else SERVED)
        defaults.recorder.events.emit_held(request)


@never_raises
def close_request(defaults: Defaults, request: RequestContext, status: str, seconds: float, outcome: str) -> None:
    """Count a finished request.

    A status, outcome or latency that the handler recorded takes precedence over the argument. But the outcome of a
    recorded slate does not count if the request failed afterwards. A successful request with the outcome ``error``
    gets the status ``error``. An example is a GraphQL response with the status code 200 and a list of errors.
    """
    request.labels = labels = request.labels or defaults.labels()
    failed = status == ERROR
    if request.status or not failed:
        outcome = request.outcome or outcome
    status = request.status or status
    if status == SUCCESS and outcome == FAILED:
        status, failed = ERROR, True
    request.outcome = outcome if status != REJECTED else None
    seconds = request.seconds if request.seconds is not None else seconds
    instruments = defaults.recorder.start()
    subject = request.subject or defaults.subject(request, None, None)
    with defaults.store.lock:
        cells = defaults.store.cells(labels)
        cells.requests[_STATUS[status]] += 1
        arm = defaults.expose(subject, labels) if status == SUCCESS else None
        missed = None
        if status != REJECTED:
            cells.outcomes[_OUTCOME[outcome]] += 1
            missed = _misses(FAILED if failed else outcome, seconds, defaults.recorder.settings.slo_latency)
            cells.slo[missed] += 1
    defaults.recorder.events.close_request(request, cells, RequestResult(status, outcome, seconds, missed, arm))
    if status != REJECTED and not request.timed:
        instruments.record(catalog.LATENCY, seconds, cells)


def _count_response(recorder: Recorder, cells: Cells, outcome: str, seconds: float | None) -> int | None:
    """Count the request of a slate. The caller holds the store's lock.

    Return 1 if the response missed the service level objective, 0 if not; None without a latency.
    """
    cells.requests[outcome == FAILED] += 1
    cells.outcomes[_OUTCOME[outcome]] += 1
    if seconds is None:
        return None
    missed = _misses(outcome, seconds, recorder.settings.slo_latency)
    cells.slo[missed] += 1
    return missed


def _count_categories(
    recorder: Recorder, cells: Cells, categories: Sequence[object] | None, items: tuple[Hashable, ...], length: int
) -> tuple[str, ...]:
    """Count the items of a slate by category. Return the categories of all items. The caller holds the store's lock."""
    store = recorder.store
    if categories is not None and type(categories) is not str and _increment_known(cells.items, categories):
        if store.categories.full:
            store.categories.touch(categories, cells.used)  # type: ignore[arg-type]  # known, hence texts
        return tuple(categories)  # type: ignore[arg-type]  # known, hence texts
    if categories is None and recorder.categories:
        categories = [recorder.categories.get(str(item)) for item in items]
    flat, bare = flat_categories(() if categories is None else categories, recorder.faults)
    if not flat and recorder.settings.clients_report_impressions:
        bare = length
    store.count_items(cells, flat)
    store.count_items(cells, [catalog.NO_CATEGORY] * bare)
    return flat


def _natural_outcome(length: int, requested: int | None) -> str:
    if not length:
        return EMPTY
    return PARTIAL if isinstance(requested, int) and length < requested else SERVED


def _misses(outcome: str, seconds: float, limit: float) -> int:
    """Return the index in ``catalog.GOODNESS``: 0 if the response meets the service level objective, else 1."""
    return int(seconds > limit or (outcome != SERVED and outcome not in GOOD_OUTCOMES))


def _increment_known(counts: dict[str, int], values: Sequence[Any]) -> bool:
    """Increment the counts of all values and return True. If a value has no count, return False and change nothing."""
    value = None
    try:
        for value in values:
            counts[value] += 1
    except (KeyError, TypeError):
        for value in takewhile(lambda value: _is_key(counts, value), _iterable(values)):
            counts[value] -= 1
        return False
    return value is not None


def _iterable(values: Any) -> Iterable[Any]:
    return values if isinstance(values, Iterable) else ()


def _is_key(counts: dict[str, int], value: object) -> bool:
    try:
        return value in counts
    except TypeError:
        return False
