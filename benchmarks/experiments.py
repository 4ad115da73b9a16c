"""How often do the alerts of experiments fire for nothing, and how soon for good reason?

Simulates experiments in which a heavy-tailed crowd of users is looked at after every fiftieth of the time, by what
judges them in PromQL. With `--write` the figures go to docs/experiments.md, and the curve next to it.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from benchmarks.crowd import Counted, Crowd
from benchmarks.judging import difference
from otel_recmon.artifacts.settings.thresholds import Config, load

DOCS: Final = Path(__file__).parents[1] / "docs"
PAGE, CURVE = DOCS / "experiments.md", DOCS / "experiments.svg"
START, END = "<!-- simulated: written by `python -m benchmarks.experiments --write` -->", "<!-- end of simulated -->"
SEED: Final = 20
RUNS: Final = 20_000
POWER_RUNS: Final = 500
EQUAL: Final = (0.5, 0.5)
NOTHING: Final[Mapping[str, Crowd]] = {
    "two arms": Crowd(4_000),
    "four arms": Crowd(8_000, (0.25,) * 4, (1.0,) * 4),
    "a treatment of a tenth": Crowd(8_000, (0.9, 0.1)),
}
"""Experiments in which nothing is wrong and all arms are the same."""


@dataclass(frozen=True)
class Wrong:
    """Something that is wrong, the alert that has to say so, and crowds of growing size in which it is."""

    name: str
    alert: str
    crowd: Crowd
    sizes: Sequence[int]

    def crowds(self) -> Iterator[Crowd]:
        """Give the crowds."""
        return (replace(self.crowd, users=users) for users in self.sizes)


_MANY: Final = (5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 120_000)
_FEW: Final = (1_000, 2_000, 4_000, 6_000, 8_000, 12_000, 16_000)
WRONG: Final = (
    Wrong("CTR of 10 % falls by 30 %", "ArmLosesClicks", Crowd(0, effects=(1.0, 0.7)), _FEW),
    Wrong("CTR of 5 % falls by 30 %", "ArmLosesClicks", Crowd(0, effects=(1.0, 0.7), ctr=0.05), (*_FEW, 24_000)),
    Wrong("52.5 % instead of 50 %", "SampleRatioMismatch", Crowd(0, (0.475, 0.525)), _MANY),
    Wrong("55 % instead of 50 %", "SampleRatioMismatch", Crowd(0, (0.45, 0.55)), (1_000, 2_000, *_MANY[:5])),
)
"""A split of 52.5 % for an arm that should have 50 % is an error of 5 %."""


def fired(counted: Counted, expected: Sequence[float], config: Config) -> dict[str, int]:
    """Return in how many experiments each alert fired at one of the looks, for any arm."""
    exposures, clicks, conversions = counted
    settings, alerts = config.experiments, config.alerts
    split = difference(exposures, None, expected)
    off = np.abs(split.value) > _threshold(config, "SampleRatioMismatch")
    sure = np.abs(split.evidence(settings.exposures, settings.mismatch)) > 1
    found = {"SampleRatioMismatch": off & sure & (split.events >= alerts["SampleRatioMismatch"].minimum_traffic)}
    for alert, events in (("ArmLosesClicks", clicks), ("ArmLosesConversions", conversions)):
        lost = difference(events, exposures, expected)
        low = lost.bounds(settings.events, settings.harm)[1] < _threshold(config, alert)
        found[alert] = low & (lost.events >= alerts[alert].minimum_traffic)
    found["any harm"] = found["ArmLosesClicks"] | found["ArmLosesConversions"]
    return {alert: int(fires.any((1, 2)).sum()) for alert, fires in found.items()}


def _threshold(config: Config, alert: str) -> float:
    return config.alerts[alert].threshold or 0.0


def simulated(crowd: Crowd, expected: Sequence[float], runs: int, seed: int = SEED) -> dict[str, int]:
    """Return in how many of so many experiments each alert fires."""
    config, total = load(), dict[str, int]()
    for counted in crowd.experiments(np.random.default_rng(seed), runs):
        for alert, number in fired(counted, expected, config).items():
            total[alert] = total.get(alert, 0) + number
    return total


def exposures(crowd: Crowd) -> int:
    """Return how many exposures a crowd is expected to have, to two digits."""
    mean = float(np.mean([counted[0][:, -1].sum((-1, -2)).mean() for counted in crowd.experiments(_chance(), 20)]))
    return int(float(f"{mean:.2g}"))


def _chance() -> np.random.Generator:
    return np.random.default_rng(SEED)


def power(wrong: Wrong, runs: int) -> dict[int, float]:
    """Return the share of experiments in which it is noticed, by their expected exposures."""
    return {exposures(crowd): simulated(crowd, EQUAL, runs)[wrong.alert] / runs for crowd in wrong.crowds()}


def curve(powers: Mapping[str, Mapping[int, float]]) -> Figure:
    """Return the picture of the powers."""
    figure = Figure(figsize=(8, 4), layout="tight")
    axes = figure.add_subplot()
    for (name, points), style in zip(powers.items(), ("o-", "s-", "o--", "s--"), strict=True):
        axes.plot(list(points), list(points.values()), style, label=name)
    axes.axhline(0.8, color="grey", linewidth=0.8)
    axes.set(xscale="log", ylim=(0, 1.02), xlabel="exposures of both arms", ylabel="share that is noticed")
    axes.legend(loc="lower right", frameon=False)
    return figure


def written(alarms: Mapping[str, Mapping[str, int]], runs: int, powers: Mapping[str, Mapping[int, float]]) -> str:
    """Return the figures as the documentation has them."""
    names = ("SampleRatioMismatch", "ArmLosesClicks", "ArmLosesConversions", "any harm")
    head = f"| of {runs:,} experiments in which nothing is wrong | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n"
    rows = [f"| {name} | {' | '.join(str(found[alert]) for alert in names)} |\n" for name, found in alarms.items()]
    noticed = "| what is wrong | exposures | noticed |\n|---|---|---|\n"
    sizes = {name: next(size for size, share in points.items() if share >= 0.8) for name, points in powers.items()}
    known = [f"| {name} | {size:,} | {powers[name][size]:.0%} |\n" for name, size in sizes.items()]
    return "".join((head, *rows, "\n", noticed, *known))


def main() -> None:
    """Simulate, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"experiments with nothing wrong (default: {RUNS:,})")
    parser.add_argument("--write", action="store_true", help="write docs/experiments.md and docs/experiments.svg")
    options = parser.parse_args()
    alarms = {name: simulated(crowd, crowd.split, options.runs) for name, crowd in NOTHING.items()}
    powers = {wrong.name: power(wrong, POWER_RUNS) for wrong in WRONG}
    text = written(alarms, options.runs, powers)
    print(text)
    for name, points in powers.items():
        print(name, points)
    if options.write:
        head, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
        PAGE.write_text(f"{head}{START}\n{text}{END}{rest.partition(END)[2]}", encoding="utf-8")
        curve(powers).savefig(CURVE, metadata={"Date": None})


if __name__ == "__main__":
    main()
