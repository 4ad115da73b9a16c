"""A simulation of CtrLow: its false alarms, and its time to detection."""

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.alerts.rule import AlertRule
from otel_recmon.artifacts.docs.alert_reference import CTR_LOW, Simulated
from otel_recmon.artifacts.settings.thresholds import load, seconds

SEED = 5
DRAWS = 1_000
AT_ONCE = 50
REQUESTS_A_MINUTE = 60
MONTH = 30 * 24 * 60
TWO_HOURS = 120
ABOVE, BELOW = 1.2, 0.7

Counts = npt.NDArray[np.int64]
Verdicts = npt.NDArray[np.bool_]


@cache
def rule() -> AlertRule:
    return next(rule for rule in rules(load()) if rule.name == "CtrLow")


def minutes(duration: str) -> int:
    return seconds(duration) // 60


def within(counts: Counts, window: int) -> Counts:
    """How many there were in the window that ends with each minute."""
    summed = np.cumsum(counts, axis=1)
    summed[:, window:] -= summed[:, :-window].copy()
    return summed


def significantly_low(clicks: Counts, others: Counts) -> Verdicts:
    """Return whether the upper Poisson bound is below the threshold and the traffic is at least the minimum."""
    window = minutes(rule().tuning.window)
    clicked, requests = within(clicks, window), within(clicks + others, window)
    z = rule().config.general.z
    upper = (clicked + z * z / 2 + z * np.sqrt(clicked + z * z / 4)) / requests
    found: Verdicts = (upper < rule().threshold) & (requests >= rule().minimum_traffic)
    return found


def firing(low: Verdicts) -> Verdicts:
    """Whether it has been so for long enough, at each minute's evaluation."""
    held = within(low.astype(np.int64), minutes(rule().hold) + 1)
    found: Verdicts = held == minutes(rule().hold) + 1
    return found


def drawn(chance: np.random.Generator, shares: npt.NDArray[np.float64]) -> Verdicts:
    """When the alert fires, in some draws of traffic whose true click-through rate is this, minute by minute."""
    size = (AT_ONCE, len(shares))
    clicks = chance.poisson(REQUESTS_A_MINUTE * shares, size)
    others = chance.poisson(REQUESTS_A_MINUTE * (1 - shares), size)
    return firing(significantly_low(clicks, others))


def times(multiple: float, length: int) -> npt.NDArray[np.float64]:
    return np.full(length, multiple * rule().threshold)


def simulated() -> Simulated:
    chance = np.random.default_rng(SEED)
    window = minutes(rule().tuning.window)
    after_window = np.concatenate((times(ABOVE, window), times(BELOW, TWO_HOURS)))
    alarms = detected = detected_after = 0
    for _ in range(DRAWS // AT_ONCE):
        fires = drawn(chance, times(ABOVE, MONTH))
        alarms += int((fires[:, 1:] & ~fires[:, :-1]).sum())
        detected += int(drawn(chance, times(BELOW, TWO_HOURS)).any(axis=1).sum())
        detected_after += int(drawn(chance, after_window)[:, window:].any(axis=1).sum())
    return Simulated(DRAWS, alarms / DRAWS, detected / DRAWS, detected_after / DRAWS)


def test_the_documentation_has_the_simulated_figures() -> None:
    assert simulated() == CTR_LOW


def test_false_alarms_are_rare_and_a_drop_is_detected_within_two_hours() -> None:
    assert CTR_LOW.draws >= 1_000
    assert CTR_LOW.false_alarms <= 1
    assert math.floor(100 * min(CTR_LOW.detected, CTR_LOW.detected_after)) >= 99
