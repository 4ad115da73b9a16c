"""False alarms, power and documented tables of simulated experiments that are evaluated fifty times."""

import re
from functools import cache

import numpy as np
import pytest
from scipy import stats

from benchmarks.experiment_statistics import difference, multiplier
from benchmarks.experiments import AA_EXPERIMENTS, EQUAL, PAGE, PROBLEMS, Problem, count_alerts, exposures
from benchmarks.population import BUCKETS, LOOKS, Population

RUNS, POWER_RUNS = 2_000, 200
SEED = 1
MISMATCHES, HARMS = 0.001, 0.05
"""The permitted false-alarm rates."""


@cache
def documented() -> list[list[str]]:
    """Return the cells of the simulation's tables in the documentation."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- simulated:")
    lines = re.findall(r"^\| (.*) \|$", rest.partition("<!-- end of simulated -->")[0], re.MULTILINE)
    return [line.split(" | ") for line in lines]


def sizes() -> dict[str, int]:
    """Return the documented exposures at which each problem is detected."""
    return {row[0]: int(row[1].replace(",", "")) for row in documented() if row[-1].endswith("%")}


@pytest.mark.parametrize("name", AA_EXPERIMENTS)
def test_aa_experiments_fire_almost_never_despite_fifty_looks(name: str) -> None:
    found = count_alerts(AA_EXPERIMENTS[name], AA_EXPERIMENTS[name].split, RUNS, SEED)

    assert found["SampleRatioMismatch"] <= MISMATCHES * RUNS
    assert found["any harm"] <= HARMS * RUNS


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_problems_are_detected_at_the_documented_size(problem: Problem) -> None:
    (population,) = (
        population for population in problem.populations() if exposures(population) == sizes()[problem.name]
    )

    assert count_alerts(population, EQUAL, POWER_RUNS, SEED)[problem.alert] >= 0.8 * POWER_RUNS


def test_the_documented_tables_are_complete_and_within_the_limits() -> None:
    head, *alarms = (row for row in documented() if not row[-1].endswith("%") and row[0] != "problem")
    runs = int(re.sub(r"\D", "", head[0]))
    columns = [dict(zip(head[1:], map(int, row[1:]), strict=True)) for row in alarms]

    assert [row[0] for row in alarms] == list(AA_EXPERIMENTS)
    assert runs >= 20_000
    assert max(column["SampleRatioMismatch"] for column in columns) <= MISMATCHES * runs
    assert max(column["any harm"] for column in columns) <= HARMS * runs
    assert sizes().keys() == {problem.name for problem in PROBLEMS}
    assert all(int(row[-1].rstrip("%")) >= 80 for row in documented() if row[-1].endswith("%"))


def test_the_bounds_follow_student_with_one_degree_less_than_buckets() -> None:
    time = np.array([0.5, 1.0, 5.0, 50.0, 500.0])
    normal = np.sqrt((1 + 1 / time) * (np.log1p(time) - 2 * np.log(0.001)))

    student = stats.t.isf(stats.norm.sf(normal), BUCKETS - 1)

    assert multiplier(time, 0.001) == pytest.approx(student, rel=5e-3)


def test_a_simulated_population_has_its_parameters() -> None:
    population = Population(50_000, (0.8, 0.2), (1.0, 0.5))
    ((seen, clicks, bought),) = population.simulate(np.random.default_rng(SEED), 1)
    users, (control, treatment) = population.users, seen[0, -1].sum(-1)

    assert seen.shape == clicks.shape == bought.shape == (1, LOOKS, 2, BUCKETS)
    assert control / (control + treatment) == pytest.approx(0.8, rel=0.02)
    assert control + treatment == pytest.approx(users * sum(1 / n**2 for n in range(1, 501)), rel=0.05)
    assert clicks[0, -1].sum(-1) / seen[0, -1].sum(-1) == pytest.approx([0.1, 0.05], rel=0.1)
    assert bought.sum() / clicks.sum() == pytest.approx(0.3, rel=0.1)


def test_a_very_frequent_user_increases_the_standard_error() -> None:
    exposures = np.full((2, BUCKETS), 1_000.0)
    exposures[1, 3] += 20_000

    split = difference(exposures, None, EQUAL)

    assert split.value == pytest.approx([20 / 32])
    assert split.value / split.error == pytest.approx(np.array([1.0]), rel=0.05)
