"""Counting of the clicks, conversions, impressions and other events that clients report."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from otel_recmon import catalog
from otel_recmon.catalog import CLICK, CONVERSION, DUPLICATE, IMPRESSION
from otel_recmon.recording.attributor import NOT_ATTRIBUTED, Credit
from otel_recmon.recording.cells import Cells
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.experiments import ArmBucket
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.request_context import ACTION, active_request, consume_repeat
from otel_recmon.recording.slate import position_indexes
from otel_recmon.safety import never_raises
from otel_recmon.values import UNKNOWN_INDEX, is_finite, position_index


class Origin(NamedTuple):
    """The labels, the experiment, the user and the recommendation id of an event; None for each unknown value."""

    model_version: str | None = None
    variant: str | None = None
    surface: str | None = None
    experiment: object = None
    user: object = None
    recommendation_id: object = None


@never_raises
def record_click(defaults: Defaults, origin: Origin, position: object = None, item: object = None) -> None:
    """Count a click; positions start at 1. A user's second click on the same item of a slate is not counted."""
    if _note_event(CLICK):
        return
    attributor = defaults.recorder.attributor
    credit = attributor.click(origin.recommendation_id, item, position, origin.user) or NOT_ATTRIBUTED
    if credit.result == DUPLICATE:
        return
    position = credit.position(position, item)
    index = position_index(position)
    if index is None:
        if position is not None:
            defaults.faults.drop("position_invalid", "a position to be a whole number from 1")
        index = UNKNOWN_INDEX
    instruments = defaults.recorder.start()
    labels = _labels(defaults, origin, credit)
    with defaults.store.lock:
        cells, arm = _locate(defaults, labels, origin, credit)
        cells.clicks[index] += 1
        if arm is not None:
            arm.cells.clicks[arm.bucket] += 1
    if credit.delay is not None:
        instruments.record(catalog.CLICK_DELAY, credit.delay, cells)
    defaults.recorder.events.click(cells, origin.user, position, arm, credit.log_attributes())


@never_raises
def record_conversion(defaults: Defaults, origin: Origin, revenue: float | Decimal = 0.0) -> None:
    """Count a conversion. Record its revenue, in the currency of the service, if the revenue is above 0."""
    if _note_event(CONVERSION):
        return
    credit = defaults.recorder.attributor.event(origin.recommendation_id) or NOT_ATTRIBUTED
    instruments = defaults.recorder.start()
    if isinstance(revenue, Decimal):
        revenue = float(revenue)
    usable = is_finite(revenue) and revenue >= 0
    labels = _labels(defaults, origin, credit)
    with defaults.store.lock:
        cells, arm = _locate(defaults, labels, origin, credit)
        cells.conversions += 1
        if arm is not None:
            arm.cells.conversions[arm.bucket] += 1
            arm.cells.revenue[arm.bucket] += revenue if usable else 0
    if credit.delay is not None:
        instruments.record(catalog.CONVERSION_DELAY, credit.delay, cells)
    if not usable:
        defaults.faults.drop("revenue_invalid", "a revenue from 0")
    elif revenue > 0:
        instruments.record(catalog.REVENUE, revenue, cells)
    logged = float(revenue) if usable else None
    defaults.recorder.events.conversion(cells, origin.user, logged, arm, credit.log_attributes())


@never_raises
def record_impressions(defaults: Defaults, origin: Origin, positions: Any = (), items: Sequence[object] = ()) -> None:
    """Count one impression for each item that a client reports as seen. Positions start at 1."""
    if _note_event(IMPRESSION):
        return
    credit = defaults.recorder.attributor.event(origin.recommendation_id) or NOT_ATTRIBUTED
    positions = credit.positions(positions, items)
    shown = position_indexes(positions, defaults.faults)
    defaults.recorder.start()
    labels = _labels(defaults, origin, credit)
    with defaults.store.lock:
        cells = defaults.store.cells(labels)
        cells.show_at(shown or ())
    defaults.recorder.events.impressions(cells, origin.user, positions, credit.result)


@never_raises
def record_action(defaults: Defaults, origin: Origin, action: object) -> None:
    """Count an event that is neither a click nor a conversion, by its action."""
    if _note_event(ACTION):
        return
    credit = defaults.recorder.attributor.event(origin.recommendation_id) or NOT_ATTRIBUTED
    defaults.recorder.start()
    labels = _labels(defaults, origin, credit)
    with defaults.store.lock:
        cells = defaults.store.cells(labels)
        counted = defaults.store.count_action(cells, action)
    defaults.recorder.events.action(cells, origin.user, counted, credit.result)


def _note_event(kind: str) -> bool:
    """Note an event in the request in progress. Return whether the plugin has already recorded the event."""
    request = active_request()
    if request is not None:
        request.events += (kind,)
    return consume_repeat(kind)


def _labels(defaults: Defaults, origin: Origin, credit: Credit) -> Labels:
    """Return the labels of the slate to which an event is attributed, or else the labels of the event itself."""
    labels = credit.labels()
    if labels is not None:
        return labels
    labels = defaults.labels(origin.model_version, origin.variant, origin.surface)
    return defaults.with_only_version(labels) if origin.model_version is None else labels


def _locate(defaults: Defaults, labels: Labels, origin: Origin, credit: Credit) -> tuple[Cells, ArmBucket | None]:
    """Return the cells in which an event counts, and its arm and bucket; None in place of an unknown arm.

    The caller holds the store's lock.
    """
    subject = credit.subject(origin.user) or defaults.subject(active_request(), origin.experiment, origin.user)
    return defaults.store.cells(labels), defaults.store.arm_bucket(subject, labels.variant) if subject else None
