"""The figures of experiments: those of the real Prometheus against numpy and SciPy."""

import json
import math
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from scipy import stats
from scipy.stats.contingency import relative_risk

from benchmarks.experiment_statistics import Difference, Totals, difference
from benchmarks.population import BUCKETS, LOOKS, Population
from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import json_text
from otel_recmon.artifacts.dashboards.experiments import board
from otel_recmon.artifacts.dashboards.interpolation import QueryContext, targets
from otel_recmon.artifacts.promql import IDENTITY, QueryScope
from otel_recmon.artifacts.settings.thresholds import load
from otel_recmon.artifacts.signals import arms
from otel_recmon.artifacts.signals.arms import Judged
from otel_recmon.catalog import Metric
from otel_recmon.demo.traffic import load_impressions
from otel_recmon.stack import Stack, binaries
from tests.speed import eventually
from tests.stack.observed import Prometheus

WORKERS: Final = 4
STEP_S: Final = 60
FIRST_S: Final = 30
"""How much longer than the experiment the window is: as long as counters stand at 0."""
CONFIG: Final = load()
SETTINGS: Final = CONFIG.experiments
COUNTERS: Final = (
    catalog.EXPERIMENT_CLICKS,
    catalog.EXPERIMENT_CONVERSIONS,
    catalog.EXPERIMENT_EXPOSURES,
    catalog.EXPERIMENT_REVENUE,
)
Counted = Mapping[Metric, Totals]
"""By counter: what there is at each moment, by arm and bucket."""


@dataclass(frozen=True)
class Experiment:
    """An experiment of a service: what was counted from its beginning on, the control's first."""

    service: str
    environment: str
    name: str
    shares: Mapping[str, float]
    counted: Counted

    def judged(self, judged: Judged) -> Difference:
        """What numpy makes of it, at each moment."""
        clicks, conversions, exposures, revenue = (self.counted[metric] for metric in COUNTERS)
        shares = list(self.shares.values())
        if judged is arms.SPLIT:
            return difference(exposures, None, shares)
        if judged is arms.REVENUE:
            return difference(revenue, exposures, shares, conversions)
        return difference(conversions if judged is arms.CONVERSIONS else clicks, exposures, shares)


def simulated(
    service: str, environment: str, seed: int, population: Population, expected: Mapping[str, float]
) -> Experiment:
    chance = np.random.default_rng(seed)
    ((exposures, clicks, bought),) = ([counts[0] for counts in some] for some in population.simulate(chance, 1))
    earned = np.diff(bought, axis=0, prepend=0) * chance.gamma(2, 12.5, bought.shape)
    counts = (clicks, bought, exposures, earned.round(2).cumsum(0))
    return Experiment(service, environment, "ranker", expected, dict(zip(COUNTERS, counts, strict=True)))


def from_the_data() -> Experiment:
    """The Open Bandit sample: requests are randomised, so that each is a user of its own."""
    chance = np.random.default_rng(7)
    shape = (LOOKS, 2, BUCKETS)
    exposures, clicks = np.zeros(shape), np.zeros(shape)
    shown = load_impressions()
    for number, row in enumerate(shown):
        cell = LOOKS * number // len(shown), ("random", "bts").index(row.policy), chance.integers(BUCKETS)
        exposures[cell] += 1
        clicks[cell] += row.clicked
    exposures, clicks = exposures.cumsum(0), clicks.cumsum(0)
    counts = (clicks, np.zeros(shape), exposures, np.zeros(shape))
    return Experiment(
        "zozo", "production", "policy", {"random": 0.5, "bts": 0.5}, dict(zip(COUNTERS, counts, strict=True))
    )


THREE: Final = {"old": 0.4, "new": 0.3, "newest": 0.3}
EXPERIMENTS: Final = (
    simulated("shop", "production", 1, Population(3_000, (0.4, 0.3, 0.3), (1.0, 1.0, 0.5)), THREE),
    simulated("shop", "staging", 2, Population(500, (0.3, 0.4, 0.3), (1.0, 0.7, 1.0)), THREE),
    simulated("other", "production", 3, Population(4_000, (0.6, 0.4), (1.0, 1.5)), {"old": 0.5, "new": 0.5}),
    from_the_data(),
)
BANDIT: Final = EXPERIMENTS[-1]
EACH: Final = pytest.mark.parametrize("judged", arms.JUDGED, ids=lambda judged: judged.value.name)


def lines(experiment: Experiment, metric: Metric, start: int) -> Iterator[str]:
    """A counter as four workers export it; one of them is restarted half-way."""
    chance = np.random.default_rng(0)
    rises = np.diff(experiment.counted[metric], axis=0, prepend=0)
    for place in np.ndindex(*rises.shape[1:]):
        own = rises[:, *place]
        workers = chance.integers(WORKERS, size=LOOKS)
        workers[LOOKS // 2 - 1] = 0  # the one that is restarted just then is seen at 0
        for worker in range(WORKERS):
            values = np.concatenate(([0.0], np.where(workers == worker, own, 0).cumsum()))
            if worker == 1:
                values[LOOKS // 2 :] -= values[LOOKS // 2]
            labels = {
                "job": experiment.service,
                "deployment_environment_name": experiment.environment,
                "instance": f"worker-{worker}",
                "experiment": experiment.name,
                "variant": list(experiment.shares)[place[0]],
                "bucket": catalog.BUCKETS[place[1]],
            }
            yield from samples(metric, labels, values, start)


def expected(experiment: Experiment, start: int) -> Iterator[str]:
    for number, (variant, share) in enumerate(experiment.shares.items()):
        labels = {
            "job": experiment.service,
            "deployment_environment_name": experiment.environment,
            "experiment": experiment.name,
            "variant": variant,
            "role": catalog.ROLES[number > 0],
        }
        for worker in range(WORKERS):
            own = labels | {"instance": f"worker-{worker}"}
            yield from samples(catalog.EXPECTED_SHARE, own, np.full(LOOKS + 1, share), start)


def samples(metric: Metric, labels: Mapping[str, str], values: Totals, start: int) -> Iterator[str]:
    text = ",".join(f'{label}="{value}"' for label, value in labels.items())
    for number, value in enumerate(values):
        yield f"{metric.prometheus}{{{text}}} {value:.10g} {start + number * STEP_S}\n"


@dataclass(frozen=True)
class Stored:
    """A Prometheus that has all of it since some moment."""

    prometheus: Prometheus
    start: int

    def ask(self, expression: str, moment: int) -> dict[tuple[str, ...], float]:
        """Return the values by service, environment, experiment and arm, so many steps after the beginning."""
        result = self.prometheus.ask("query", query=expression, time=str(self.start + moment * STEP_S))["result"]
        keys = (*IDENTITY, "experiment", "variant")
        assert all(one["metric"].keys() == set(keys) for one in result)
        return {tuple(one["metric"][key] for key in keys): float(one["value"][1]) for one in result}

    def scope(self, moment: int) -> QueryScope:
        """Look back on all of it."""
        return QueryScope(f"{moment * STEP_S + FIRST_S}s")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    folder = tmp_path_factory.mktemp("experiments")
    start = int(time.time()) - (LOOKS + 2) * STEP_S
    data, text = folder / "prometheus" / "data", folder / "text"
    data.parent.mkdir()
    with text.open("w", encoding="utf-8") as file:
        for metric in COUNTERS:
            for experiment in EXPERIMENTS:
                file.writelines(lines(experiment, metric, start))
        for experiment in EXPERIMENTS:
            file.writelines(expected(experiment, start))
        file.write("# EOF\n")
    command: list[str | Path] = [binaries.find("promtool") or "promtool", "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*command, "--max-block-duration=720h", text, data], check=True, capture_output=True)
    with Stack(directory=folder) as stack:
        prometheus = Prometheus(stack.prometheus_url)
        eventually(lambda: prometheus.ask("query", query=catalog.EXPECTED_SHARE.prometheus, time=str(start))["result"])
        yield Stored(prometheus, start)


def wanted(judged: Judged, moment: int) -> dict[str, dict[tuple[str, ...], float]]:
    """What each figure is, by its name."""
    limits = (SETTINGS.exposures, SETTINGS.mismatch) if judged is arms.SPLIT else (SETTINGS.events, SETTINGS.harm)
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for one in EXPERIMENTS:
        seen = one.judged(judged)
        low, high = seen.bounds(*limits)
        figures = {
            judged.value.name: seen.value,
            judged.low(SETTINGS).name: low,
            judged.high(SETTINGS).name: high,
            judged.evidence(SETTINGS).name: seen.evidence(*limits),
        }
        for name, values in figures.items():
            for variant, value in zip(list(one.shares)[1:], values[moment - 1], strict=True):
                found.setdefault(name, {})
                if np.isfinite(value):
                    found[name][one.service, one.environment, one.name, variant] = float(value)
    return found


@EACH
@pytest.mark.parametrize("moment", [20, 35, LOOKS])
def test_what_prometheus_answers_is_what_numpy_computes(judged: Judged, moment: int, stored: Stored) -> None:
    signals = (judged.value, judged.low(SETTINGS), judged.high(SETTINGS), judged.evidence(SETTINGS))

    found = {signal.name: stored.ask(str(signal.expression(stored.scope(moment))), moment) for signal in signals}

    assert found == {
        name: {arm: pytest.approx(value, rel=1e-6) for arm, value in values.items()}
        for name, values in wanted(judged, moment).items()
    }


def shown(stored: Stored, experiment: Experiment) -> dict[tuple[str, str, str], float]:
    """What the tables of the page show at the end, by title, head of the column and arm."""
    values = {"service": experiment.service, "environment": experiment.environment, "control": "none"}
    values |= dict.fromkeys(("model_version", "surface"), ".*")
    end = stored.start + LOOKS * STEP_S
    context = QueryContext(stored.start - FIRST_S, end, STEP_S, values)
    found: dict[tuple[str, str, str], float] = {}
    for panel, target in targets(json.loads(json_text(board(CONFIG, {})))):
        if panel["type"] == "table":
            asked = stored.prometheus.ask("query", query=context.interpolate(target["expr"]), time=str(end))["result"]
            place = panel["title"], target["legendFormat"]
            found |= {(*place, one["metric"]["variant"]): float(one["value"][1]) for one in asked}
    return found


def test_of_the_open_bandit_sample_the_page_shows_what_scipy_computes(stored: Stored) -> None:
    exposures, clicks = (BANDIT.counted[metric][-1] for metric in (COUNTERS[2], COUNTERS[0]))
    (others, own), (other_clicks, own_clicks) = (counts.sum(-1).astype(int) for counts in (exposures, clicks))
    risk = relative_risk(int(own_clicks), int(own), int(other_clicks), int(others))
    rates = clicks.sum(-1, keepdims=True) / exposures.sum(-1, keepdims=True)
    residuals = (clicks - rates * exposures) / exposures.sum(-1, keepdims=True)
    pairs = residuals[1] - residuals[0] + (rates[1] - rates[0]) / BUCKETS
    error = (risk.relative_risk - 1) / stats.ttest_1samp(pairs, 0).statistic
    events = (own_clicks + other_clicks) / SETTINGS.events
    normal = math.sqrt((1 + 1 / events) * (math.log1p(events) - 2 * math.log(SETTINGS.harm)))
    half = error * stats.t.isf(stats.norm.sf(normal), BUCKETS - 1)

    found = shown(stored, BANDIT)

    lift = "Clicks per exposure"
    assert (own_clicks, other_clicks, own, others) == (157, 130, 30_000, 30_000)
    assert {place: found[place] for place in found if place[1].startswith(("Exposures", "Clicks"))} == {
        ("Data of each arm", "Exposures", "random"): pytest.approx(others),
        ("Data of each arm", "Exposures", "bts"): pytest.approx(own),
        ("Data of each arm", "Clicks", "random"): pytest.approx(other_clicks),
        ("Data of each arm", "Clicks", "bts"): pytest.approx(own_clicks),
        ("Data of each arm", f"{lift}, in each arm", "random"): pytest.approx(other_clicks / others),
        ("Data of each arm", f"{lift}, in each arm", "bts"): pytest.approx(own_clicks / own),
        ("Difference from the control", lift, "bts"): pytest.approx(risk.relative_risk - 1),
        ("Difference from the control", f"{lift}, at least", "bts"): pytest.approx(
            risk.relative_risk - 1 - half, abs=2e-3 * half
        ),
        ("Difference from the control", f"{lift}, at most", "bts"): pytest.approx(
            risk.relative_risk - 1 + half, abs=2e-3 * half
        ),
    }


def test_where_requests_are_randomised_the_error_is_that_of_independent_requests(stored: Stored) -> None:
    seen = BANDIT.judged(arms.CLICKS)
    clicks = BANDIT.counted[catalog.EXPERIMENT_CLICKS][-1].sum(-1).astype(int)
    interval = relative_risk(int(clicks[1]), 30_000, int(clicks[0]), 30_000).confidence_interval(0.95)
    katz = math.log(interval.high / interval.low) / 2 / stats.norm.isf(0.025)
    # The difference, relative to the control: each arm's variance is that of its own rate.
    independent = math.hypot((seen.value[-1, 0] + 1) / math.sqrt(clicks[1]), 1 / math.sqrt(clicks[0]))
    low, high = stats.chi2.interval(0.999, BUCKETS - 1)

    assert low < (BUCKETS - 1) * (seen.error[-1, 0] / independent) ** 2 < high
    assert independent == pytest.approx(katz, rel=0.15)
