"""The content of one finished request, read from its traffic, and the recording of this content."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from otel_recmon.catalog import (
    CLICK,
    CONVERSION,
    ERROR,
    FAILED,
    IMPRESSION,
    NOT_MODIFIED,
    SERVED,
    SUCCESS,
    UNRECOGNIZED,
)
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.experiments import UNKNOWN_SUBJECT, Subject
from otel_recmon.recording.feedback import Origin, record_action, record_click, record_conversion, record_impressions
from otel_recmon.recording.request_context import ACTION, SLATE, RequestContext
from otel_recmon.recording.request_counts import close_request, record_slate
from otel_recmon.recording.slate import Slate

_NONE: Final[frozenset[str]] = frozenset()
_SLATE: Final = frozenset({SLATE})


@dataclass(init=False)
class Observation:
    """The content of one finished request. None stands for a value that the traffic does not contain."""

    # Without __init__ and slots, because most requests set two or three of these values.

    recommends: bool = False
    """Whether the route is a recommendation route."""
    model_version: str | None = None
    variant: str | None = None
    surface: str | None = None
    experiment: str | None = None
    user: Any = None
    slate: Slate | None = None
    """The slate of a successful response; None for other responses, or if the code has recorded a slate.

    The items of the slate are None if no items were found in the response.
    """
    outcome: str | None = None
    """The outcome of a successful response without a slate; None for ``unrecognized``."""
    events: tuple["ReportedEvent", ...] = ()
    """The user events that the request reports."""


class ReportedEvent(NamedTuple):
    """An event that a client reports."""

    kind: str
    """``click``, ``conversion``, ``impression`` or ``action``."""
    values: tuple[Any, ...]
    """The position and item of a click, the revenue of a conversion, the positions and items of impressions, or the
    action of another event."""
    recommendation_id: Any = None
    user: Any = None
    """The user that this event names; None if the user of the request applies."""


NOTHING_OBSERVED: Final = Observation()
"""The observation of a request on a route that the plugin does not watch."""


def record_observation(
    defaults: Defaults, request: RequestContext, seen: Observation, status: str | None, seconds: float
) -> None:
    """Count a finished request and its slate or events. Then close the request and emit its log events.

    ``status`` is ``success``, ``rejected``, ``error``, or None for any other response, such as a redirect.
    """
    if seen.recommends:
        by_code = request.slates or request.status
        _record_response(defaults, request, seen, status, seconds)
        request.close(_NONE if by_code else _SLATE)
    else:
        if request.recorded_by is not None:
            _close(defaults, request, seen, status or SUCCESS, seconds, SERVED)
        for event in seen.events:
            _record_event(defaults, _origin(request, seen, event), event)
        request.close(frozenset(event.kind for event in seen.events) if seen.events else _NONE)
    if request.log is not None:
        defaults.recorder.events.emit_held(request, seen.user)


def _record_event(defaults: Defaults, origin: Origin, event: ReportedEvent) -> None:
    record: Mapping[str, Callable[..., None]] = {
        CLICK: record_click,
        CONVERSION: record_conversion,
        IMPRESSION: record_impressions,
        ACTION: record_action,
    }
    record[event.kind](defaults, origin, *event.values)


def _record_response(
    defaults: Defaults, request: RequestContext, seen: Observation, status: str | None, seconds: float
) -> None:
    status = status or (SUCCESS if request.recorded_by else None)
    if status is None:
        return
    if seen.slate is None or not _record_slate(defaults, request, seen, seen.slate, seconds):
        _close(defaults, request, seen, status, seconds, seen.outcome or UNRECOGNIZED)


def _record_slate(defaults: Defaults, request: RequestContext, seen: Observation, slate: Slate, seconds: float) -> bool:
    """Record the slate of a response. Return whether the request was recorded together with the slate."""
    if slate.items is None:
        request.outcome = request.outcome or slate.outcome
        return False
    if defaults.recorder.settings.experimental:
        slate.subject = _subject(defaults, request, seen)
    closes = request.recorded_by is None and request.seconds is None
    labels = request.labels or defaults.labels(seen.model_version, seen.variant, seen.surface)
    record_slate(defaults, request, labels, slate, seconds if closes else None, closes=closes)
    return closes


def _close(
    defaults: Defaults, request: RequestContext, seen: Observation, status: str, seconds: float, outcome: str
) -> None:
    if request.labels is None:
        labels = defaults.labels(seen.model_version, seen.variant, seen.surface)
        # Such a response has no slate that could name the model version.
        without_slate = status != SUCCESS or request.outcome == FAILED or outcome == NOT_MODIFIED
        request.labels = defaults.with_only_version(labels) if without_slate else labels
    if status == SUCCESS and defaults.recorder.settings.experimental:
        request.subject = _subject(defaults, request, seen)
    close_request(request.recorded_by or defaults, request, status, seconds, FAILED if status == ERROR else outcome)


def _subject(defaults: Defaults, request: RequestContext, seen: Observation) -> Subject | None:
    """Return the experiment, user and bucket of a request. Values from the code take precedence over the traffic."""
    return defaults.subject(request, *_experiment_and_user(request, seen))


def _origin(request: RequestContext, seen: Observation, event: ReportedEvent) -> Origin:
    experiment, user = _experiment_and_user(request, seen)
    user = user if event.user is None else event.user
    return Origin(seen.model_version, seen.variant, seen.surface, experiment, user, event.recommendation_id)


def _experiment_and_user(request: RequestContext, seen: Observation) -> tuple[str | None, Any]:
    known = request.subject or UNKNOWN_SUBJECT
    return known.experiment or seen.experiment, seen.user if known.user is None else None
