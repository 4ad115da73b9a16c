"""Simulated users of an experiment, with a heavy-tailed number of visits and individual click propensities."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.experiment_statistics import Totals

Counts = tuple[Totals, Totals, Totals]
"""Cumulative exposures, clicks and conversions, by experiment, look (see ``LOOKS``), arm and bucket."""

BUCKETS = 32
"""The number of user-hash buckets, as in the exported metrics."""
LOOKS = 50
"""The number of times that a running experiment is evaluated, evenly spread over its duration."""
MAX_VISITS = 500
"""The largest number of visits of one user. Without a limit, the power law has an infinite variance."""
_BATCH_USERS = 4_000_000
"""The number of users that are simulated at the same time. It limits the memory."""


@dataclass(frozen=True)
class Population:
    """The users of an experiment.

    Visits follow a power law: a share of 1 / n**2 of the users comes at least n times. The propensity to click has a
    beta distribution over users. The time of a user's first visit is uniform over the experiment. The times of later
    visits are uniform over the remaining time.

    Attributes:
        users: The number of users.
        split: The actual share of users in each arm, the control first.
        effects: The factor of the click-through rate in each arm.
        ctr: The mean click-through rate.
        concentration: The sum of the beta distribution's parameters; a larger one makes users more similar.
        conversion_rate: The share of clicks with a conversion.
    """

    users: int
    split: tuple[float, ...] = (0.5, 0.5)
    effects: tuple[float, ...] = (1.0, 1.0)
    ctr: float = 0.1
    concentration: float = 5.0
    conversion_rate: float = 0.3

    def simulate(self, chance: np.random.Generator, runs: int) -> Iterator[Counts]:
        """Simulate a number of experiments, and yield their counts in batches."""
        size = max(1, _BATCH_USERS // self.users)
        for first in range(0, runs, size):
            yield self._batch(chance, min(size, runs - first))

    def _batch(self, chance: np.random.Generator, runs: int) -> Counts:
        users = runs * self.users
        arm = np.searchsorted(np.cumsum(self.split)[:-1], chance.random(users), side="right")
        place = (np.arange(users) // self.users * len(self.split) + arm) * BUCKETS + chance.integers(0, BUCKETS, users)
        propensity = chance.beta(self.concentration * self.ctr, self.concentration * (1 - self.ctr), users)
        propensity *= np.take(self.effects, arm)
        visits = np.minimum(1 / np.sqrt(1 - chance.random(users)), MAX_VISITS).astype(np.int64)
        arrival = np.repeat(chance.random(users), visits)
        look = (LOOKS * (arrival + (1 - arrival) * chance.random(arrival.size))).astype(np.int64)
        clicked = chance.random(arrival.size) < np.repeat(propensity, visits)
        cell = look * (runs * len(self.split) * BUCKETS) + np.repeat(place, visits)
        clicks = cell[clicked]
        bought = clicks[chance.random(clicks.size) < self.conversion_rate]
        return self._summed(cell, runs), self._summed(clicks, runs), self._summed(bought, runs)

    def _summed(self, cells: npt.NDArray[np.int64], runs: int) -> Totals:
        shape = (LOOKS, runs, len(self.split), BUCKETS)
        counts = np.bincount(cells, minlength=int(np.prod(shape))).reshape(shape)
        return np.moveaxis(np.cumsum(counts, axis=0), 0, 1).astype(np.float64)
