"""Who records, and under which labels: what all verbs have in common."""

import math
from typing import Any
from weakref import finalize

from opentelemetry.metrics import MeterProvider

from otel_recmon.catalog import UNKNOWN
from otel_recmon.recording.experiments import Seat
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.request_context import Scope
from otel_recmon.recording.subjects import NOBODY, Subject
from otel_recmon.values import clean


class Labelled:
    """Records with a provider under a model version, a variant and a surface."""

    def __init__(
        self,
        model_version: str | None = None,
        *,
        variant: str | None = None,
        surface: str | None = None,
        experiment: str | None = None,
        catalog_size: int | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        """Set what every call of this collector is labelled with.

        Args:
            model_version: The version that answers; by default OTEL_RECMON_MODEL_VERSION.
            variant: The experiment arm, if there is one.
            surface: The placement, such as ``home``, if there are several.
            experiment: The experiment that the variant is an arm of; by default OTEL_RECMON_EXPERIMENT.
            catalog_size: Items in the catalog; by default OTEL_RECMON_CATALOG_SIZE. Without it, no coverage.
            meter_provider: The provider to record with; by default the global one, also if it is set later.

        Raises:
            ValueError: If an argument is not usable.
        """
        _check_labels(model_version=model_version, variant=variant, surface=surface, experiment=experiment)
        if catalog_size is not None and (type(catalog_size) is not int or catalog_size < 1):
            raise ValueError(f"catalog_size must be a whole number from 1, not {catalog_size!r}")
        self.recorder = recorder(meter_provider)
        self.faults = self.recorder.faults
        self._store = self.recorder.store
        self._own = (model_version, variant, surface)
        self._experiment = experiment
        self._store.experimental = self._store.experimental or experiment is not None
        self._fixed = Labels(model_version, variant, surface) if model_version else None
        if model_version is not None:
            self._store.declare(model_version)
            finalize(self, self._store.retract, model_version).atexit = False
        if catalog_size is not None and model_version is None:
            self.recorder.declared_catalog_size = catalog_size
        elif catalog_size is not None:
            with self._store.lock:
                self._store.model(str(model_version)).catalog_size = catalog_size

    def labels(
        self, model_version: str | None = None, variant: str | None = None, surface: str | None = None
    ) -> Labels:
        """Return what a call is counted under: what it says, else what this collector was built with."""
        if model_version is variant is surface is None:
            if self._fixed is None:
                if self._own[1] is self._own[2] is None:
                    return self._store.default
            elif self._fixed.variant or not self._store.default.variant:
                return self._fixed
        own_version, own_variant, own_surface = self._own
        return Labels(
            self._said(model_version, own_version or self._store.default.model_version) or UNKNOWN,
            self._said(variant, own_variant or self._store.default.variant),
            self._said(surface, own_surface),
        )

    def subject(self, scope: Scope | None, experiment: object, user: object) -> Subject | None:
        """Return whom an experiment counts: what a call says, else this collector or the request, else the settings.

        None where nobody says that there is an experiment.
        """
        if experiment is None and not self._store.experimental and (scope is None or scope.subject is None):
            return None
        known = (scope and scope.subject) or NOBODY
        named = self._said(experiment, self._experiment) or known.experiment or self._store.settings.experiment
        if named != known.experiment:
            known = Subject(user=known.user)
        if user is not None and known.user not in (None, user):
            known = known._replace(bucket=None)  # it is that of somebody else
        return known._replace(experiment=named, user=known.user if user is None else user)

    def exposed(self, subject: Subject, labels: Labels) -> Seat | None:
        """Count a successful request for an experiment, and say where. The caller holds the lock."""
        seat = self._store.seat(subject, labels.variant)
        if seat is not None:
            seat.cells.exposures[seat.bucket] += 1
        return seat

    def _said(self, value: Any, otherwise: str | None) -> str | None:
        if value is None or value == "":
            return otherwise
        if type(value) is str:
            return value
        text = clean(value)
        if text is None:
            self.faults.drop("label_invalid", "a label to be a text of at most 100 characters or a number")
        return text


def is_number(value: object) -> bool:
    """Say whether a value is a finite number; truth values are none."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def _check_labels(**values: object) -> None:
    for name, value in values.items():
        if value is not None and (not isinstance(value, str) or clean(value) != value):
            raise ValueError(f"{name} must be a text of 1 to 100 characters without blanks around it, not {value!r}")
