"""The quality of what was recommended: entropy and coverage over sliding windows. Numbers in, numbers out."""

import math
from collections import Counter, deque
from collections.abc import Hashable, Iterable, Mapping
from itertools import chain
from marshal import dumps, loads
from threading import Lock
from typing import Any, Final

DIVERSITY_WINDOW = 1_000
COVERAGE_WINDOW = 10_000
LONGEST_SLATE = 1_000
"""Items of one slate that enter the windows; what bounds their memory."""
_BETWEEN: Final = "\0"


class SlidingCounts:
    """How often each value occurred in the last ``length`` slates.

    Adding a slate only notes it; it is counted when somebody reads. Each slate is counted at most once and
    uncounted at most once, whatever the length of the window, and at most two windows of slates are held.
    Slates may be added while one thread reads.

    Slates are noted as one text each, or as bytes. To hold their values would cost a service more than all else that
    is recorded of a slate: none of their memory could serve the next request, and the garbage collector would look at
    each of them.
    """

    def __init__(self, length: int) -> None:
        """Keep the last ``length`` slates."""
        if length < 1:
            msg = f"a window holds at least one slate, not {length}"
            raise ValueError(msg)
        self.length = length
        self._noted: deque[str | bytes] = deque(maxlen=length)
        self._counted: deque[str | bytes] = deque()
        self._counts: Counter[Hashable] = Counter()

    def add(self, values: tuple[Hashable, ...]) -> None:
        """Take in the values of one slate; those that are neither texts nor numbers by their hashes."""
        try:
            text = _BETWEEN.join(values)  # type: ignore[arg-type]  # texts, as nearly always
            whole = text.count(_BETWEEN) == len(values) - 1
        except TypeError:
            whole = False
        self._noted.append(text if whole else _dumped(values))

    def counts(self) -> Counter[Hashable]:
        """Return the occurrences of each value that is in the window."""
        fresh = [self._noted.popleft() for _ in range(len(self._noted))]
        if len(fresh) == self.length:
            self._counted.clear()
            self._counts.clear()
        self._counts.update(_values(fresh))
        self._counted.extend(fresh)
        self._forget(max(0, len(self._counted) - self.length))
        return self._counts

    def _forget(self, slates: int) -> None:
        gone = Counter(_values(self._counted.popleft() for _ in range(slates)))
        counts = self._counts
        for value, times in gone.items():
            if counts[value] == times:
                del counts[value]
            else:
                counts[value] -= times


def _dumped(values: tuple[Hashable, ...]) -> bytes:
    try:
        return dumps(values)  # type: ignore[arg-type]  # which is asked here
    except ValueError:
        return dumps(tuple(map(hash, values)))


def _values(noted: Iterable[str | bytes]) -> Iterable[Hashable]:
    return chain.from_iterable(
        one.split(_BETWEEN) if isinstance(one, str) else loads(one)  # noqa: S302 - which is our own
        for one in noted
    )


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


def gini(counts: Iterable[int], catalog_size: int) -> float | None:
    """Return how unequally often the items of a catalog were recommended, 0 (all equally) to 1 (always the same one).

    ``counts`` are those of the items that were recommended at all; the rest of the catalog counts as never. The index
    is that of Castells, Hurley and Vargas, "Novelty and Diversity in Recommender Systems", Recommender Systems
    Handbook (2022): the sum of (2 k - n - 1) p(k) over the items from the rarest to the most frequent, over n - 1.
    None for a catalog of one item.
    """
    ranked = sorted(counts, reverse=True)
    size = max(catalog_size, len(ranked))
    if size < 2 or not ranked:
        return None
    weighed = sum((size + 1 - 2 * place) * count for place, count in enumerate(ranked, 1))
    return weighed / ((size - 1) * sum(ranked))


class Windows:
    """Both windows of one model version. Reading them takes a while, and does not hold up adding."""

    def __init__(self, universe: int | None = None) -> None:
        """Start empty; ``universe`` is the number of categories that exist, where it is known."""
        self.universe = universe
        self.categories = SlidingCounts(DIVERSITY_WINDOW)
        self.items = SlidingCounts(COVERAGE_WINDOW)
        self._reading = Lock()

    def add(self, item_ids: tuple[Hashable, ...], categories: tuple[Hashable, ...]) -> None:
        """Take in one slate; a slate of which no category is known leaves the diversity as it was."""
        if item_ids:
            self.items.add(item_ids[:LONGEST_SLATE])
        if categories:
            self.categories.add(categories[:LONGEST_SLATE])

    def diversity(self) -> float | None:
        """Return the diversity of the last 1,000 slates, 0 to 1; None while no category is known."""
        with self._reading:
            counts = self.categories.counts()
            return diversity(counts, self.universe) if counts else None

    def coverage(self, catalog_size: int) -> float | None:
        """Return the coverage of the last 10,000 slates, 0 to 100; None while nothing was recommended."""
        distinct = self.distinct_items()
        return coverage(distinct, catalog_size) if distinct else None

    def gini(self, catalog_size: int) -> float | None:
        """Return the Gini index of the last 10,000 slates, 0 to 1; None while nothing was recommended."""
        with self._reading:
            counts = list(self.items.counts().values())
        return gini(counts, catalog_size)

    def distinct_items(self) -> int:
        """Return how many different items were in the last 10,000 slates."""
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

    def track_recommendations(
        self,
        user_id: object,  # noqa: ARG002 - part of the verb, and deliberately not kept
        item_ids: Iterable[Hashable],
        categories: Iterable[Hashable] = (),
    ) -> None:
        """Take in one slate: its items and their categories. The user is not stored."""
        self._windows.add(_hashable(item_ids), _hashable(categories))

    def calculate_diversity(self) -> float:
        """Return the normalised entropy of the categories in the last 1,000 slates, 0 to 1."""
        return self._windows.diversity() or 0.0

    def calculate_coverage(self, catalog_size: int) -> float:
        """Return distinct items in the last 10,000 slates over ``catalog_size``, 0 to 100.

        Raises:
            ValueError: If ``catalog_size`` is below 1.
        """
        return coverage(self._windows.distinct_items(), catalog_size)
