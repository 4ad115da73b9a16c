"""The false-alarm rate and the power of the experiment alerts, from simulations.

Each simulated experiment has users with a heavy-tailed number of visits, and is evaluated fifty times with the
statistics of the alerts. `--write` writes the tables to docs/experiments.md and the curve to docs/experiments.svg.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from benchmarks.experiment_statistics import difference
from benchmarks.population import Counts, Population
from otel_recmon.artifacts.settings.thresholds import Config, load

DOCS: Final = Path(__file__).parents[1] / "docs"
PAGE, CURVE = DOCS / "experiments.md", DOCS / "experiments.svg"
START, END = "<!-- simulated: written by `python -m benchmarks.experiments --write` -->", "<!-- end of simulated -->"
SEED: Final = 20
RUNS: Final = 20_000
"""A/A experiments; at the permitted rate of 0.1 %, SampleRatioMismatch fires in 20 of them."""
POWER_RUNS: Final = 500
"""Experiments for each size and problem."""
EQUAL: Final = (0.5, 0.5)
AA_EXPERIMENTS: Final[Mapping[str, Population]] = {
    "two arms": Population(4_000),
    "four arms": Population(8_000, (0.25,) * 4, (1.0,) * 4),
    "a treatment of a tenth": Population(8_000, (0.9, 0.1)),
}
"""Experiments with identical arms and the expected split, in which no alert should fire."""


@dataclass(frozen=True)
class Problem:
    """A problem of an experiment, the alert that must detect the problem, and a population with it in several sizes."""

    name: str
    alert: str
    population: Population
    sizes: Sequence[int]

    def populations(self) -> Iterator[Population]:
        """Return the populations, smallest first."""
        return (replace(self.population, users=users) for users in self.sizes)


_MANY: Final = (5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 120_000)
_FEW: Final = (1_000, 2_000, 4_000, 6_000, 8_000, 12_000, 16_000)
PROBLEMS: Final = (
    Problem("CTR of 10 % falls by 30 %", "ArmLosesClicks", Population(0, effects=(1.0, 0.7)), _FEW),
    Problem("CTR of 5 % falls by 30 %", "ArmLosesClicks", Population(0, effects=(1.0, 0.7), ctr=0.05), (*_FEW, 24_000)),
    Problem("52.5 % instead of 50 %", "SampleRatioMismatch", Population(0, (0.475, 0.525)), _MANY),
    Problem("55 % instead of 50 %", "SampleRatioMismatch", Population(0, (0.45, 0.55)), (1_000, 2_000, *_MANY[:5])),
)
"""The names of split problems give the actual and the expected share of the treatment."""


def count_firing(counted: Counts, expected: Sequence[float], config: Config) -> dict[str, int]:
    """Return, for each alert, the number of experiments in which the alert fires for any arm at any time."""
    exposures, clicks, conversions = counted
    settings, alerts = config.experiments, config.alerts
    split = difference(exposures, None, expected)
    large = np.abs(split.value) > _threshold(config, "SampleRatioMismatch")
    significant = np.abs(split.evidence(settings.exposures, settings.mismatch)) > 1
    enough = split.events >= alerts["SampleRatioMismatch"].minimum_traffic
    found = {"SampleRatioMismatch": large & significant & enough}
    for alert, events in (("ArmLosesClicks", clicks), ("ArmLosesConversions", conversions)):
        lost = difference(events, exposures, expected)
        low = lost.bounds(settings.events, settings.harm)[1] < _threshold(config, alert)
        found[alert] = low & (lost.events >= alerts[alert].minimum_traffic)
    found["any harm"] = found["ArmLosesClicks"] | found["ArmLosesConversions"]
    return {alert: int(fires.any((1, 2)).sum()) for alert, fires in found.items()}


def _threshold(config: Config, alert: str) -> float:
    return config.alerts[alert].threshold or 0.0


def count_alerts(population: Population, expected: Sequence[float], runs: int, seed: int = SEED) -> dict[str, int]:
    """Simulate experiments. Return, for each alert, the number of experiments in which the alert fires."""
    config, total = load(), dict[str, int]()
    for counted in population.simulate(np.random.default_rng(seed), runs):
        for alert, number in count_firing(counted, expected, config).items():
            total[alert] = total.get(alert, 0) + number
    return total


def exposures(population: Population) -> int:
    """Return the expected exposures of a population, rounded to two significant digits."""
    mean = float(np.mean([counted[0][:, -1].sum((-1, -2)).mean() for counted in population.simulate(_chance(), 20)]))
    return int(float(f"{mean:.2g}"))


def _chance() -> np.random.Generator:
    return np.random.default_rng(SEED)


def power(problem: Problem, runs: int) -> dict[int, float]:
    """Return, for each number of expected exposures, the share of experiments in which the problem is detected."""
    return {
        exposures(population): count_alerts(population, EQUAL, runs)[problem.alert] / runs
        for population in problem.populations()
    }


def power_curve(powers: Mapping[str, Mapping[int, float]]) -> Figure:
    """Return the figure of the power curves."""
    figure = Figure(figsize=(8, 4), layout="tight")
    axes = figure.add_subplot()
    for (name, points), style in zip(powers.items(), ("o-", "s-", "o--", "s--"), strict=True):
        axes.plot(list(points), list(points.values()), style, label=name)
    axes.axhline(0.8, color="grey", linewidth=0.8)
    axes.set(xscale="log", ylim=(0, 1.02), xlabel="exposures of both arms", ylabel="share of experiments with an alert")
    axes.legend(loc="lower right", frameon=False)
    return figure


def tables(alarms: Mapping[str, Mapping[str, int]], runs: int, powers: Mapping[str, Mapping[int, float]]) -> str:
    """Return the Markdown tables for the documentation."""
    names = ("SampleRatioMismatch", "ArmLosesClicks", "ArmLosesConversions", "any harm")
    head = f"| of {runs:,} A/A experiments | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n"
    rows = [f"| {name} | {' | '.join(str(found[alert]) for alert in names)} |\n" for name, found in alarms.items()]
    detected = "| problem | exposures | detected |\n|---|---|---|\n"
    sizes = {name: next(size for size, share in points.items() if share >= 0.8) for name, points in powers.items()}
    known = [f"| {name} | {size:,} | {powers[name][size]:.0%} |\n" for name, size in sizes.items()]
    return "".join((head, *rows, "\n", detected, *known))


def main() -> None:
    """Simulate, print the tables, and write them with --write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"A/A experiments (default: {RUNS:,})")
    parser.add_argument("--write", action="store_true", help="write docs/experiments.md and docs/experiments.svg")
    options = parser.parse_args()
    alarms = {
        name: count_alerts(population, population.split, options.runs) for name, population in AA_EXPERIMENTS.items()
    }
    powers = {problem.name: power(problem, POWER_RUNS) for problem in PROBLEMS}
    text = tables(alarms, options.runs, powers)
    print(text)
    for name, points in powers.items():
        print(name, points)
    if options.write:
        head, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
        PAGE.write_text(f"{head}{START}\n{text}{END}{rest.partition(END)[2]}", encoding="utf-8")
        power_curve(powers).savefig(CURVE, metadata={"Date": None})


if __name__ == "__main__":
    main()
