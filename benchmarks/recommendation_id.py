"""The cost of a recommendation id for a slate of 10 items with all labels and a span."""

import random
import statistics
import time
from collections.abc import Callable

from otel_recmon.attribution import Recommendation, Shown, Signer

SLATES, ROUNDS = 3_000, 15
TARGET_US = 15
NOW = 1_800_000_000.0
SHOWN = Shown("bts-2019.11", "treatment", "product_page", "ranking-2026-q3", 17, (1 << 127, 1 << 63))


def main() -> None:
    """Measure each step and print its microseconds."""
    draw = random.Random(1)
    signer, other = Signer(["the first key of all"]), Signer(["the second key of all"])
    last = Signer(["the third key of all", "the second key of all", "the first key of all"])
    slates = [[f"item-{draw.randrange(1_000_000)}" for _ in range(10)] for _ in range(SLATES)]
    tokens = [signer.sign(SHOWN, items, NOW) for items in slates]
    found = [r for token in tokens if isinstance(r := signer.verify(token, NOW, 60), Recommendation)]
    print(f"{len(tokens[0])} characters; median of {ROUNDS} rounds of {SLATES}, target {TARGET_US} us")
    _show("encode and sign", lambda at: signer.sign(SHOWN, slates[at], NOW))
    _show("verify and decode", lambda at: signer.verify(tokens[at], NOW, 60))
    _show("the same by the third key", lambda at: last.verify(tokens[at], NOW, 60))
    _show("refuse a forged one", lambda at: other.verify(tokens[at], NOW, 60))
    _show("find the position of an item", lambda at: found[at].position(slates[at][7]))


def _show(name: str, step: Callable[[int], object]) -> None:
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for at in range(SLATES):
            step(at)
        took.append((time.perf_counter() - start) / SLATES * 1e6)
    print(f"{name:30} {statistics.median(took):5.1f} us  ({min(took):.1f}-{max(took):.1f})")


if __name__ == "__main__":
    main()
