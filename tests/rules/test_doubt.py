"""Alerts stay silent if chance or a past problem explains the values."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.rules.cases import ARM, HOUR_AS_DAY, summary_of_arm
from tests.rules.promtool import Expected, Fires, check, tuned
from tests.rules.traffic import Arm, Experiment, Phase, Traffic

QUIET = 5
"""Requests a minute: 50 within ten minutes, 450 within 90."""
FEW = 0.6
"""Requests a minute: three within five minutes."""


def silent(alert: str, first: int, last: int) -> Sequence[Expected]:
    return [Expected(alert, f"{minute}m") for minute in range(first, last, 5)]


@pytest.mark.parametrize(
    ("alert", "slightly"),
    [
        ("CtrLow", Traffic(requests=QUIET, ctr=0.035)),
        ("ErrorRateHigh", Traffic(requests=QUIET, failing=0.04)),
        ("FallbackShareHigh", Traffic(requests=QUIET, fallback=0.15)),
        ("EmptyShareHigh", Traffic(requests=QUIET, empty=0.1)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_share_beyond_the_threshold_by_chance_does_not_fire(alert: str, slightly: Traffic, tmp_path: Path) -> None:
    check(tmp_path, tuned(alert, {}), [(120, [slightly])], silent(alert, 0, 120))


@pytest.mark.parametrize(
    ("alert", "bad"),
    [
        ("CtrLow", Traffic(requests=FEW, ctr=0.0)),
        ("ErrorRateHigh", Traffic(requests=FEW, failing=1.0)),
        ("FallbackShareHigh", Traffic(requests=FEW, fallback=1.0)),
        ("EmptyShareHigh", Traffic(requests=FEW, empty=1.0)),
        ("BudgetBurnHour", Traffic(requests=FEW, failing=1.0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_few_requests_that_all_failed_do_not_fire(alert: str, bad: Traffic, tmp_path: Path) -> None:
    check(tmp_path, tuned(alert, {}), [(120, [bad])], silent(alert, 0, 120))


def test_a_burn_of_the_budget_that_is_over_does_not_fire(tmp_path: Path) -> None:
    outage: list[Phase] = [(20, [Traffic(slow=0.9)]), (40, [Traffic()])]

    check(tmp_path, tuned("BudgetBurnHour", {}), outage, silent("BudgetBurnHour", 30, 60))


@pytest.mark.parametrize(
    ("alert", "traffic"),
    [
        ("CategoryTakingOver", Traffic(categories={"a": 1.0})),
        ("PositionTakingOver", Traffic(positions={"1": 1.0})),
    ],
)
def test_a_new_service_has_no_category_or_position_that_takes_over(
    alert: str, traffic: Traffic, tmp_path: Path
) -> None:
    check(tmp_path, tuned(alert, HOUR_AS_DAY), [(90, [traffic])], silent(alert, 0, 90))


def test_scores_that_differ_from_those_of_a_few_slates_do_not_fire(tmp_path: Path) -> None:
    few = Traffic(requests=0.3, scores={"0.2": 0.6, "0.5": 0.9, "1": 0.9, "+Inf": 1.0})
    past: list[Phase] = [(90, [few]), (90, [Traffic()])]

    check(tmp_path, tuned("ScoresDrifted", HOUR_AS_DAY), past, silent("ScoresDrifted", 120, 180))


@pytest.mark.parametrize(
    ("alert", "arm"),
    [
        ("SampleRatioMismatch", Arm(exposures=1008)),
        ("SampleRatioMismatch", Arm(crawler=200)),
        ("ArmLosesClicks", Arm(ctr=0.0999)),
        ("ArmLosesConversions", Arm(converting=0.299)),
        ("ArmSlow", Arm(slow=0.051)),
        ("ArmFailing", Arm(failing=0.011)),
    ],
)
def test_an_arm_that_differs_slightly_or_by_one_user_does_not_fire(alert: str, arm: Arm, tmp_path: Path) -> None:
    check(tmp_path, tuned(alert, {}), [(120, [Experiment(new=arm)])], silent(alert, 0, 120))


@pytest.mark.parametrize(
    ("variant", "experiment"),
    [
        ("old", Experiment(old=None)),
        ("old", Experiment(old=Arm(exposures=0))),
        ("new", Experiment(new=None)),
        ("new", Experiment(new=Arm(exposures=0))),
    ],
)
def test_an_arm_with_nobody_in_it_is_a_mismatch(variant: str, experiment: Experiment, tmp_path: Path) -> None:
    text = f"arm {variant}: the number of exposures is off by 100% from the configured split (limit 1%)"
    fires = Fires({**ARM, "variant": variant}, f"team/shop (prod), experiment ranker, {text}", "100%", "> 1%")

    check(
        tmp_path,
        tuned("SampleRatioMismatch", {}),
        [(30, [experiment])],
        [Expected("SampleRatioMismatch", "20m", [fires])],
    )


def test_an_arm_whose_clicks_stop_fires(tmp_path: Path) -> None:
    text = "Clicks per exposure differ by -93.93% from the control in the best case (limit 0%)"
    fires = Fires(ARM, summary_of_arm(text), "-93.93%", "< 0%")

    check(
        tmp_path,
        tuned("ArmLosesClicks", {}),
        [(30, [Experiment(new=Arm(ctr=0))])],
        [Expected("ArmLosesClicks", "20m", [fires])],
    )
