"""The speed of this machine, and deadlines that scale with it."""

import hashlib
import json
import math
import os
import time
from collections.abc import Callable
from functools import cache
from typing import Final, TypeVar

T = TypeVar("T")

USUAL_S: Final = 0.018
"""Processor seconds that the work takes on the machine on which the deadlines were chosen."""
USUAL_CORES: Final = 2
WHOLE_S: Final = 15 * 60
"""What `make test` takes on the usual machine, with the tools built."""
TOLERANCE: Final = 0.3
"""How much slower than usual is still as usual: the measurement wavers, and stories have room for it."""
ROUNDS: Final = 3
"""The fastest counts: whatever else runs makes a round slower, never faster."""
WORK: Final = [{"id": number, "score": number / 7, "category": f"category {number % 9}"} for number in range(400)]


def _work() -> None:
    """Do what the tests do most: run Python code that handles text and small objects."""
    for _ in range(20):
        text = json.dumps(WORK)
        hashlib.sha256(text.encode()).hexdigest()
        sorted(json.loads(text), key=lambda item: item["score"])


def _seconds() -> float:
    """Return the processor seconds of one round."""
    begin = time.process_time()
    _work()
    return time.process_time() - begin


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


@cache
def slowness() -> float:
    """Return how many times as long this machine takes as the usual one: 1 or more, measured once a process."""
    speed = min(_seconds() for _ in range(ROUNDS)) / USUAL_S
    return max(1.0, speed) * max(1.0, USUAL_CORES / cores())


def slow_motion() -> int:
    """Return by how much to stretch a story that runs by the clock, so that the machine keeps up: 1 or more, whole."""
    return math.ceil(slowness() - TOLERANCE)


def patience(seconds: float) -> float:
    """Return the seconds to wait here before giving up, where `seconds` are enough on the usual machine."""
    return seconds * slowness()


def eventually(look: Callable[[], T], deadline_s: float = 60.0) -> T:
    """Return what `look` returns as soon as that is true; fail after the deadline, in seconds of the usual machine."""
    end = time.monotonic() + patience(deadline_s)
    while not (seen := look()):
        assert time.monotonic() < end, f"still {seen!r} after {patience(deadline_s):g} s"
        time.sleep(0.05)
    return seen


def main() -> None:
    """Print how many minutes the whole suite takes on this machine."""
    print(f"about {math.ceil(WHOLE_S * slowness() / 60)} minutes")


if __name__ == "__main__":
    main()
