"""The pages on a real Prometheus while something is broken: each fault is seen, and no panel breaks with it."""

import math
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from otel_recmon import catalog
from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.alerts.rule import AlertRule, Comparison
from otel_recmon.artifacts.dashboards.look import GOOD
from otel_recmon.artifacts.settings.thresholds import load
from otel_recmon.artifacts.signals import quality
from otel_recmon.demo import launch
from otel_recmon.demo.faults import FAULTS
from tests.speed import scaled
from tests.stack.broken import HEALTHY, broken
from tests.stack.filled import Filled
from tests.stack.pages import TARGETS, Json, Values, answer, by, explaining, number, numbers, zoomed_out

RULES: Final = {rule.name: rule for rule in rules(load(Path(launch.__file__).with_name("alerts.toml")))}
"""The alerts as the demo sets them."""
RAISED: Final = [(name, alert) for name, fault in FAULTS.items() for alert in fault.alerts]
BEYOND: Final = {Comparison.ABOVE: operator.gt, Comparison.BELOW: operator.lt, Comparison.EQUAL: operator.eq}
TOLD_H: Final = {HEALTHY: launch.MODEL_AGE_HOURS, "stale-model": FAULTS["stale-model"].model_age_hours or 0.0}
"""How old the models are when the services start."""
_ARMS: Final = "recmon-experiments"
WITHOUT: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("ctr-drop", "conversion-drop"), (_ARMS, "the arm that the other is compared with sells nothing")),
    "label-flood": (_ARMS, "no request says which arm it was of"),
    "exporter-outage": (
        "recmon-(?!telemetry)|.*(Age|[Ee]rrors|Label|Processes|Series|Services|attributed|[Dd]ropped|ids)",
        "nothing arrives",
    ),
}
"""Queries that find nothing where there is a fault, by how they begin, with the reason."""


@pytest.fixture(scope="module")
def full() -> Iterator[Filled]:
    with broken() as found:
        yield found


@pytest.fixture(scope="module")
def empty_where_all_is_well(full: Filled) -> set[str]:
    return empty(full, HEALTHY)


def empty(full: Filled, service: str) -> set[str]:
    """The queries that find nothing of a service; what is found is checked to be finite."""
    found = {name: numbers(answer(full, service, target)) for name, (_, target) in TARGETS.items()}
    infinite = {name for name, values in found.items() if any(map(math.isinf, values))}
    instant = {name for name, (_, target) in TARGETS.items() if target["instant"]}

    assert infinite | {name for name in instant if any(map(math.isnan, found[name]))} == set()
    return {name for name, values in found.items() if not any(map(math.isfinite, values))}


@pytest.mark.parametrize("name", FAULTS)
def test_a_query_that_finds_something_where_all_is_well_does_so_where_it_is_not(
    full: Filled, name: str, empty_where_all_is_well: set[str]
) -> None:
    pattern, _ = WITHOUT.get(name, ("$", ""))

    missing = empty(full, name) - empty_where_all_is_well

    assert {query for query in missing if not re.match(pattern, query)} == set()
    assert missing or name not in WITHOUT


@pytest.mark.parametrize(("name", "alert"), RAISED)
def test_the_panel_of_an_alert_shows_the_fault(full: Filled, name: str, alert: str) -> None:
    rule = RULES[alert]
    panel = explaining(rule.alert.signal)
    ill, well = (zoomed_out(full, service, panel["targets"][0]) for service in (name, HEALTHY))

    seen, usual = (worst(rule, found, well) for found in (ill, well))

    assert BEYOND[rule.alert.comparison](seen, limit(rule, usual))
    assert seen != usual
    assert not limits(panel) or colour(panel, seen) != GOOD


def test_the_hit_rate_of_a_cache_is_that_of_the_data(full: Filled) -> None:
    items = [one.item_id for slate in full.slates for one in slate.impressions]

    rate = number(full, HEALTHY, "recmon-service", "cache_hit_rate")

    assert rate == pytest.approx(1 - len(set(items)) / len(items), abs=0.02)
    assert number(full, "cache-outage", "recmon-service", "cache_hit_rate") == 0


def test_how_far_scores_drifted_is_what_the_data_make_of_it(full: Filled) -> None:
    found = zoomed_out(full, "score-drift", explaining(quality.SCORE_DRIFT)["targets"][0])

    scores: dict[str, list[tuple[float, float]]] = {}
    for slate in full.slates:
        chances = [one.propensity for one in slate.impressions]
        scores.setdefault(slate.model_version, []).append((max(chances), 1 - min(chances)))
    assert by(catalog.MODEL_VERSION.name, found) == {
        version: pytest.approx(distance(*zip(*pairs, strict=True)), abs=0.02) for version, pairs in scores.items()
    }


def distance(before: Sequence[float], now: Sequence[float]) -> float:
    """The largest difference between two distributions, as far as the buckets tell."""
    shares = (
        [sum(one <= bound for one in some) / len(some) for some in (before, now)] for bound in catalog.SCORE.buckets
    )
    return max(abs(one - other) for one, other in shares)


def test_a_model_is_as_old_as_it_was_said_to_be(full: Filled) -> None:
    ages = {name: number(full, name, "recmon-quality", "staleness") for name in (HEALTHY, "stale-model")}

    since = 2 * (full.end - full.start) / 3600 + scaled(360) / 3600  # the services were told before the traffic began
    assert {name: told <= ages[name] <= told + since for name, told in TOLD_H.items()} == dict.fromkeys(TOLD_H, True)


def worst(rule: AlertRule, found: Values, well: Values) -> float:
    """What is furthest on the alert's side: a value, or how it differs from that where all is well."""
    values = [*found.values()]
    if rule.alert.against:
        values = [found.get(labels, 0.0) / value - 1 for labels, value in well.items() if value]
    return (min if rule.alert.comparison is Comparison.BELOW else max)(values)


def limit(rule: AlertRule, usual: float) -> float:
    """The threshold; here so many click that only half of it is few."""
    return usual / 2 if rule.name == "CtrLow" else rule.threshold


def limits(panel: Json) -> list[Json]:
    """The thresholds that a panel draws."""
    return [step for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"] if step["value"] is not None]


def colour(panel: Json, value: float) -> str:
    """The colour that a value has on a panel."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return [str(step["color"]) for step in steps if step["value"] is None or step["value"] <= value][-1]
