"""The logged traffic: real impressions and clicks, combined into slates, with simulated conversions."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice, zip_longest
from pathlib import Path
from random import Random
from typing import Final

DATA: Final = Path(__file__).parent / "data" / "open_bandit_sample.csv.gz"
MODEL_VERSIONS: Final = {"bts": "bts-2019.11", "random": "random-2019.11"}
"""The model version behind each policy."""
SURFACES: Final = ("all", "men", "women")
"""The campaigns of the data."""
POSITIONS: Final = (1, 2, 3)
SEED: Final = 2019
"""The seed of the simulated conversions."""
CONVERSION_RATE: Final = 0.2
"""The simulated conversion rate: conversions per click."""
REVENUE_CENTS: Final = (990, 14_990)
"""The minimum and maximum revenue of a simulated conversion, in cents."""


@dataclass(frozen=True)
class Impression:
    """One logged impression; ``row`` is its 0-based row in the file."""

    row: int
    at: datetime
    campaign: str
    policy: str
    item_id: str
    category: str
    position: int
    clicked: bool
    propensity: float

    @cached_property
    def earned_cents(self) -> int | None:
        """The revenue of the simulated conversion after the click, in cents; None without a conversion.

        The conversion of a click depends only on ``SEED`` and the row, not on the number of loaded rows.
        """
        chance = Random(f"{SEED}:{self.row}")
        return chance.randint(*REVENUE_CENTS) if self.clicked and chance.random() < CONVERSION_RATE else None


@dataclass(frozen=True)
class Slate:
    """Up to three impressions of one campaign and policy, in the order of their positions."""

    impressions: tuple[Impression, ...]

    @property
    def policy(self) -> str:
        """The policy that chose the items."""
        return self.impressions[0].policy

    @property
    def surface(self) -> str:
        """The campaign that showed the items."""
        return self.impressions[0].campaign

    @property
    def model_version(self) -> str:
        """The model version behind the policy."""
        return MODEL_VERSIONS[self.policy]

    @property
    def at(self) -> datetime:
        """The time of the latest impression, when the slate is complete."""
        return max(impression.at for impression in self.impressions)

    @property
    def request_id(self) -> str:
        """The rows of the slate's impressions, such as ``12-55-91``."""
        return "-".join(str(impression.row) for impression in self.impressions)

    @property
    def clicked(self) -> tuple[Impression, ...]:
        """The impressions that were clicked."""
        return tuple(impression for impression in self.impressions if impression.clicked)


def load_impressions(path: Path = DATA, rows: int | None = None) -> list[Impression]:
    """Return the first ``rows`` impressions of the file; all of them for None."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [_impression(row, line) for row, line in enumerate(islice(csv.DictReader(file), rows))]


def _impression(row: int, line: dict[str, str]) -> Impression:
    return Impression(
        row=row,
        at=datetime.fromisoformat(line["timestamp"]),
        campaign=line["campaign"],
        policy=line["policy"],
        item_id=line["item_id"],
        category=line["category"],
        position=int(line["position"]),
        clicked=line["click"] == "1",
        propensity=float(line["propensity"]),
    )


def assemble_slates(impressions: Iterable[Impression]) -> list[Slate]:
    """Combine impressions into slates, sorted by time.

    The data have the position of each impression, but not its slate. So slate n of a campaign and policy consists of
    the n-th impression at position 1, the n-th at position 2 and the n-th at position 3. A slate is shorter if a
    position has fewer than n impressions.
    """
    queues: dict[tuple[str, str], dict[int, list[Impression]]] = defaultdict(lambda: {p: [] for p in POSITIONS})
    for impression in impressions:
        queues[impression.campaign, impression.policy][impression.position].append(impression)
    slates = [
        Slate(tuple(impression for impression in together if impression))
        for positions in queues.values()
        for together in zip_longest(*positions.values())
    ]
    return sorted(slates, key=lambda slate: slate.at)


def catalog_size(impressions: Sequence[Impression]) -> int:
    """Return the number of distinct items."""
    return len({impression.item_id for impression in impressions})
