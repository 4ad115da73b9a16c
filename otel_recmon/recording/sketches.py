"""The HyperLogLog sketches of each model version in one process, and the exported series of the sketches."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from hashlib import blake2b

from otel_recmon import catalog
from otel_recmon.catalog import MAX_SERIES, OTHER, REGISTERS
from otel_recmon.safety import Faults
from otel_recmon.sdk import Keep
from otel_recmon.stats.sketch import MOST_NOTED, Sketch
from otel_recmon.values import LONGEST_VALUE, user_bytes

SKETCHED = (catalog.CATALOG_SKETCH, catalog.USER_SKETCH)


def room(registers: int) -> int:
    """Return the number of model versions that can have sketches, ``_other`` included."""
    return MAX_SERIES // registers


class Sketches:
    """The sketches of one model version."""

    def __init__(self, registers: int) -> None:
        self.items = Sketch(registers)
        self.users = Sketch(registers)

    def of(self, metric: catalog.Metric) -> Sketch:
        """Return the sketch that a metric exports."""
        return self.items if metric is catalog.CATALOG_SKETCH else self.users


class SketchesByVersion:
    """The sketches of all used model versions. If there is no room, further versions share the sketches of ``_other``.

    The caller of ``add`` holds the store's lock.
    """

    def __init__(self, registers: int, faults: Faults, forget: Callable[[Keep], bool]) -> None:
        """Limit the number of model versions, so that the registers of one metric stay within MAX_SERIES.

        ``forget`` deletes series from the SDK; see ``Instruments.forget``.
        """
        self.size = registers
        self.versions = {OTHER: Sketches(registers)}
        self._room = room(registers)
        self._most = MOST_NOTED
        self._faults = faults
        self._forget = forget

    def add(self, version: str, items: Iterable[Hashable], user: object, now: float, declared: Collection[str]) -> None:
        """Add the items and the user of a slate. Versions in ``declared`` get room before other versions."""
        sketches = self.versions.get(version) or self._opened(version, now, declared)
        sketches.items.add(items, now, self._most)
        name = user.strip() if type(user) is str else (user_bytes(user) or b"").decode()
        if name:
            sketches.users.add((name if len(name) <= LONGEST_VALUE else _short(name),), now, self._most)

    def rows(self, metric: catalog.Metric, version: str, now: float) -> Iterator[tuple[float, dict[str, str]]]:
        """Yield the value and the labels of each register in one sketch of a model version.

        Yield nothing if the sketch has no ids of the last five to ten minutes.
        """
        sketches = self.versions.get(version)
        ranks = sketches.of(metric).registers(now) if sketches else None
        for register, rank in zip(REGISTERS, ranks or (), strict=False):
            yield rank, {catalog.MODEL_VERSION.name: version, catalog.REGISTER.name: register}

    def _opened(self, version: str, now: float, declared: Collection[str]) -> Sketches:
        if not self._fits(version, declared):
            self._close_idle(now)
            if not self._fits(version, declared):
                self._faults.overflow(catalog.MODEL_VERSION.name)
                return self.versions[OTHER]
        self.versions[version] = Sketches(self.size)
        self._most = MOST_NOTED // len(self.versions)
        return self.versions[version]

    def _fits(self, version: str, declared: Collection[str]) -> bool:
        waiting = () if version in declared else set(declared) - set(self.versions)
        return len(self.versions) + len(waiting) < self._room

    def _close_idle(self, now: float) -> None:
        idle = {version for version, sketches in self.versions.items() if sketches.items.idle(now)} - {OTHER}
        for version in idle:
            del self.versions[version]
        if idle and not self._forget(lambda name, attributes: not _shows(name, attributes.get("model_version"), idle)):
            self._room -= len(idle)


def _short(name: str) -> bytes:
    """Return a digest of a long user id, to save memory. The digest of an id is the same in every process."""
    return blake2b(name.encode(errors="replace"), digest_size=16).digest()


def _shows(name: str, version: str | None, versions: Collection[str]) -> bool:
    return version in versions and name in {metric.name for metric in SKETCHED}
