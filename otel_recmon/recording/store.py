"""The counts of one process, by label set. The number of label sets is bounded. A forked child resets the counts."""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from weakref import WeakSet

from otel_recmon import catalog
from otel_recmon.catalog import MAX_SERIES, OTHER, UNKNOWN
from otel_recmon.config import Settings
from otel_recmon.recording.cells import COUNTS, Cells, Model
from otel_recmon.recording.experiments import ARM_COUNTS, ArmBucket, ArmCells, Experiments, Subject
from otel_recmon.recording.labels import IDLE_SECONDS, ExportedSeries, Labels, Vocabulary
from otel_recmon.recording.sketches import SketchesByVersion
from otel_recmon.safety import Faults
from otel_recmon.sdk import Keep, collecting, has_one_consumer
from otel_recmon.stats.quality import Windows
from otel_recmon.values import label_text

MAX_SETS = MAX_SERIES // len(catalog.POSITIONS)
"""The maximum number of label sets. With this many, a metric with one series per position stays within MAX_SERIES."""
_SHARES = (0.60, 0.75, 0.85, 1.0)
"""The shares of MAX_SETS up to which a new label set is admitted, from unchanged to coarsest.

Below the first share, a new label set is admitted unchanged. Above the first share, ``_other`` replaces its surface;
above the second share also its variant; above the third share also its model version. Without these limits, a client
that sends many surfaces could take all the room, and a new model version would find no room.
"""
_RESERVED_SHARE = 0.95
"""The share of MAX_SETS up to which a label set of a configured model version keeps its model version.

The 10 % of MAX_SETS above the third share in ``_SHARES`` are reserved for these label sets.
"""
_LOOK_SECONDS = 1.0
"""The shortest time between two searches for idle label values, in seconds.

Without this limit, a hostile client could cause a search in each request.
"""
_FOLDED = ("", "surface", "variant", "model_version")

Row = tuple[float, dict[str, str]]
_Exported = dict[tuple[str, str], ExportedSeries]
"""The exported series of one label set, by metric name and value of the metric's own label (``Metric.own``)."""
_shows_true_values: ContextVar[bool] = ContextVar("otel_recmon_shows_true_values", default=False)
_stores: "WeakSet[Store]" = WeakSet()


@contextmanager
def true_values() -> Iterator[None]:
    """Let each reading inside this context return the values of new series in place of 0.

    A person who looks at the metrics once needs the values, but Prometheus needs a 0 first. So a reading inside this
    context does not count as the first reading of a series.
    """
    token = _shows_true_values.set(True)
    try:
        yield
    finally:
        _shows_true_values.reset(token)


class Store:
    """The counts of one process for one meter provider.

    The caller of ``cells``, ``arm_bucket``, ``model``, ``count_items`` or ``stage`` must hold ``lock``. ``declare``,
    ``serving``, ``rows`` and ``has_new_values`` acquire the lock themselves.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        """Start with no counts; ``clock`` returns seconds since 1970."""
        self.clock = clock
        self.faults = Faults()
        self.forget_points: Callable[[Keep], bool] = lambda _: True
        self.is_ending: Callable[[], bool] = lambda: False
        """Returns whether the meter provider is shutting down. A reading during the shutdown is the last reading."""
        self.vocabularies: dict[str, Vocabulary] = {}
        self.sketches: SketchesByVersion | None = None
        self._declarations: Counter[str] = Counter()
        self.declared: list[str] = []
        self.default = Labels(UNKNOWN)
        self.experiments = Experiments(self._value, self._forget_points, self.faults)
        self.experimental = False
        self._start_over()
        self.configure(settings)
        _stores.add(self)

    def configure(self, settings: Settings) -> None:
        """Apply these settings. Existing counts stay, except sketches whose number of registers changes."""
        self.settings = settings
        caps = {
            catalog.MODEL_VERSION: settings.max_model_versions,
            catalog.VARIANT: settings.max_variants,
            catalog.EXPERIMENT: settings.max_experiments,
            catalog.SURFACE: settings.max_surfaces,
            catalog.CATEGORY: settings.max_categories,
            catalog.STAGE: settings.max_stages,
            catalog.ACTION: settings.max_actions,
        }
        for label, cap in caps.items():
            self.vocabularies.setdefault(label.name, Vocabulary(label.name, cap)).cap = cap
        self.categories = self.vocabularies[catalog.CATEGORY.name]
        self.experimental = self.experimental or settings.experimental
        self.experiments.configure(settings)
        for experiment, shares in settings.expected_shares.items():
            self.vocabularies["experiment"].reserve(experiment)
            for variant, _ in shares:
                self.vocabularies["variant"].reserve(variant)
        for action in settings.actions:
            self.vocabularies["action"].reserve(action)
        if settings.experiment:
            self.vocabularies["experiment"].reserve(settings.experiment)
        if settings.default_variant:
            self.vocabularies["variant"].reserve(settings.default_variant)
        if settings.model_version and settings.model_version not in self.declared:
            self.declare(settings.model_version)
        if settings.sketch_registers != (self.sketches.size if self.sketches else 0):
            self._open_sketches(settings.sketch_registers)
        self._choose_default()

    def _open_sketches(self, registers: int) -> None:
        self.sketches = SketchesByVersion(registers, self.faults, self._forget_points) if registers else None

    def _forget_points(self, keep: Keep) -> bool:
        return self.forget_points(keep)  # looked up at each call, because the recorder sets it later

    def _start_over(self) -> None:
        self.lock = Lock()
        self.cache = [0, 0]
        self.attributions: Counter[str] = Counter()
        self.models: dict[str, Model] = {}
        self._sets: dict[Labels, Cells] = {}
        self._retired = 0
        self._looked = -math.inf
        self._plain: dict[tuple[str, str], ExportedSeries] = {}
        self._pairs = {"category": 0, "stage": 0, "action": 0}

    def forget(self) -> None:
        """Reset all counts in a forked child. The parent process exports the counts from before the fork."""
        models = self.models
        self._start_over()
        self._open_sketches(self.settings.sketch_registers)
        self.experiments.reset()
        self.faults.reset()
        for version, model in models.items():
            kept = self.model(version)
            kept.updated_at, kept.catalog_size = model.updated_at, model.catalog_size
        self.forget_points(lambda _name, _attributes: False)

    def declare(self, model_version: str) -> None:
        """Reserve a slot for a configured model version. The first declared version is the default."""
        now = self.clock()
        with self.lock:
            self._free(now)
            self.vocabularies["model_version"].reserve(model_version, now)
        self._declarations[model_version] += 1
        self._choose_default()

    def retract(self, model_version: str) -> None:
        """Undo one call of ``declare``, when the collector of a retired model is deleted."""
        self._declarations[model_version] -= 1
        if self._declarations[model_version] <= 0:
            del self._declarations[model_version]
            self.vocabularies["model_version"].release(model_version)
        self._choose_default()

    def _choose_default(self) -> None:
        self.declared = list(self._declarations)
        self.default = Labels(self.declared[0] if self.declared else UNKNOWN, self.settings.default_variant)

    def cells(self, labels: Labels) -> Cells:
        """Return the cells of these labels, or of coarser labels if there is no room for a new set."""
        now = self.clock()
        found = self._sets.get(labels) or self._admitted(labels, now)
        found.used = now
        return found

    def arm_bucket(self, subject: Subject, variant: str | None) -> ArmBucket | None:
        """Return the arm and bucket in which an event counts; None if the experiment or the variant is unknown."""
        return self.experiments.locate(subject, variant, self.clock())

    def model(self, model_version: str) -> Model:
        """Return the state of a model version."""
        if model_version not in self.models:
            self.models[model_version] = Model(Windows(self.settings.categories))
        return self.models[model_version]

    def has_served(self, model_version: str) -> bool:
        """Return whether this process has served a model version."""
        return model_version in self.models

    def count_items(self, cells: Cells, categories: Iterable[str]) -> None:
        """Count one item for each element of ``categories``."""
        for category in categories:
            home, value = self._home(cells, "category", category, lambda at: at.items)
            home.items[value] = home.items.get(value, 0) + 1

    def count_action(self, cells: Cells, action: object) -> str:
        """Count one event of an action. Return the label value under which it counts."""
        home, value = self._home(cells, "action", action, lambda at: at.actions)
        home.actions[value] = home.actions.get(value, 0) + 1
        return value

    def stage(self, cells: Cells, name: object) -> tuple[Cells, str]:
        """Return the cells and the label value under which a stage is counted."""
        home, value = self._home(cells, "stage", name, lambda at: at.stages)
        home.stages.setdefault(value, {**home.attributes, "stage": value})
        return home, value

    def serving(self) -> list[str]:
        """Return the configured model versions and the versions used in the last 24 hours.

        ``unknown`` is returned only if no other version is configured or was used.
        """
        with self.lock:
            since = self.clock() - IDLE_SECONDS
            recent = {cells.labels.model_version for cells in self._sets.values() if cells.used > since}
            return sorted({*self.declared, *recent} - {UNKNOWN}) or [UNKNOWN]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was recorded with a model version: no request, slate or user event."""
        return not self._sets

    def total(self, metric: catalog.Metric) -> float:
        """Return the count of a counter, summed over its series."""
        with self.lock:
            return sum(count for *_, count in self._counted(metric))

    def rows(self, metric: catalog.Metric) -> list[Row]:
        """Return the values and attributes of a counter's series.

        For each metric reader, a new series is 0 at the first reading, so that ``increase()`` includes the first event.
        If several scrapers can share the reader, the series stays 0 for ``settings.first_zero_seconds``, so that each
        scraper sees the 0.
        """
        reader, zero_seconds = collecting.get(), self.settings.first_zero_seconds
        hold = 0.0 if has_one_consumer(reader) else zero_seconds
        with self.lock:
            now, as_they_are = self.clock(), not zero_seconds or _shows_true_values.get() or self.is_ending()
            rows = []
            for exported, attributes, value, count in self._counted(metric):
                series = exported.get((metric.name, value)) or _series(metric, attributes, value)
                if as_they_are:
                    rows.append((count, series.attributes))
                else:
                    exported[metric.name, value] = series
                    rows.append((0 if _is_held(series, id(reader), now, hold) else count, series.attributes))
            return rows

    def has_new_values(self, readers: Iterable[object]) -> bool:
        """Return whether one of the readers has not yet read a series that has a value, and would therefore read 0."""
        keys = {id(reader) for reader in readers}
        with self.lock:
            return bool(self.settings.first_zero_seconds) and any(
                count and not keys <= _readers_of(exported.get((metric.name, value)))
                for metric in catalog.METRICS
                if metric.kind is catalog.Kind.COUNTER
                for exported, _, value, count in self._counted(metric)
            )

    def _plain_counts(self, metric: catalog.Metric) -> list[tuple[str, int]]:
        hits, misses = self.cache
        used = hits or misses
        counts: dict[catalog.Metric, dict[str, int]] = {
            catalog.CACHE_HITS: {"": hits} if used else {},
            catalog.CACHE_MISSES: {"": misses} if used else {},
            catalog.ATTRIBUTIONS: self.attributions,
            catalog.DROPPED: self.faults.dropped,
            catalog.ERRORS: self.faults.errors,
            catalog.OVERFLOW: self.faults.overflowed,
        }
        return list(counts[metric].items())

    def _counted(self, metric: catalog.Metric) -> Iterator[tuple[_Exported, dict[str, str], str, float]]:
        """Yield (exported series, attributes, value, count) for each series of a metric.

        The exported series and the attributes belong to the label set, the value to the label ``metric.own``.
        """
        if metric in COUNTS:
            for cells in self._sets.values():
                yield from ((cells.exported, cells.attributes, *row) for row in COUNTS[metric](cells))
        elif metric in ARM_COUNTS:
            for arm in self.experiments.arms.values():
                yield from ((arm.exported, arm.attributes, *row) for row in ARM_COUNTS[metric](arm))
        else:
            yield from ((self._plain, {}, *row) for row in self._plain_counts(metric))

    def _admitted(self, labels: Labels, now: float) -> Cells:
        admitted = Labels(
            self._value("model_version", labels.model_version, now) or UNKNOWN,
            self._value("variant", labels.variant, now),
            self._value("surface", labels.surface, now),
        )
        size = len(self._sets) + self._retired
        if admitted not in self._sets and size >= MAX_SETS * _SHARES[0]:
            self._free(now)
            size = len(self._sets) + self._retired
        placed = self._fold(admitted, self._sets.__contains__, size, MAX_SETS)
        if placed not in self._sets:
            model = self.model(placed.model_version)
            self._sets[placed] = Cells(placed, placed.attributes(), model, now)
        return self._sets[placed]

    def _value(self, label: str, value: object, now: float) -> str | None:
        """Return the exported value: None for an unusable value, ``_other`` for a new value if no slot is free."""
        if value is None:
            return None
        text = label_text(value)
        if text is None:
            self.faults.drop("label_invalid", f"{label} to be a text of at most 100 characters or a number")
            return None
        vocabulary = self.vocabularies[label]
        if not vocabulary.admit(text, now):
            self._free(now)
            if not vocabulary.admit(text, now):
                self.faults.overflow(label)
                return OTHER
        return text

    def _fold(self, labels: Labels, taken: Callable[[Labels], bool], size: int, most: int) -> Labels:
        """Return the finest form of the labels that already exists or for which there is room."""
        reserved = labels.model_version in self.declared
        for depth, folded in enumerate(labels.folds()):
            share = _RESERVED_SHARE if depth == 2 and reserved else _SHARES[depth]
            if taken(folded) or size < most * share:
                if folded != labels:
                    self.faults.overflow(_FOLDED[depth])
                return folded
        return folded

    def _home(
        self, cells: Cells, label: str, value: object, known: Callable[[Cells], Container[str]]
    ) -> tuple[Cells, str]:
        """Return the cells and the label value for a category or a stage.

        The number of pairs of label set and category (or stage) is bounded. Without room, the labels become coarser.
        """
        text = self._value(label, value, cells.used) or UNKNOWN
        size = self._pairs[label]

        def taken(labels: Labels) -> bool:
            return labels in self._sets and text in known(self._sets[labels])

        home = self.cells(self._fold(cells.labels, taken, size, MAX_SERIES))
        if text not in known(home):
            if size >= MAX_SERIES - 2 * len(_SHARES):
                text = OTHER
            self._pairs[label] += text not in known(home)
        return home, text

    def _free(self, now: float) -> None:
        """Free the slots of label values that were unused for 24 hours. Do nothing if called again within a second."""
        if 0 <= now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        counted: Iterable[Cells | ArmCells] = (*self._sets.values(), *self.experiments.arms.values())
        for cells in counted:
            for label, value in cells.attributes.items():
                self.vocabularies[label].touch((value,), cells.used)
        idle = {label: vocabulary.idle(now) for label, vocabulary in self.vocabularies.items()}
        if not any(idle.values()):
            return
        gone = [key for key, cells in self._sets.items() if _touches(cells.attributes, idle)]
        for key in gone:
            del self._sets[key]
        arms = self.experiments.drop(lambda attributes: _touches(attributes, idle))
        for cells in self._sets.values():
            cells.drop(idle)
        for label, values in idle.items():
            self.vocabularies[label].free(values)
        for version in idle["model_version"]:
            self.models.pop(version, None)
        if self.forget_points(lambda _name, attributes: not _touches(attributes, idle)):
            self._pairs["category"] = sum(len(cells.items) for cells in self._sets.values())
            self._pairs["stage"] = sum(len(cells.stages) for cells in self._sets.values())
            self._pairs["action"] = sum(len(cells.actions) for cells in self._sets.values())
        else:
            self._retired += len(gone)
            self.experiments.retire(arms)


def _series(metric: catalog.Metric, attributes: dict[str, str], value: str) -> ExportedSeries:
    own = {metric.own.name: value} if metric.own else {}
    return ExportedSeries({**attributes, **own}, {})


def _is_held(series: ExportedSeries, reader: int, now: float, hold: float) -> bool:
    """Return whether a reader must still read a series as 0, and note the first reading.

    If the clock was set back, the 0 ends early.
    """
    first = series.first_read.get(reader)
    if first is None:
        series.first_read[reader] = now
        return True
    return 0 <= now - first < hold


def _readers_of(series: ExportedSeries | None) -> AbstractSet[int]:
    return series.first_read.keys() if series else frozenset()


def _touches(attributes: Mapping[str, str], values: dict[str, set[str]]) -> bool:
    return any(attributes.get(label) in gone for label, gone in values.items())


def _forget_all() -> None:
    for store in list(_stores):
        store.forget()


os.register_at_fork(after_in_child=_forget_all)
