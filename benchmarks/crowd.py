"""Simulated users of an experiment: many come once, a few come all the time, and each clicks as he is inclined to."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.judging import Totals

Counted = tuple[Totals, Totals, Totals]
"""Exposures, clicks and conversions so far, by experiment, look, arm and bucket."""

BUCKETS = 32
LOOKS = 50
MOST_VISITS = 500
_AT_ONCE = 4_000_000
"""Users that are simulated at the same time."""


@dataclass(frozen=True)
class Crowd:
    """Who takes part in an experiment.

    Visits follow a power law: a share of 1 / n**2 of the users comes at least n times. The propensity to click has a
    beta distribution over users. A user arrives at any time, and comes back at any time after that.

    Attributes:
        users: How many.
        split: The share of users that each arm really gets, the control's first.
        effects: What multiplies the click-through rate in each arm.
        ctr: The mean click-through rate.
        alike: Users are the more alike the larger this is: the sum of the beta distribution's parameters.
        converting: The share of clicks with a conversion.
    """

    users: int
    split: tuple[float, ...] = (0.5, 0.5)
    effects: tuple[float, ...] = (1.0, 1.0)
    ctr: float = 0.1
    alike: float = 5.0
    converting: float = 0.3

    def experiments(self, chance: np.random.Generator, runs: int) -> Iterator[Counted]:
        """Give what was counted in so many experiments, some of them at a time."""
        size = max(1, _AT_ONCE // self.users)
        for first in range(0, runs, size):
            yield self._some(chance, min(size, runs - first))

    def _some(self, chance: np.random.Generator, runs: int) -> Counted:
        users = runs * self.users
        arm = np.searchsorted(np.cumsum(self.split)[:-1], chance.random(users), side="right")
        place = (np.arange(users) // self.users * len(self.split) + arm) * BUCKETS + chance.integers(0, BUCKETS, users)
        clicking = chance.beta(self.alike * self.ctr, self.alike * (1 - self.ctr), users) * np.take(self.effects, arm)
        visits = np.minimum(1 / np.sqrt(1 - chance.random(users)), MOST_VISITS).astype(np.int64)
        arrival = np.repeat(chance.random(users), visits)
        look = (LOOKS * (arrival + (1 - arrival) * chance.random(arrival.size))).astype(np.int64)
        clicked = chance.random(arrival.size) < np.repeat(clicking, visits)
        cell = look * (runs * len(self.split) * BUCKETS) + np.repeat(place, visits)
        clicks = cell[clicked]
        bought = clicks[chance.random(clicks.size) < self.converting]
        return self._summed(cell, runs), self._summed(clicks, runs), self._summed(bought, runs)

    def _summed(self, cells: npt.NDArray[np.int64], runs: int) -> Totals:
        shape = (LOOKS, runs, len(self.split), BUCKETS)
        counts = np.bincount(cells, minlength=int(np.prod(shape))).reshape(shape)
        return np.moveaxis(np.cumsum(counts, axis=0), 0, 1).astype(np.float64)
