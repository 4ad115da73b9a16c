"""Counts of experiment arms: exposures, clicks, conversions and revenue. Each arm is divided into 32 buckets of users.

The caller of ``locate``, ``drop`` or ``retire`` must hold the store's lock.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from otel_recmon import catalog
from otel_recmon.catalog import BUCKETS, MAX_ARMS, OTHER, ROLES
from otel_recmon.config import Settings
from otel_recmon.recording.labels import IDLE_SECONDS, ExportedSeries
from otel_recmon.safety import Faults
from otel_recmon.sdk import Keep
from otel_recmon.values import user_bytes

Admit = Callable[[str, object, float], str | None]
"""A function of a label name, a value and the time in seconds since 1970.

The function returns the exported value; None if the value is unusable.
"""

_PERSON: Final = b"recmon.bucket"
"""Makes the bucket hashes different from the hashes that an assignment service computes from the same text."""


class Subject(NamedTuple):
    """The experiment, user, variant and bucket of a request or event; None for each unknown value.

    A verified recommendation id gives all of these values except the user.
    """

    experiment: str | None = None
    user: Any = None
    variant: str | None = None
    """The experiment arm, which takes precedence over the label ``variant``."""
    bucket: int | None = None
    """The bucket, 0 to 31, which takes precedence over the bucket that is computed from the user."""


UNKNOWN_SUBJECT: Final = Subject()


class Arm(NamedTuple):
    """One arm of one experiment."""

    experiment: str
    variant: str


REST: Final = Arm(OTHER, OTHER)
"""The arm that counts all arms beyond MAX_ARMS, and all arms of the experiment ``_other``, together."""


@dataclass(slots=True)
class ArmCells:
    """The counts of one arm, by bucket."""

    attributes: dict[str, str]
    used: float
    exposures: list[float] = field(default_factory=lambda: [0] * len(BUCKETS))
    clicks: list[float] = field(default_factory=lambda: [0] * len(BUCKETS))
    conversions: list[float] = field(default_factory=lambda: [0] * len(BUCKETS))
    revenue: list[float] = field(default_factory=lambda: [0.0] * len(BUCKETS))
    exported: dict[tuple[str, str], ExportedSeries] = field(default_factory=dict)


class ArmBucket(NamedTuple):
    """The arm and the bucket in which an event counts."""

    cells: ArmCells
    bucket: int

    def log_attributes(self) -> dict[str, str]:
        """Return the experiment, the arm and the bucket for the event log.

        The arm can be known even if ``_other`` replaced the label ``variant`` of the same event.
        """
        labels = self.cells.attributes
        return {"experiment": labels["experiment"], "arm": labels["variant"], "bucket": BUCKETS[self.bucket]}


ARM_COUNTS: Final[dict[catalog.Metric, Callable[[ArmCells], Iterable[tuple[str, float]]]]] = {
    catalog.EXPERIMENT_EXPOSURES: lambda cells: zip(BUCKETS, cells.exposures, strict=True),
    catalog.EXPERIMENT_CLICKS: lambda cells: zip(BUCKETS, cells.clicks, strict=True),
    catalog.EXPERIMENT_CONVERSIONS: lambda cells: zip(BUCKETS, cells.conversions, strict=True),
    catalog.EXPERIMENT_REVENUE: lambda cells: zip(BUCKETS, cells.revenue, strict=True),
}
"""For each experiment counter: a function that returns (bucket, count) pairs.

The pairs include empty buckets, because the variance between buckets depends on them.
"""


class Experiments:
    """The arms of one process, at most MAX_ARMS. There is always room for an arm of a configured split."""

    def __init__(self, admit: Admit, forget_points: Callable[[Keep], bool], faults: Faults) -> None:
        self._admit = admit
        self._forget_points = forget_points
        self._faults = faults
        self._reserved: set[Arm] = set()
        self.reset()

    def configure(self, settings: Settings) -> None:
        """Reserve room for each arm of the configured splits."""
        self._reserved = {Arm(name, arm) for name, shares in settings.expected_shares.items() for arm, _ in shares}

    def reset(self) -> None:
        """Remove all arms. A forked child must start with no arms."""
        self.arms: dict[Arm, ArmCells] = {}
        self._retired = 0

    def locate(self, subject: Subject, variant: str | None, now: float) -> ArmBucket | None:
        """Return the arm and bucket in which an event counts; None if the experiment or the variant is unknown."""
        variant = subject.variant or variant
        if not subject.experiment or not variant:
            return None
        cells = self.arms.get(Arm(subject.experiment, variant)) or self._cells(subject.experiment, variant, now)
        if cells is None:
            return None
        cells.used = now
        known = subject.bucket
        return ArmBucket(cells, bucket(subject.experiment, subject.user) if known is None else known % len(BUCKETS))

    def _cells(self, experiment: str, variant: str, now: float) -> ArmCells | None:
        name, value = self._admit("experiment", experiment, now), self._admit("variant", variant, now)
        if name is None or value is None:
            return None
        arm = REST if name == OTHER else Arm(name, value)
        if arm not in self.arms and not self._has_room(arm) and not self._free_idle(now):
            self._faults.overflow("experiment")
            arm = REST
        if arm not in self.arms:
            self.arms[arm] = ArmCells(arm._asdict(), now)
        return self.arms[arm]

    def _has_room(self, arm: Arm) -> bool:
        return arm in self._reserved or len({REST, *self._reserved, *self.arms}) + self._retired < MAX_ARMS

    def _free_idle(self, now: float) -> bool:
        """Remove the arms that were unused for 24 hours. Return whether the SDK deleted the series of these arms."""
        idle = {arm for arm, cells in self.arms.items() if now - cells.used >= IDLE_SECONDS} - self._reserved

        def belongs(attributes: Mapping[str, str]) -> bool:
            return (attributes.get("experiment"), attributes.get("variant")) in idle

        forgotten = bool(idle) and self._forget_points(lambda _name, attributes: not belongs(attributes))
        gone = self.drop(belongs)
        if not forgotten:
            self.retire(gone)
        return forgotten

    def drop(self, selects: Callable[[Mapping[str, str]], bool]) -> int:
        """Remove the arms for whose attributes ``selects`` returns True. Return the number of removed arms."""
        gone = [arm for arm, cells in self.arms.items() if selects(cells.attributes)]
        for arm in gone:
            del self.arms[arm]
        return len(gone)

    def retire(self, number: int) -> None:
        """Count ``number`` removed arms against MAX_ARMS, because the SDK still exports their series."""
        self._retired += number


def bucket(experiment: str, user: object) -> int:
    """Return the bucket of a user in an experiment, from 0 to 31; 7 and "7" are the same user.

    The bucket is a hash of the experiment and the user. It depends on nothing else: it is the same on all replicas, in
    all versions of Python and in every service. Because the experiment is hashed too, the users of one bucket are
    spread over all buckets in the next experiment.

    Without a user, the bucket of each event is drawn at random. Random buckets are valid if the experiment assigns each
    request, and not each user, to an arm. A click is then rarely in the bucket of its exposure. So the variance of a
    rate r is overestimated by the factor (1 + r) / (1 - r), and results are conservative. Random buckets are not valid
    if the experiment assigns users to arms and users return: the events of one user then count as events of many users.
    """
    name = user_bytes(user)
    if name is None:
        return os.urandom(1)[0] % len(BUCKETS)  # not `random`: the service may have seeded it
    digest = blake2b(experiment.encode(errors="replace") + b"\0" + name, digest_size=8, person=_PERSON).digest()
    return int.from_bytes(digest, "big") % len(BUCKETS)


def expected_shares(settings: Settings) -> Iterable[tuple[float, dict[str, str]]]:
    """Yield the planned share of each arm in the exposures of its experiment (0 to 1), with the labels of the arm.

    The first arm of an experiment is its control.
    """
    for experiment, shares in settings.expected_shares.items():
        for index, (variant, share) in enumerate(shares):
            yield share, {"experiment": experiment, "variant": variant, "role": ROLES[index > 0]}
