"""Who records, and under which labels: what all verbs have in common."""

import math
from typing import Any
from weakref import finalize

from opentelemetry.metrics import MeterProvider

from otel_recmon.catalog import UNKNOWN
from otel_recmon.labels import Labels, clean
from otel_recmon.recorder import recorder


class Labelled:
    """Records with a provider under a model version, a variant and a surface."""

    def __init__(
        self,
        model_version: str | None = None,
        *,
        variant: str | None = None,
        surface: str | None = None,
        catalog_size: int | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        """Set what every call of this collector is labelled with.

        Args:
            model_version: The version that answers; by default OTEL_RECMON_MODEL_VERSION.
            variant: The experiment arm, if there is one.
            surface: The placement, such as ``home``, if there are several.
            catalog_size: Items in the catalog; by default OTEL_RECMON_CATALOG_SIZE. Without it, no coverage.
            meter_provider: The provider to record with; by default the global one, also if it is set later.

        Raises:
            ValueError: If an argument is not usable.
        """
        _check_labels(model_version=model_version, variant=variant, surface=surface)
        if catalog_size is not None and (type(catalog_size) is not int or catalog_size < 1):
            raise ValueError(f"catalog_size must be a whole number from 1, not {catalog_size!r}")
        self.recorder = recorder(meter_provider)
        self.faults = self.recorder.faults
        self._store = self.recorder.store
        self._own = (model_version, variant, surface)
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
            if self._fixed is not None:
                return self._fixed
            if self._own[1] is self._own[2] is None:
                return self._store.default
        own_version, own_variant, own_surface = self._own
        return Labels(
            self._said(model_version, own_version or self._store.default.model_version) or UNKNOWN,
            self._said(variant, own_variant),
            self._said(surface, own_surface),
        )

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
