"""Simulated experiments with fifty evaluations: false alarms, detected effects, and the documented figures."""

import re
from functools import cache

import numpy as np
import pytest
from scipy import stats

from benchmarks.crowd import BUCKETS, LOOKS, Crowd
from benchmarks.experiments import EQUAL, NOTHING, PAGE, WRONG, Wrong, exposures, simulated
from benchmarks.judging import difference, multiplier

RUNS, POWER_RUNS = 2_000, 200
SEED = 1
MISMATCHES, HARMS = 0.001, 0.05
"""The shares of experiments in which it may be found for nothing."""


@cache
def documented() -> list[list[str]]:
    """The cells of the generated tables."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- simulated:")
    lines = re.findall(r"^\| (.*) \|$", rest.partition("<!-- end of simulated -->")[0], re.MULTILINE)
    return [line.split(" | ") for line in lines]


def sizes() -> dict[str, int]:
    """From how many exposures on something that is wrong is noticed, as documented."""
    return {row[0]: int(row[1].replace(",", "")) for row in documented() if row[-1].endswith("%")}


@pytest.mark.parametrize("name", NOTHING)
def test_where_nothing_is_wrong_nearly_nothing_fires_however_often_one_looks(name: str) -> None:
    found = simulated(NOTHING[name], NOTHING[name].split, RUNS, SEED)

    assert found["SampleRatioMismatch"] <= MISMATCHES * RUNS
    assert found["any harm"] <= HARMS * RUNS


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_what_is_wrong_is_noticed_at_the_size_that_is_documented(wrong: Wrong) -> None:
    (crowd,) = (crowd for crowd in wrong.crowds() if exposures(crowd) == sizes()[wrong.name])

    assert simulated(crowd, EQUAL, POWER_RUNS, SEED)[wrong.alert] >= 0.8 * POWER_RUNS


def test_the_documentation_states_what_is_promised() -> None:
    head, *alarms = (row for row in documented() if not row[-1].endswith("%") and row[0] != "what is wrong")
    runs = int(re.sub(r"\D", "", head[0]))
    columns = [dict(zip(head[1:], map(int, row[1:]), strict=True)) for row in alarms]

    assert [row[0] for row in alarms] == list(NOTHING)
    assert runs >= 20_000
    assert max(column["SampleRatioMismatch"] for column in columns) <= MISMATCHES * runs
    assert max(column["any harm"] for column in columns) <= HARMS * runs
    assert sizes().keys() == {wrong.name for wrong in WRONG}
    assert all(int(row[-1].rstrip("%")) >= 80 for row in documented() if row[-1].endswith("%"))


def test_bounds_are_those_of_student_with_the_degrees_of_freedom_of_the_buckets() -> None:
    time = np.array([0.5, 1.0, 5.0, 50.0, 500.0])
    normal = np.sqrt((1 + 1 / time) * (np.log1p(time) - 2 * np.log(0.001)))

    student = stats.t.isf(stats.norm.sf(normal), BUCKETS - 1)

    assert multiplier(time, 0.001) == pytest.approx(student, rel=5e-3)


def test_a_simulated_crowd_is_what_it_is_said_to_be() -> None:
    crowd = Crowd(50_000, (0.8, 0.2), (1.0, 0.5))
    ((seen, clicks, bought),) = crowd.experiments(np.random.default_rng(SEED), 1)
    users, (control, treatment) = crowd.users, seen[0, -1].sum(-1)

    assert seen.shape == clicks.shape == bought.shape == (1, LOOKS, 2, BUCKETS)
    assert control / (control + treatment) == pytest.approx(0.8, rel=0.02)
    assert control + treatment == pytest.approx(users * sum(1 / n**2 for n in range(1, 501)), rel=0.05)
    assert clicks[0, -1].sum(-1) / seen[0, -1].sum(-1) == pytest.approx([0.1, 0.05], rel=0.1)
    assert bought.sum() / clicks.sum() == pytest.approx(0.3, rel=0.1)


def test_a_very_frequent_user_makes_the_error_large_and_the_difference_uncertain() -> None:
    exposures = np.full((2, BUCKETS), 1_000.0)
    exposures[1, 3] += 20_000

    split = difference(exposures, None, EQUAL)

    assert split.value == pytest.approx([20 / 32])
    assert split.value / split.error == pytest.approx(np.array([1.0]), rel=0.05)
