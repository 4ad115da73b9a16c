"""The speed of this machine, and the deadlines and test durations that depend on it."""

import hashlib
import json
import math
import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

USUAL_S: Final = 0.018
"""Processor seconds that one round takes on the machine on which the deadlines were chosen."""
ROUNDS: Final = 7
"""The fastest round counts, because other processes can only make a round slower."""
TOLERANCE: Final = 0.3
"""A machine up to 30 % slower counts as usual: the measurement varies that much."""
WHOLE_S: Final = 15 * 60
"""Seconds that `make test` takes on the usual machine, with the tools built."""
OVERRIDE: Final = "TEST_SLOWNESS"
"""The variable that replaces the measurement, to see how the tests fare on a machine so many times slower."""
QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""The processor time of a container: a quota and its period, both in microseconds; the quota may be `max`."""
WORK: Final = [{"id": number, "score": number / 7, "category": f"category {number % 9}"} for number in range(400)]


def _round() -> float:
    """Return the processor seconds of what the tests do most: Python code on text and small objects."""
    begin = time.process_time()
    for _ in range(20):
        text = json.dumps(WORK)
        hashlib.sha256(text.encode()).hexdigest()
        sorted(json.loads(text), key=lambda item: item["score"])
    return time.process_time() - begin


def processors() -> float:
    """Return how many processors this process may use, by its affinity and by the quota of its container."""
    allowed = float(len(os.sched_getaffinity(0)))
    quota, _, period = QUOTA.read_text().partition(" ") if QUOTA.exists() else ("max", "", "")
    return allowed if quota == "max" else min(allowed, int(quota) / int(period))


@cache
def slowness() -> float:
    """Return how many times as long as the usual machine this one takes: 1 or more, measured once a process.

    The usual machine has a processor for each of pytest's workers.
    """
    if OVERRIDE in os.environ:
        return float(os.environ[OVERRIDE])
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    processor = min(_round() for _ in range(ROUNDS)) / USUAL_S
    return max(1.0, processor) * max(1.0, workers / processors())


def stretch_factor() -> int:
    """Return the whole factor, 1 or more, by which tests that run by the real clock last longer here."""
    return math.ceil(slowness() - TOLERANCE)


def scaled(seconds: float) -> float:
    """Return a deadline for this machine, given the one for the usual machine, both in seconds."""
    return seconds * max(slowness(), stretch_factor())


def eventually(look: Callable[[], T], deadline_s: float = 60.0) -> T:
    """Return what `look` returns as soon as that is true; fail after the scaled deadline."""
    end = time.monotonic() + scaled(deadline_s)
    while not (seen := look()):
        assert time.monotonic() < end, f"still {seen!r} after {scaled(deadline_s):g} s"
        time.sleep(0.05)
    return seen


def main() -> None:
    """Print how many minutes the whole suite takes on this machine."""
    print(f"about {math.ceil(WHOLE_S * slowness() / 60)} minutes")


if __name__ == "__main__":
    main()
