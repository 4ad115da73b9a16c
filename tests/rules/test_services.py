"""Alerts of one service and environment do not fire for others."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest

from tests.rules.cases import CASES, COLLECTOR, Case
from tests.rules.promtool import Expected, check, tuned
from tests.rules.traffic import Doing, Phase, Traffic

OTHERS = [
    Traffic(job=job, environment=environment)
    for job, environment in product(("team/shop", "team/news"), ("prod", "staging"))
    if (job, environment) != ("team/shop", "prod")
]
OF_SERVICES = [case for case in CASES if "deployment_environment_name" in case.fires.labels]


def beside_others(phases: list[Phase]) -> list[Phase]:
    return [(steps, [*doing, *with_collector(doing), *OTHERS]) for steps, doing in phases]


def with_collector(doing: Sequence[Doing]) -> list[Doing]:
    return [] if any(one is COLLECTOR for one in doing) else [COLLECTOR]


@pytest.mark.parametrize("case", OF_SERVICES, ids=lambda case: case.alert)
def test_only_the_broken_one_of_four_services_and_environments_fires(case: Case, tmp_path: Path) -> None:
    minutes = case.noticed + case.hold + 5
    phases = beside_others([*case.before, (minutes, case.broken)])
    fires = Expected(case.alert, f"{case.breaks + case.noticed + case.hold}m", [case.fires])

    check(tmp_path, tuned(case.alert, case.own), phases, [fires])


def test_the_others_serve_the_same_version_as_the_broken_one() -> None:
    assert {(other.job, other.environment, other.version) for other in OTHERS} == {
        ("team/shop", "staging", "v1"),
        ("team/news", "prod", "v1"),
        ("team/news", "staging", "v1"),
    }
