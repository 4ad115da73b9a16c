"""The quality of what was recommended: entropy and coverage over sliding windows. Numbers in, numbers out."""

import math
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping
from threading import Lock

DIVERSITY_WINDOW = 1_000
COVERAGE_WINDOW = 10_000
LONGEST_SLATE = 1_000
"""Items of one slate that enter the windows; what bounds their memory."""


class SlidingCounts:
    """How often each value occurred in the last ``length`` slates, at a cost that grows only with the slate."""

    def __init__(self, length: int) -> None:
        """Keep the last ``length`` slates."""
        if length < 1:
            msg = f"a window holds at least one slate, not {length}"
            raise ValueError(msg)
        self.length = length
        self.counts: defaultdict[Hashable, int] = defaultdict(int)
        self._slates: deque[tuple[Hashable, ...]] = deque()

    def add(self, values: tuple[Hashable, ...]) -> None:
        """Count the values of a slate and forget those of the slate that leaves the window."""
        counts = self.counts
        for value in values:
            counts[value] += 1
        self._slates.append(values)
        if len(self._slates) > self.length:
            for value in self._slates.popleft():
                if counts[value] == 1:
                    del counts[value]
                else:
                    counts[value] -= 1


def diversity(counts: Mapping[Hashable, int], universe: int | None = None) -> float:
    """Return the entropy of the counts over its maximum, from 0 (one category) to 1 (all equally often).

    The maximum is log2 of the number of categories counted, or of ``universe`` where the number of
    categories that exist is known. Shannon, "A Mathematical Theory of Communication" (1948), section 6;
    the ratio is Pielou's evenness (1966).
    """
    categories = max(universe or 0, len(counts))
    if len(counts) < 2:
        return 0.0
    total = sum(counts.values())
    entropy = -sum(n / total * math.log2(n / total) for n in counts.values())
    return min(1.0, entropy / math.log2(categories))


def coverage(distinct: int, catalog_size: int) -> float:
    """Return the share of the catalog that ``distinct`` items are, from 0 to 100."""
    if catalog_size < 1:
        msg = f"a catalog has at least one item, not {catalog_size}"
        raise ValueError(msg)
    return min(100.0, 100.0 * distinct / catalog_size)


class Windows:
    """Both windows of one model version, without a lock of their own."""

    def __init__(self, universe: int | None = None) -> None:
        """Start empty; ``universe`` is the number of categories that exist, where it is known."""
        self.universe = universe
        self.categories = SlidingCounts(DIVERSITY_WINDOW)
        self.items = SlidingCounts(COVERAGE_WINDOW)

    def add(self, item_ids: tuple[Hashable, ...], categories: tuple[Hashable, ...]) -> None:
        """Take in one slate; a slate of which no category is known leaves the diversity as it was."""
        self.items.add(item_ids[:LONGEST_SLATE])
        if categories:
            self.categories.add(categories[:LONGEST_SLATE])

    def diversity(self) -> float:
        """Return the diversity of the last 1,000 slates, 0 to 1."""
        return diversity(self.categories.counts, self.universe)

    def coverage(self, catalog_size: int) -> float:
        """Return the coverage of the last 10,000 slates, 0 to 100."""
        return coverage(len(self.items.counts), catalog_size)


class QualityMonitor:
    """Diversity over the last 1,000 and coverage over the last 10,000 slates, safe to share between threads.

    >>> monitor = QualityMonitor()
    >>> monitor.track_recommendations("user-1", ["a", "b"], ["drama", "comedy"])
    >>> monitor.calculate_diversity()
    1.0
    >>> monitor.calculate_coverage(catalog_size=8)
    25.0
    """

    def __init__(self, category_universe: int | None = None) -> None:
        """Start empty; ``category_universe`` is the number of categories that exist, if known."""
        if category_universe is not None and category_universe < 2:
            msg = f"category_universe must be at least 2, not {category_universe}"
            raise ValueError(msg)
        self._windows = Windows(category_universe)
        self._lock = Lock()

    def track_recommendations(
        self,
        user_id: object,  # noqa: ARG002 - part of the verb, and deliberately not kept
        item_ids: Iterable[Hashable],
        categories: Iterable[Hashable] = (),
    ) -> None:
        """Take in one slate: its items and their categories. The user is not stored."""
        items, kinds = tuple(item_ids), tuple(categories)
        with self._lock:
            self._windows.add(items, kinds)

    def calculate_diversity(self) -> float:
        """Return the normalised entropy of the categories in the last 1,000 slates, 0 to 1."""
        with self._lock:
            return self._windows.diversity()

    def calculate_coverage(self, catalog_size: int) -> float:
        """Return distinct items in the last 10,000 slates over ``catalog_size``, 0 to 100.

        Raises:
            ValueError: If ``catalog_size`` is below 1.
        """
        with self._lock:
            return self._windows.coverage(catalog_size)
