"""The labels and the experiment of one collector: the defaults of its calls."""

from typing import Any
from weakref import finalize

from otel_recmon.catalog import UNKNOWN
from otel_recmon.recording.experiments import UNKNOWN_SUBJECT, ArmBucket, Subject
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.recorder import Recorder
from otel_recmon.recording.request_context import RequestContext
from otel_recmon.values import label_text


class Defaults:
    """The recorder of a collector, with the labels and the experiment that the collector was created with."""

    def __init__(
        self,
        recorder: Recorder,
        model_version: str | None = None,
        variant: str | None = None,
        surface: str | None = None,
        experiment: str | None = None,
    ) -> None:
        self.recorder = recorder
        self.store = recorder.store
        self.faults = recorder.faults
        self.own = (model_version, variant, surface)
        self._experiment = experiment
        self._fixed = Labels(model_version, variant, surface) if model_version else None
        self.store.experimental = self.store.experimental or experiment is not None
        if model_version is not None:
            self.store.declare(model_version)
            finalize(self, self.store.retract, model_version).atexit = False

    def labels(
        self, model_version: str | None = None, variant: str | None = None, surface: str | None = None
    ) -> Labels:
        """Return the labels of a call.

        A label that the call does not give comes from the collector, or from the settings if the collector does not
        have this label either.
        """
        if model_version is variant is surface is None:
            if self._fixed is None:
                if self.own[1] is self.own[2] is None:
                    return self.store.default
            elif self._fixed.variant or not self.store.default.variant:
                return self._fixed
        own_version, own_variant, own_surface = self.own
        return Labels(
            self._usable(model_version, own_version or self.store.default.model_version) or UNKNOWN,
            self._usable(variant, own_variant or self.store.default.variant),
            self._usable(surface, own_surface),
        )

    def with_only_version(self, labels: Labels) -> Labels:
        """Return ``labels``. If exactly one model version is in use (see ``Store.serving``), it replaces ``unknown``.

        Failed responses, responses with the status code 304, clicks and conversions rarely name their model version.
        """
        if labels.model_version != UNKNOWN:
            return labels
        serving = [version for version in self.store.serving() if version != UNKNOWN]
        return labels._replace(model_version=serving[0]) if len(serving) == 1 else labels

    def subject(self, request: RequestContext | None, experiment: object, user: object) -> Subject | None:
        """Return the experiment, user, variant and bucket of a call; None if no experiment is configured or named.

        The experiment comes from the first of these that names one: the call, the collector, the request, the settings.
        """
        if experiment is None and not self.store.experimental and (request is None or request.subject is None):
            return None
        known = (request and request.subject) or UNKNOWN_SUBJECT
        named = self._usable(experiment, self._experiment) or known.experiment or self.store.settings.experiment
        if named != known.experiment:
            known = Subject(user=known.user)
        if user is not None and known.user not in (None, user):
            known = known._replace(bucket=None)  # the bucket belongs to the other user
        return known._replace(experiment=named, user=known.user if user is None else user)

    def expose(self, subject: Subject | None, labels: Labels) -> ArmBucket | None:
        """Count an exposure. Return its arm and bucket; None if the experiment or the variant is unknown.

        The caller holds the store's lock.
        """
        found = self.store.arm_bucket(subject, labels.variant) if subject else None
        if found is not None:
            found.cells.exposures[found.bucket] += 1
        return found

    def _usable(self, value: Any, default: str | None) -> str | None:
        if value is None or value == "":
            return default
        if type(value) is str:
            return value
        text = label_text(value)
        if text is None:
            self.faults.drop("label_invalid", "a label to be a text of at most 100 characters or a number")
        return text
