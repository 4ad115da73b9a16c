"""The baseline alerts, over weeks of traffic with daily and weekly seasonality."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from otel_recmon import catalog
from tests.rules.promtool import Expected, Fires, check_series, tuned

STEP_MINUTES = 10
STEPS_A_DAY = 24 * 60 // STEP_MINUTES
WEEKS = 3
MONDAY = WEEKS * 7 * STEPS_A_DAY
"""The first step of the Monday after the weeks; the first week begins on a Monday, too."""
PEAK = 1200
"""Requests in the busiest step: two a second."""
CTR = 0.1
SEED = 7


@dataclass(frozen=True)
class Part:
    """How much of the traffic a model version has, and how its CTR compares, from a step on."""

    share: Callable[[int], float]
    times: Callable[[int], float]


def always(value: float) -> Callable[[int], float]:
    return lambda _: value


def since(start: int, value: float, before: float) -> Callable[[int], float]:
    return lambda step: value if step >= start else before


def great_friday(step: int) -> float:
    """Twice as much of everything on the last Friday of the weeks."""
    return 2.0 if step // STEPS_A_DAY == WEEKS * 7 - 3 else 1.0


def busy(step: int) -> float:
    """How busy the service is: little at night, and a third less at weekends."""
    day, hour = divmod(step, STEPS_A_DAY)
    daily = 0.55 - 0.45 * math.cos(2 * math.pi * hour / STEPS_A_DAY)
    return daily * (0.65 if day % 7 >= 5 else 1.0)


def series(parts: dict[str, Part], traffic: Callable[[int], float], steps: int) -> list[dict[str, str]]:
    """Requests and clicks of model versions, as chance has them."""
    chance = random.Random(SEED)
    found = []
    for version, part in parts.items():
        means = [PEAK * busy(step) * traffic(step) * part.share(step) for step in range(steps)]
        requests = [drawn(chance, mean) for mean in means]
        clicks = [drawn(chance, count * CTR * part.times(step)) for step, count in enumerate(requests)]
        found += [
            counter(catalog.REQUESTS.prometheus, version, 'status="success"', requests),
            counter(catalog.CLICKED.prometheus, version, 'position="1"', clicks),
        ]
    return found


def drawn(chance: random.Random, mean: float) -> int:
    """A number of events, about Poisson."""
    return max(0, round(chance.gauss(mean, math.sqrt(mean)))) if mean else 0


def counter(name: str, version: str, own: str, rises: list[int]) -> dict[str, str]:
    labels = f'job="shop",deployment_environment_name="prod",instance="one",model_version="{version}",{own}'
    return {"series": f"{name}{{{labels}}}", "values": " ".join(map(str, accumulate(rises, initial=0)))}


def at(step: int) -> str:
    return f"{step * STEP_MINUTES}m"


def settings(alert: str, **own: Any) -> dict[str, Any]:
    return tuned(alert, {"general": {"interval": f"{STEP_MINUTES}m"}, "alerts": {alert: own}})


def hours(first: int, last: int) -> range:
    """Every hour of a span of steps."""
    return range(first, last, 60 // STEP_MINUTES)


def below_usual(title: str, value: str, limit: str, **labels: str) -> Fires:
    version = f", model {labels['model_version']}" if labels else ""
    text = f"shop (prod){version}: {title} changed by {value} compared with this hour on earlier days (limit {limit})"
    return Fires({"job": "shop", "deployment_environment_name": "prod", **labels}, text, value, f"< {limit}")


class TestNormalTraffic:
    """Silence through nights, Monday mornings and weekends, from the first day on, and after an exceptional day."""

    @pytest.mark.parametrize("alert", ["CtrBelowUsual", "TrafficBelowUsual"])
    def test_no_hour_of_four_weeks_fires(self, alert: str, tmp_path: Path) -> None:
        steps = MONDAY + 7 * STEPS_A_DAY
        normal = series({"v1": Part(always(1), great_friday)}, great_friday, steps)
        silent = [Expected(alert, at(step)) for step in hours(0, steps)]

        check_series(tmp_path, settings(alert, threshold=-0.2), normal, silent, at(1))


class TestADrop:
    """A drop of 30 % fires within two and a half hours, and nothing fires before."""

    def test_of_the_click_through_rate(self, tmp_path: Path) -> None:
        ten = MONDAY + 10 * 6
        dropped = series({"v1": Part(always(1), since(ten, 0.7, before=1))}, always(1), ten + 16)
        fires = below_usual("Click-through rate", "-20.39%", "-20%", model_version="v1")

        check_series(
            tmp_path,
            settings("CtrBelowUsual"),
            dropped,
            [Expected("CtrBelowUsual", at(ten)), Expected("CtrBelowUsual", at(ten + 14), [fires])],
            at(1),
        )

    def test_of_the_traffic(self, tmp_path: Path) -> None:
        ten = MONDAY + 10 * 6
        dropped = series({"v1": Part(always(1), always(1))}, since(ten, 0.7, before=1), ten + 14)
        fires = below_usual("Requests", "-30.52%", "-25%")

        check_series(
            tmp_path,
            settings("TrafficBelowUsual", threshold=-0.25),
            dropped,
            [Expected("TrafficBelowUsual", at(ten)), Expected("TrafficBelowUsual", at(ten + 12), [fires])],
            at(1),
        )

    def test_of_a_version_that_is_bad_from_its_first_minute(self, tmp_path: Path) -> None:
        nine = MONDAY + 9 * 6
        old = Part(since(nine, 0.25, before=0.5), always(1))
        new = Part(since(nine, 0.5, before=0), always(0.7))
        fires = below_usual("Click-through rate", "-30.98%", "-20%", model_version="v2")

        check_series(
            tmp_path,
            settings("CtrBelowUsual"),
            series({"v0": old, "v1": old, "v2": new}, always(1), nine + 13),
            [Expected("CtrBelowUsual", at(nine)), Expected("CtrBelowUsual", at(nine + 12), [fires])],
            at(1),
        )


def test_a_drop_is_silent_without_a_week_of_data(tmp_path: Path) -> None:
    sixth = 6 * STEPS_A_DAY
    dropped = series({"v1": Part(always(1), since(sixth, 0.3, before=1))}, always(1), sixth + 100)

    check_series(
        tmp_path,
        settings("CtrBelowUsual"),
        dropped,
        [Expected("CtrBelowUsual", at(step)) for step in hours(0, sixth + 100)],
        at(1),
    )
