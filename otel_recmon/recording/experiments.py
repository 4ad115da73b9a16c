"""What the arms of experiments have seen and earned, in buckets of users. The caller holds the store's lock."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from otel_recmon import catalog
from otel_recmon.catalog import BUCKETS, MAX_ARMS, OTHER, ROLES
from otel_recmon.config import Settings
from otel_recmon.recording.labels import IDLE_SECONDS
from otel_recmon.recording.subjects import Subject, bucket
from otel_recmon.safety import Faults

Admitted = Callable[[str, object, float], str | None]
Keep = Callable[[str, Mapping[str, str]], bool]


class Arm(NamedTuple):
    """What is counted apart."""

    experiment: str
    variant: str


REST: Final = Arm(OTHER, OTHER)
"""Stands for every arm that finds no room: none of them can be compared with another any more."""


@dataclass(slots=True)
class ArmCells:
    """Everything that is counted for one arm, by bucket."""

    attributes: dict[str, str]
    used: float
    exposures: list[float] = field(default_factory=lambda: [0] * len(BUCKETS))
    clicks: list[float] = field(default_factory=lambda: [0] * len(BUCKETS))
    conversions: list[float] = field(default_factory=lambda: [0] * len(BUCKETS))
    revenue: list[float] = field(default_factory=lambda: [0.0] * len(BUCKETS))
    exported: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)


class Seat(NamedTuple):
    """Where an event counts."""

    cells: ArmCells
    bucket: int

    def said(self) -> dict[str, str]:
        """Return it as attributes of a log event; the variant of its labels may be a coarser one."""
        labels = self.cells.attributes
        return {"experiment": labels["experiment"], "arm": labels["variant"], "bucket": BUCKETS[self.bucket]}


ARM_COUNTS: Final[dict[catalog.Metric, Callable[[ArmCells], Iterable[tuple[str, float]]]]] = {
    catalog.EXPERIMENT_EXPOSURES: lambda cells: zip(BUCKETS, cells.exposures, strict=True),
    catalog.EXPERIMENT_CLICKS: lambda cells: zip(BUCKETS, cells.clicks, strict=True),
    catalog.EXPERIMENT_CONVERSIONS: lambda cells: zip(BUCKETS, cells.conversions, strict=True),
    catalog.EXPERIMENT_REVENUE: lambda cells: zip(BUCKETS, cells.revenue, strict=True),
}
"""How each counter is read: buckets and their counts, those of 0 as well, for a variance is over all of them."""


class Experiments:
    """The arms of one process, at most MAX_ARMS; a configured one always finds room."""

    def __init__(self, admitted: Admitted, forget_points: Callable[[Keep], bool], faults: Faults) -> None:
        """Take what makes a label value of a text, what the SDK forgets by, and where a lack of room is counted."""
        self._admitted = admitted
        self._forget_points = forget_points
        self._faults = faults
        self._reserved: set[Arm] = set()
        self.forget()

    def configure(self, settings: Settings) -> None:
        """Keep room for the arms of the expected splits."""
        self._reserved = {Arm(name, arm) for name, shares in settings.expected_shares.items() for arm, _ in shares}

    def forget(self) -> None:
        """Start over in a forked child."""
        self.arms: dict[Arm, ArmCells] = {}
        self._retired = 0

    def seat(self, subject: Subject, variant: str | None, now: float) -> Seat | None:
        """Return where an event of a subject counts; None where the experiment or the variant is not known."""
        variant = subject.variant or variant
        if not subject.experiment or not variant:
            return None
        cells = self.arms.get(Arm(subject.experiment, variant)) or self._cells(subject.experiment, variant, now)
        if cells is None:
            return None
        cells.used = now
        known = subject.bucket
        return Seat(cells, bucket(subject.experiment, subject.user) if known is None else known % len(BUCKETS))

    def _cells(self, experiment: str, variant: str, now: float) -> ArmCells | None:
        name, value = self._admitted("experiment", experiment, now), self._admitted("variant", variant, now)
        if name is None or value is None:
            return None
        arm = REST if name == OTHER else Arm(name, value)
        if arm not in self.arms and not self._has_room(arm) and not self._freed(now):
            self._faults.overflow("experiment")
            arm = REST
        if arm not in self.arms:
            self.arms[arm] = ArmCells(arm._asdict(), now)
        return self.arms[arm]

    def _has_room(self, arm: Arm) -> bool:
        return arm in self._reserved or len({REST, *self._reserved, *self.arms}) + self._retired < MAX_ARMS

    def _freed(self, now: float) -> bool:
        """Give back the room of the arms that nothing has used for 24 hours; say whether there was any."""
        idle = {arm for arm, cells in self.arms.items() if now - cells.used >= IDLE_SECONDS} - self._reserved

        def touches(attributes: Mapping[str, str]) -> bool:
            return (attributes.get("experiment"), attributes.get("variant")) in idle

        forgotten = bool(idle) and self._forget_points(lambda _name, attributes: not touches(attributes))
        gone = self.drop(touches)
        if not forgotten:
            self.retire(gone)
        return forgotten

    def drop(self, touches: Callable[[Mapping[str, str]], bool]) -> int:
        """Stop counting arms whose labels were given back, and return how many they were."""
        gone = [arm for arm, cells in self.arms.items() if touches(cells.attributes)]
        for arm in gone:
            del self.arms[arm]
        return len(gone)

    def retire(self, number: int) -> None:
        """Take room for arms that the SDK goes on exporting."""
        self._retired += number


def expected_shares(settings: Settings) -> Iterable[tuple[float, dict[str, str]]]:
    """Yield the share of each arm and its labels: the first of an experiment is its control."""
    for experiment, shares in settings.expected_shares.items():
        for index, (variant, share) in enumerate(shares):
            yield share, {"experiment": experiment, "variant": variant, "role": ROLES[index > 0]}
