"""Diversity, catalog coverage and Gini index of the last recommendations, over sliding windows."""

import math
from collections import Counter, deque
from collections.abc import Hashable, Iterable, Mapping
from itertools import chain
from marshal import dumps, loads
from threading import Lock
from typing import Any, Final

DIVERSITY_WINDOW = 1_000
"""The number of slates from which diversity is computed."""
COVERAGE_WINDOW = 10_000
"""The number of slates from which catalog coverage and the Gini index are computed."""
LONGEST_SLATE = 1_000
"""The maximum number of items, and of categories, of one slate that are stored. It limits the memory of the windows."""
_SEPARATOR: Final = "\0"
"""The separator between the values of a stored slate.

If a value of a slate contains this character, the slate is stored with marshal instead.
"""


class SlidingCounts:
    """The number of occurrences of each value in the last ``length`` slates.

    ``add`` only appends the slate; ``counts`` counts the slates added since the last call, and subtracts the slates
    that left the window. So each slate is counted at most once and subtracted at most once, and at most two windows of
    slates are in memory. Threads may add slates while one thread reads: deques need no lock for this.

    A slate is stored as one text, or as bytes. Tuples would cost a server several times as much as the recording
    itself: they would keep memory that the next request could use, and the garbage collector would traverse each value.
    """

    def __init__(self, length: int) -> None:
        if length < 1:
            msg = f"a window must hold at least one slate, not {length}"
            raise ValueError(msg)
        self.length = length
        self._added: deque[str | bytes] = deque(maxlen=length)
        self._counted: deque[str | bytes] = deque()
        self._counts: Counter[Hashable] = Counter()

    def add(self, values: tuple[Hashable, ...]) -> None:
        """Add the values of one slate. If marshal cannot write one of the values, add the hashes of all values."""
        try:
            text = _SEPARATOR.join(values)  # type: ignore[arg-type]  # nearly always texts; others raise TypeError
            separable = text.count(_SEPARATOR) == len(values) - 1
        except TypeError:
            separable = False
        self._added.append(text if separable else _dumped(values))

    def counts(self) -> Counter[Hashable]:
        """Return the number of occurrences of each value in the window. Only one thread at a time may call this."""
        added = [self._added.popleft() for _ in range(len(self._added))]
        if len(added) == self.length:
            self._counted.clear()
            self._counts.clear()
        self._counts.update(_values(added))
        self._counted.extend(added)
        self._subtract_oldest(max(0, len(self._counted) - self.length))
        return self._counts

    def _subtract_oldest(self, slates: int) -> None:
        gone = Counter(_values(self._counted.popleft() for _ in range(slates)))
        counts = self._counts
        for value, times in gone.items():
            if counts[value] == times:
                del counts[value]
            else:
                counts[value] -= times


def _dumped(values: tuple[Hashable, ...]) -> bytes:
    try:
        return dumps(values)  # type: ignore[arg-type]  # a type that marshal cannot write raises ValueError
    except ValueError:
        return dumps(tuple(map(hash, values)))


def _values(slates: Iterable[str | bytes]) -> Iterable[Hashable]:
    return chain.from_iterable(
        slate.split(_SEPARATOR) if isinstance(slate, str) else loads(slate)  # noqa: S302 - these bytes are from _dumped
        for slate in slates
    )


def diversity(counts: Mapping[Hashable, int], universe: int | None = None) -> float:
    """Return the normalised entropy of category counts, from 0 (one category) to 1 (all categories equally often).

    The entropy of Shannon, "A Mathematical Theory of Communication" (1948), section 6, is divided by its maximum, log2
    of the number of categories (Pielou's evenness, 1966). This number is ``universe``, but at least the number of
    categories in ``counts``.
    """
    categories = max(universe or 0, len(counts))
    if len(counts) < 2:
        return 0.0
    total = sum(counts.values())
    entropy = -sum(n / total * math.log2(n / total) for n in counts.values())
    return min(1.0, entropy / math.log2(categories))


def coverage(distinct: int, catalog_size: int) -> float:
    """Return ``distinct`` items as a percentage of the catalog, from 0 to 100.

    Raises:
        ValueError: If ``catalog_size`` is below 1.
    """
    if catalog_size < 1:
        msg = f"a catalog must have at least one item, not {catalog_size}"
        raise ValueError(msg)
    return min(100.0, 100.0 * distinct / catalog_size)


def gini(counts: Iterable[int], catalog_size: int) -> float | None:
    """Return the Gini index of recommendations per item, from 0 (all items equally often) to 1 (always the same item).

    ``counts`` are the numbers of recommendations of the recommended items; all other items of the catalog have 0
    recommendations. The n items of the catalog are sorted from the rarest (k = 1) to the most frequent (k = n), and
    p(k) is an item's share of all recommendations. The index is the sum of (2 k - n - 1) p(k), divided by n - 1:
    Castells, Hurley and Vargas, "Novelty and Diversity in Recommender Systems", Recommender Systems Handbook (2022).
    Return None for a catalog of one item, or without recommendations.
    """
    ranked = sorted(counts, reverse=True)
    size = max(catalog_size, len(ranked))
    if size < 2 or not ranked:
        return None
    # The items are ranked from the most frequent, so k = size + 1 - rank; items with 0 add nothing to the sum.
    weighted = sum((size + 1 - 2 * rank) * count for rank, count in enumerate(ranked, 1))
    return weighted / ((size - 1) * sum(ranked))


class Windows:
    """The sliding windows of one model version. Threads that add slates never wait for a thread that reads.

    Counting 10,000 slates of 100 items takes 0.3 s, so there is a separate lock for reading.

    Attributes:
        universe: The number of categories in the catalog; None if it is unknown.
    """

    def __init__(self, universe: int | None = None) -> None:
        self.universe = universe
        self.categories = SlidingCounts(DIVERSITY_WINDOW)
        self.items = SlidingCounts(COVERAGE_WINDOW)
        self._reading = Lock()

    def add(self, item_ids: tuple[Hashable, ...], categories: tuple[Hashable, ...]) -> None:
        """Add one slate. A slate without categories is not used for the diversity."""
        if item_ids:
            self.items.add(item_ids[:LONGEST_SLATE])
        if categories:
            self.categories.add(categories[:LONGEST_SLATE])

    def diversity(self) -> float | None:
        """Return the diversity of the last 1,000 slates with categories, 0 to 1; None without such slates."""
        with self._reading:
            counts = self.categories.counts()
            return diversity(counts, self.universe) if counts else None

    def coverage(self, catalog_size: int) -> float | None:
        """Return the catalog coverage of the last 10,000 slates, 0 to 100; None without slates."""
        distinct = self.distinct_items()
        return coverage(distinct, catalog_size) if distinct else None

    def gini(self, catalog_size: int) -> float | None:
        """Return the Gini index of the last 10,000 slates, 0 to 1; None without slates or for a catalog of one item."""
        with self._reading:
            counts = list(self.items.counts().values())
        return gini(counts, catalog_size)

    def distinct_items(self) -> int:
        """Return the number of distinct items in the last 10,000 slates."""
        with self._reading:
            return len(self.items.counts())


def _hashable(values: Iterable[Any]) -> tuple[Hashable, ...]:
    return tuple(value for value in values if _has_hash(value))


def _has_hash(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


class QualityMonitor:
    """Diversity of the last 1,000 slates and catalog coverage of the last 10,000 slates.

    Threads can share a monitor.

    ``category_universe`` is the number of categories in the catalog, at least 2. By default, the number of
    categories in the last 1,000 slates is used.

    >>> monitor = QualityMonitor()
    >>> monitor.track_recommendations("user-1", ["a", "b"], ["drama", "comedy"])
    >>> monitor.calculate_diversity()
    1.0
    >>> monitor.calculate_coverage(catalog_size=8)
    25.0
    """

    def __init__(self, category_universe: int | None = None) -> None:
        if category_universe is not None and category_universe < 2:
            msg = f"category_universe must be at least 2, not {category_universe}"
            raise ValueError(msg)
        self._windows = Windows(category_universe)

    def track_recommendations(
        self,
        user_id: object,  # noqa: ARG002 - the same signature as MetricsCollector; the user is deliberately not stored
        item_ids: Iterable[Hashable],
        categories: Iterable[Hashable] = (),
    ) -> None:
        """Add one slate: its items and their categories. The user is not stored."""
        self._windows.add(_hashable(item_ids), _hashable(categories))

    def calculate_diversity(self) -> float:
        """Return the normalised entropy of the categories in the last 1,000 slates, 0 to 1; 0 without slates."""
        return self._windows.diversity() or 0.0

    def calculate_coverage(self, catalog_size: int) -> float:
        """Return the distinct items in the last 10,000 slates as a percentage of ``catalog_size``, 0 to 100.

        Raises:
            ValueError: If ``catalog_size`` is below 1.
        """
        return coverage(self._windows.distinct_items(), catalog_size)
