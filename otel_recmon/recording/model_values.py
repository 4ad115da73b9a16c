"""The diversity, coverage and update time that a service reports about its model."""

from datetime import datetime

from otel_recmon.recording.cells import Model
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.model_age import timestamp
from otel_recmon.safety import never_raises
from otel_recmon.values import is_finite


@never_raises
def set_diversity(defaults: Defaults, score: float) -> None:
    """Replace the diversity computed from the slates by ``score``, 0 to 1."""
    defaults.recorder.start()
    if not is_finite(score) or not 0 <= score <= 1:
        defaults.faults.drop("diversity_invalid", "a diversity from 0 to 1")
        return
    with defaults.store.lock:
        _model(defaults).pushed_diversity = score


@never_raises
def set_coverage(defaults: Defaults, percent: float) -> None:
    """Replace the coverage computed from the slates by ``percent``, 0 to 100."""
    defaults.recorder.start()
    if not is_finite(percent) or not 0 <= percent <= 100:
        defaults.faults.drop("coverage_invalid", "a coverage from 0 to 100")
        return
    with defaults.store.lock:
        _model(defaults).pushed_coverage = percent


@never_raises
def set_age(defaults: Defaults, hours: float) -> None:
    """Set the time of the model's last update to ``hours`` ago. ``hours`` is at least 0."""
    _set_update(defaults, defaults.store.clock() - hours * 3600 if is_finite(hours) and hours >= 0 else None)


@never_raises
def set_update_time(defaults: Defaults, at: datetime | float | None) -> None:
    """Set the time of the model's last update: a datetime (UTC if naive), seconds since 1970, or None for now."""
    _set_update(defaults, defaults.store.clock() if at is None else timestamp(at))


def _set_update(defaults: Defaults, moment: float | None) -> None:
    defaults.recorder.start()
    if moment is None or timestamp(moment) is None:
        defaults.faults.drop("timestamp_invalid", "a time between 1970 and the distant future, or hours from 0")
        return
    with defaults.store.lock:
        _model(defaults).updated_at = moment


def _model(defaults: Defaults) -> Model:
    return defaults.store.model(defaults.labels().model_version)
