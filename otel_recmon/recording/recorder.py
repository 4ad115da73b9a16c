"""The counts, instruments and gauges of one process and meter provider."""

import atexit
import csv
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary, ref

from opentelemetry.metrics import MeterProvider, get_meter_provider

from otel_recmon import catalog
from otel_recmon._version import __version__
from otel_recmon.catalog import Metric
from otel_recmon.config import Settings, read, variable
from otel_recmon.recording.attributor import Attributor
from otel_recmon.recording.experiments import expected_shares
from otel_recmon.recording.instruments import Instruments
from otel_recmon.recording.item_catalog import Categories, load
from otel_recmon.recording.log_events import EventLog
from otel_recmon.recording.model_age import ModelFile
from otel_recmon.recording.sketches import SKETCHED
from otel_recmon.recording.store import Row, Store
from otel_recmon.safety import never_raises, swallow
from otel_recmon.sdk import has_one_consumer, hook_into, is_shutting_down, metric_readers

_logger = logging.getLogger("otel_recmon")


EXIT_SECONDS: Final = 3.0
"""The maximum time of the export at the end of a process, in seconds."""


class Recorder:
    """The state that all collectors of a process share for one meter provider."""

    def __init__(
        self, settings: Settings, provider: MeterProvider | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """Apply the settings. The first call of ``start`` creates the instruments."""
        self._provider = provider
        self._clock = clock
        self._starting = Lock()
        self.started = False
        self._hooked = False
        self.declared_catalog_size: int | None = None
        self.store = Store(settings, clock)
        self.faults = self.store.faults
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Use these settings from now on. Existing counts stay."""
        self.settings = settings
        self.store.configure(settings)
        if not self.started:
            self.instruments = Instruments(self._provider, self.faults, settings.score_buckets)
            self.store.forget_points = self.instruments.forget
        self.categories = self._load_categories(settings.catalog_file)
        self.catalog_size = settings.catalog_size or len(self.categories) or None
        self._file = ModelFile(settings.model_path) if settings.model_path else None
        self._reserve_categories()
        self.attributor = Attributor(settings, self.store)
        self.events = EventLog(settings, self.faults, self.categories)
        self.extended = self.attributor.enabled or self.events.enabled

    def set_catalog_size(self, size: int, model_version: str | None) -> None:
        """Set the catalog size of a model version.

        None stands for all versions without a size of their own. For these versions, a size in the settings takes
        precedence.
        """
        if model_version is None:
            self.declared_catalog_size = size
            return
        with self.store.lock:
            self.store.model(model_version).catalog_size = size

    def start(self) -> Instruments:
        """Return the instruments. The first call creates them: a process that records nothing exports nothing."""
        if not self.started:
            with self._starting:
                if not self.started:
                    self.instruments.create(self._counters, self.gauges)
                    self._hook()
                    self.started = True
        return self.instruments

    def flush(self, timeout_seconds: float) -> None:
        """Export all metrics now. New series are exported twice: as 0, and then with their values."""
        force_flush = getattr(self._provider or get_meter_provider(), "force_flush", None)
        if force_flush is None:
            return
        flush = partial(force_flush, timeout_millis=timeout_seconds * 1000)
        if not self._hooked:
            self._export_zeros(flush)
        flush()

    def _counters(self, metric: Metric) -> list[Row]:
        if not self._hooked:  # the service has set its meter provider after the instruments were created
            self._hook()
        return self.store.rows(metric)

    def _hook(self) -> None:
        """Hook into the meter provider, so that its last export contains the values of new series instead of 0."""

        def prepare(flush: Callable[[], object]) -> None:
            try:
                self._export_zeros(flush)
            except Exception as error:  # noqa: BLE001 - the flush belongs to the service
                swallow(self.faults, "flush", error)

        provider = self._provider or get_meter_provider()
        self._hooked = hook_into(provider, prepare)
        if self._hooked:
            self.store.is_ending = partial(is_shutting_down, provider)
            # Registered after the hook of the SDK, and therefore called before it.
            atexit.register(_flush_at_exit, ref(self))

    def _export_zeros(self, flush: Callable[[], object]) -> None:
        """Export new series as 0, so that the next export can contain their values."""
        if self.store.has_new_values(self._exporting_readers()):
            flush()

    @never_raises
    def flush_at_exit(self) -> None:
        """Export everything, unless the meter provider is shut down already or there are no new series."""
        if self.store.has_new_values(self._exporting_readers()) and not self.store.is_ending():
            self.flush(EXIT_SECONDS)

    def _exporting_readers(self) -> list[object]:
        return list(filter(has_one_consumer, metric_readers(self._provider or get_meter_provider())))

    def gauges(self, metric: Metric) -> Iterable[tuple[float, dict[str, str]]]:
        """Yield the current values of a gauge with their attributes."""
        if metric is catalog.BUILD_INFO:
            for version in self.store.declared or [self.store.default.model_version]:
                yield 1, {"version": __version__, "model_version": version}
            return
        if metric in SKETCHED:
            yield from self._registers(metric)
            return
        if metric is catalog.EXPECTED_SHARE:
            yield from expected_shares(self.settings)
            return
        for version in self.store.serving():
            value = self._gauge(metric, version)
            if value is not None:
                yield value, {"model_version": version}

    def _registers(self, metric: Metric) -> Iterator[tuple[float, dict[str, str]]]:
        with self.store.lock:
            sketches = self.store.sketches
            versions = tuple(sketches.versions) if sketches else ()
        for version in versions:
            yield from sketches.rows(metric, version, self.store.clock()) if sketches else ()

    def _gauge(self, metric: Metric, version: str) -> float | None:
        if metric is catalog.RELOAD_PENDING:
            return self._reload_pending(version)
        with self.store.lock:
            model = self.store.model(version)
        size = self.catalog_size or self.declared_catalog_size
        computed: dict[Metric, Callable[[], float | None]] = {
            catalog.DIVERSITY: model.diversity_now,
            catalog.COVERAGE: lambda: model.coverage_now(size),
            catalog.POPULARITY_GINI: lambda: model.gini_now(size),
            catalog.CATALOG_SIZE: lambda: model.catalog_size or size,
        }
        if metric in computed:
            return computed[metric]()
        updated = model.updated_at or self._loaded_at(version)
        if updated is None:
            return None
        return updated if metric is catalog.MODEL_UPDATED else max(0.0, self._clock() - updated) / 3600

    def _loaded_at(self, version: str) -> float | None:
        if version != self.store.default.model_version:
            return None
        return self.settings.model_updated_at or (self._file.loaded_at if self._file else None)

    def _reload_pending(self, version: str) -> float | None:
        if self._file is None or version != self.store.default.model_version:
            return None
        return float(self._file.pending())

    def _load_categories(self, path: str | None) -> Categories:
        try:
            return load(path) if path else {}
        except (OSError, ValueError, RecursionError, csv.Error) as error:
            _logger.error("%s=%r is not usable: %s; ignoring it", variable("catalog_file"), path, error)  # noqa: TRY400
            return {}

    def _reserve_categories(self) -> None:
        common = Counter(category for item in self.categories.values() for category in item)
        for category, _ in common.most_common(self.settings.max_categories):
            self.store.vocabularies["category"].reserve(category)


_recorders: "WeakKeyDictionary[MeterProvider, Recorder]" = WeakKeyDictionary()
_global: list[Recorder] = []
_lock = Lock()


def recorder(provider: MeterProvider | None = None) -> Recorder:
    """Return the recorder of a meter provider (default: the global provider).

    The first call for a provider creates the recorder, with the settings from the environment variables.
    """
    with _lock:
        found = _global[0] if provider is None and _global else provider and _recorders.get(provider)
        if not found:
            found = Recorder(from_environment(), provider)
            if provider is None:
                _global.append(found)
            else:
                _recorders[provider] = found
        return found


def _flush_at_exit(recorder: "ref[Recorder]") -> None:
    found = recorder()
    if found is not None:
        found.flush_at_exit()


def from_environment() -> Settings:
    """Return the settings from the environment variables of this process. Log each unusable variable."""
    settings, problems = read(os.environ)
    for problem in problems:
        _logger.log(problem.level, "%s", problem)
    return settings
