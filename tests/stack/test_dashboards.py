"""Every query of every panel on a real Prometheus, and the numbers against the data."""

import json
import math
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from otel_recmon import catalog, definitions
from otel_recmon.artifacts.dashboards.interpolation import panels
from otel_recmon.artifacts.pages import panel_id
from otel_recmon.artifacts.promql import IDENTITY
from otel_recmon.artifacts.render.files import exported
from otel_recmon.artifacts.settings.thresholds import configured, load
from otel_recmon.artifacts.signals import fleet, quality, telemetry, traffic
from otel_recmon.artifacts.signals.attribution import CLICK_DELAY, CONVERSION_DELAY
from otel_recmon.artifacts.signals.kinds import Signal
from otel_recmon.catalog import MAX_SERIES, Metric
from otel_recmon.demo.figures import recompute
from otel_recmon.demo.traffic import MODEL_VERSIONS, Slate, catalog_size
from otel_recmon.report.figures import Figures
from otel_recmon.stats.intervals import Rate, Z
from otel_recmon.stats.sketch import Sketch, estimate
from tests.stack.filled import FILMS, LOG, WORKERS, Filled, filled
from tests.stack.pages import (
    ARM,
    CONTROL,
    PAGES,
    TARGETS,
    Json,
    Values,
    answer,
    by,
    explaining,
    number,
    numbers,
    panel_of,
    queries,
    without_job,
    zoomed_out,
)

ROOT = Path(__file__).parents[2]
EACH_TARGET = pytest.mark.parametrize(("panel", "target"), TARGETS.values(), ids=TARGETS)
EACH_DEMO = pytest.mark.parametrize("service", WORKERS)
EMPTY = {
    "Catalog coverage of warmed-up processes": "that takes 10,000 slates",
    "Other events per hour": "the demo reports clicks and conversions only",
    "Alerts firing": "this Prometheus has no alerting rules; Grafana has",
    "Undelivered Slack messages": "there is no Alertmanager here",
}
"""Panels that may have no data, with the reason."""
LIFT, DIFFERENCE = "Lift, assuming independent requests", "Difference from the control"
OWN = {
    "Processes reporting": "there are more of them",
    "Series": "each has its own",
    "Services": "it lists both",
    "Age of the last sample": "each exports when it does",
    "Catalog coverage per process": "each has shown a part",
    "Diversity per process": "each has shown a part",
    "Concentration on popular items, per process": "each has shown a part",
}
"""Panels that show what is of a process, with the reason why more of them show something else."""
TIMED = re.compile("Latency|Good|Error budget|Burn|Time to a")
"""What depends on how fast it went; each is compared with its own counters instead."""
DRAWN = re.compile("Split|.* per exposure|Difference from the control|Data of each arm")
"""The same for what depends on buckets, which are drawn where no user is known."""
COMPARED = {
    name: target
    for name, (panel, target) in TARGETS.items()
    if panel["title"] not in OWN
    and not TIMED.search(f"{panel['title']} {target['legendFormat']}")
    and not DRAWN.fullmatch(panel["title"])
}
LEVELS = {"median": 0.5, "P95": 0.95, "P99": 0.99}


NOW = {name: target for name, (_, target) in TARGETS.items() if target["instant"]}


def narrowed(services: str, pipeline: str) -> dict[str, Json]:
    """The queries of one moment, exported with settings that narrow them."""
    files = exported(configured({"services": {"selector": services, "pipeline": pipeline}}), ["dashboards"])
    pages = [json.loads(page) for name, page in files.items() if name.endswith(".json")]
    return {name: target for name, (_, target) in queries(pages).items()}


NARROWED = narrowed(f'job=~"demo-.|{FILMS}", deployment_environment_name!="staging"', 'job=~"otelcol|prometheus"')
ELSEWHERE = narrowed('job="elsewhere"', 'job="elsewhere"')


@pytest.fixture(scope="module")
def full() -> Iterator[Filled]:
    with filled() as found:
        yield found


@EACH_TARGET
def test_a_query_returns_finite_data(full: Filled, panel: Json, target: Json) -> None:
    found = [value for service in ("demo-1", FILMS) for value in numbers(answer(full, service, target))]

    if panel["title"] in EMPTY:
        assert found == []
    else:
        assert any(math.isfinite(value) for value in found)
        assert not any(math.isinf(value) for value in found)
        assert not (target["instant"] and any(math.isnan(value) for value in found))


@pytest.mark.parametrize("name", NOW)
def test_a_query_that_is_narrowed_to_the_services_returns_the_same(full: Filled, name: str) -> None:
    for service in ("demo-1", FILMS):
        wide, narrow = (answer(full, service, found[name]) for found in (NOW, NARROWED))

        assert isinstance(wide, dict)
        assert isinstance(narrow, dict)
        assert narrow == {labels: pytest.approx(value, nan_ok=True) for labels, value in wide.items()}


@pytest.mark.parametrize("name", NOW)
def test_a_query_that_is_narrowed_to_others_returns_nothing(full: Filled, name: str) -> None:
    assert answer(full, "demo-1", ELSEWHERE[name]) == {}


def test_few_panels_may_be_empty_and_they_exist() -> None:
    titles = {panel["title"] for page in PAGES.values() for panel in panels(page)}

    assert len(EMPTY) <= 5
    assert set(EMPTY) <= titles


@EACH_DEMO
def test_what_is_stored_is_what_was_sent(full: Filled, service: str) -> None:
    counted = full.figures(service).counts
    rated = {cell for cell in counted if cell[0] == definitions.RATED.series}  # the data have no latencies

    assert {cell: counted[cell] for cell in counted.keys() - rated} == pytest.approx(recompute(full.slates).counts)


def entropy(counts: Mapping[str, float]) -> float:
    total = sum(counts.values())
    return -sum(n / total * math.log(n / total) for n in counts.values()) / math.log(len(counts))


def expected(slates: list[Slate], seconds: float) -> dict[tuple[str, str], float]:
    """What the numbers of the pages are, from the data file."""
    of = recompute(slates)
    requests, shown, clicks, conversions, revenue = counts(of)
    return {
        ("recmon-business", "requests"): requests,
        ("recmon-business", "impressions"): shown,
        ("recmon-business", "clicks"): clicks,
        ("recmon-business", "conversions"): conversions,
        ("recmon-business", "revenue"): revenue,
        ("recmon-business", "ctr"): clicks / requests,
        ("recmon-business", "conversion_rate"): conversions / clicks,
        ("recmon-business", "revenue_per_request"): revenue / requests,
        ("recmon-service", "successes"): requests / seconds,
        ("recmon-service", "error_rate"): 0,
        ("recmon-quality", "item_ctr"): clicks / shown,
        ("recmon-quality", "list_length"): shown / requests,
        ("recmon-quality", "diversity"): entropy(of.by_label(definitions.ITEMS)),
        ("recmon-quality", "mean_score"): of.value(definitions.MEAN_SCORE) or 0,
    }


def counts(of: Figures) -> list[float]:
    """Successful requests, impressions, clicks, conversions and revenue."""
    wanted = (
        definitions.SUCCESSES,
        definitions.IMPRESSIONS,
        definitions.CLICKS,
        definitions.CONVERSIONS,
        definitions.REVENUE,
    )
    return [of.value(one) or 0.0 for one in wanted]


def differences(slates: list[Slate]) -> dict[tuple[str, str], float]:
    """By how much the arm differs from the control, by table and column."""
    sides = (recompute([slate for slate in slates if slate.policy == policy]) for policy in (ARM, CONTROL))
    shares = (definitions.CTR, definitions.CONVERSION_RATE, definitions.REVENUE_PER_REQUEST)
    arm, control = ([of.value(share) or 0.0 for share in shares] for of in sides)
    clicking, converting, revenue = (one / other for one, other in zip(arm, control, strict=True))
    shown = Counter(slate.policy for slate in slates)
    values = {
        (LIFT, "Click-through rate: lift"): clicking,
        (LIFT, "Conversion rate: lift"): converting,
        (LIFT, "Revenue per request: lift"): revenue,
        (DIFFERENCE, "Split"): shown[ARM] / shown[CONTROL],
        (DIFFERENCE, "Clicks per exposure"): clicking,
        (DIFFERENCE, "Conversions per exposure"): clicking * converting,
        (DIFFERENCE, "Revenue per exposure"): revenue,
    }
    return {place: value - 1 for place, value in values.items()}


def column(full: Filled, service: str, title: str, head: str) -> float:
    """What a table of the experiments' page says of the arm."""
    (panel,) = (p for p in panels(PAGES["recmon-experiments"]) if p["title"] == title)
    (target,) = (target for target in panel["targets"] if target["legendFormat"] == head)
    (value,) = numbers(answer(full, service, target))
    return value


@EACH_DEMO
def test_a_difference_between_arms_is_that_of_the_data(full: Filled, service: str) -> None:
    share = 2 * inexact(full)

    assert {place: column(full, service, *place) for place in differences(list(full.slates))} == {
        place: pytest.approx(value, abs=share * (1 + value)) for place, value in differences(list(full.slates)).items()
    }


@EACH_DEMO
def test_each_number_is_that_of_the_data_within_one_export(full: Filled, service: str) -> None:
    seconds = full.end - full.start
    wanted = expected(list(full.slates), seconds)
    found = {key: number(full, service, *key) for key in wanted}

    share = inexact(full)
    assert found == {(uid, name): pytest.approx(value, rel=share, abs=1e-9) for (uid, name), value in wanted.items()}


def inexact(full: Filled) -> float:
    """How far off an increase may be: it is drawn out to the edges of the window, by one export at most at each."""
    selector = '{__name__=~"recommendations?_.+", job=~"demo-.*"}'
    asked = full.prometheus.ask("query", query=f"{selector}[{full.end - full.start:.0f}s]", time=str(full.end))
    moments = [[float(at) for at, _ in series["values"]] for series in asked["result"]]
    between = max(later - at for series in moments for at, later in pairwise(series))
    return 2 * between / (full.end - max(series[0] for series in moments))


@EACH_DEMO
def test_a_quantile_lies_in_the_bucket_that_the_data_have(full: Filled, service: str) -> None:
    for name, level in (("latency_p50", 0.5), ("latency_p95", 0.95), ("latency_p99", 0.99)):
        bucket = full.expositions[service].quantile(level, catalog.LATENCY)
        assert bucket
        # It is of the increase, which is a little off: where the level is at a bucket's edge, so is it.
        assert bucket[0] * 0.95 <= number(full, service, "recmon-service", name) <= bucket[1] * 1.05


def test_what_is_good_is_what_the_counters_say(full: Filled) -> None:
    counts = full.expositions["demo-1"].by(catalog.SLO_RESPONSES, catalog.IS_GOOD.name)
    good = counts[catalog.GOOD] / sum(counts.values())

    assert number(full, "demo-1", "recmon-service", "good_responses") == pytest.approx(good, rel=inexact(full))


def test_what_code_says_is_shown(full: Filled) -> None:
    assert number(full, FILMS, "recmon-service", "cache_hit_rate") == 0
    assert number(full, FILMS, "recmon-quality", "reload_pending") == 0
    assert number(full, FILMS, "recmon-telemetry", "dropped_share") == pytest.approx(1 / 12, rel=2 * inexact(full))


@EACH_DEMO
def test_the_budget_is_that_of_the_metric_that_has_most_combinations_of_labels(full: Filled, service: str) -> None:
    ours = f'{{job="{service}", __name__=~"rec[a-z]+_.+"}}'
    found = full.prometheus.ask("query", query=ours, time=str(full.end))["result"]
    combinations = Counter(
        (one["metric"]["__name__"], one["metric"]["instance"])
        for one in found
        if not one["metric"]["__name__"].endswith(("_bucket", "_sum"))
    )

    (shown,) = numbers(answer(full, service, explaining(telemetry.SERIES_BUDGET)["targets"][0]))[-1:]

    assert shown == max(combinations.values()) / MAX_SERIES


def test_what_was_so_a_week_ago_has_not_changed(full: Filled) -> None:
    (panel,) = (p for p in panels(PAGES["recmon-business"]) if p["title"] == "Change from last week")

    for target in panel["targets"]:
        assert numbers(answer(full, "demo-1", target)) == [pytest.approx(0, abs=2 * inexact(full))]


def test_the_interval_of_a_lift_is_that_of_poisson_counts(full: Filled) -> None:
    sides = (recompute([slate for slate in full.slates if slate.policy == policy]) for policy in (ARM, CONTROL))
    arm, control = (of.rate(definitions.CTR) or Rate(0, 0) for of in sides)
    spread = Z * math.sqrt(sum(1 / rate.successes for rate in (arm, control)))
    ratio = arm.value / control.value
    titles = ("Click-through rate: lift, at least", "Click-through rate: lift, at most")
    found = [column(full, "demo-1", LIFT, title) for title in titles]

    assert found == [pytest.approx(ratio * math.exp(sign * spread) - 1, rel=2 * inexact(full)) for sign in (-1, 1)]


@pytest.mark.parametrize("target", COMPARED.values(), ids=COMPARED)
def test_the_number_of_processes_makes_no_difference(full: Filled, target: Json) -> None:
    one, four = (zoomed_out(full, service, target) for service in WORKERS)

    share = 2 * inexact(full)
    assert four == {labels: pytest.approx(value, rel=share, abs=share) for labels, value in one.items()}


def test_what_is_of_a_process_says_so_and_exists() -> None:
    assert set(OWN) <= {panel["title"] for panel, _ in TARGETS.values()}


@EACH_DEMO
def test_each_quantile_lies_in_the_bucket_that_its_own_counters_have(full: Filled, service: str) -> None:
    found = {
        (name, *labels): (value, full.expositions[service].quantile(LEVELS[level[1]], catalog.LATENCY, **dict(labels)))
        for name, (panel, target) in TARGETS.items()
        if (level := re.fullmatch("Latency(?: by surface)?, (median|P95|P99)(?: by variant)?", panel["title"]))
        for labels, value in of_service(zoomed_out(full, service, target)).items()
    }

    assert {len(key) for key in found} == {1, 2}
    # It is of the increase, which is a little off: where the level is at a bucket's edge, so is it.
    assert {
        key: value
        for key, (value, bucket) in found.items()
        if not (bucket and bucket[0] * 0.95 <= value <= bucket[1] * 1.05)
    } == {}


@EACH_DEMO
@pytest.mark.parametrize("signal", [CLICK_DELAY, CONVERSION_DELAY], ids=lambda signal: signal.name)
def test_a_delay_lies_in_the_bucket_that_its_own_counters_have(full: Filled, service: str, signal: Signal) -> None:
    found = by(catalog.MODEL_VERSION.name, zoomed_out(full, service, explaining(signal)["targets"][0]))
    (metric,) = signal.metrics
    buckets = {version: full.expositions[service].quantile(0.5, metric, model_version=version) for version in found}

    assert found.keys() == set(MODEL_VERSIONS.values())
    assert {
        version: (found[version], bucket)
        for version, bucket in buckets.items()
        if not (bucket and bucket[0] * 0.95 <= found[version] <= bucket[1] * 1.05)
    } == {}


@EACH_DEMO
def test_what_is_good_is_what_its_own_counters_say(full: Filled, service: str) -> None:
    seen = full.expositions[service]
    versions = seen.by(catalog.SLO_RESPONSES, catalog.MODEL_VERSION.name)
    bad = {
        version: seen.total(catalog.SLO_RESPONSES, model_version=version, good=catalog.BAD) / total
        for version, total in versions.items()
    }

    objective = load().general.objective
    burnt = {version: share / (1 - objective) for version, share in bad.items()}
    wanted = {
        traffic.GOOD_RESPONSES: {version: 1 - share for version, share in bad.items()},
        traffic.burn_rate(objective): burnt,
        traffic.budget_left(objective): {version: 1 - rate for version, rate in burnt.items()},
    }
    for signal, values in wanted.items():
        found = by(catalog.MODEL_VERSION.name, zoomed_out(full, service, explaining(signal)["targets"][0]))
        assert found == pytest.approx(values, rel=0.01, abs=0.01)


@EACH_DEMO
def test_the_interval_of_a_value_is_that_of_the_data(full: Filled, service: str) -> None:
    of = recompute(full.slates)
    requests, _, clicks, orders, earned = counts(of)
    revenue = earned / requests
    spread = math.exp(Z * math.sqrt(2 / orders))
    wanted = {
        "ctr": Rate(int(clicks), int(requests), unbounded=True).interval,
        "conversion_rate": Rate(int(orders), int(clicks), unbounded=True).interval,
        "revenue_per_request": (revenue / spread, revenue * spread),
    }

    found = {name: band(full, service, name) for name in wanted}

    share = 2 * inexact(full)
    assert found == {name: pytest.approx(bounds, rel=share) for name, bounds in wanted.items()}


def band(full: Filled, service: str, name: str) -> list[float]:
    """The least and the most that a value may be, as the page of the business draws it."""
    panel = panel_of("recmon-business", panel_id(f"{name}.interval"))
    edges = (target for target in panel["targets"] if target["legendFormat"] in ("at least", "at most"))
    return [value for target in edges for value in zoomed_out(full, service, target).values()]


@pytest.mark.parametrize(
    ("signal", "metric"), [(quality.COVERAGE, catalog.COVERAGE), (quality.PROCESS_DIVERSITY, catalog.DIVERSITY)]
)
def test_what_is_of_a_process_is_that_of_the_data_or_the_mean_of_several(
    full: Filled, signal: Signal, metric: Metric
) -> None:
    one, four = (
        by(catalog.MODEL_VERSION.name, zoomed_out(full, service, explaining(signal)["targets"][0]))
        for service in WORKERS
    )

    size, raw = catalog_size(LOG), [sample for sample in full.expositions["demo-4"] if sample.name == metric.prometheus]
    for policy, version in MODEL_VERSIONS.items():
        data = recompute([slate for slate in full.slates if slate.policy == policy], size)
        own = [sample.value for sample in raw if sample.labels["model_version"] == version]
        (expected_value,) = (value for gauge, value in data.gauges.items() if gauge.metric is metric)
        assert one[version] == pytest.approx(expected_value)
        assert 1 <= len(own) <= WORKERS["demo-4"]
        assert four[version] == pytest.approx(sum(own) / len(own))


def of_service(values: Values) -> dict[tuple[tuple[str, str], ...], float]:
    """Values by the labels that do not tell the service."""
    return {
        tuple((key, value) for key, value in labels if key not in IDENTITY): value for labels, value in values.items()
    }


@EACH_DEMO
def test_clicks_over_expected_clicks_are_those_of_the_data(full: Filled, service: str) -> None:
    (panel,) = (p for p in panels(PAGES["recmon-quality"]) if p["id"] == panel_id("quality.coec"))
    found = without_job(answer(full, service, panel["targets"][0]))

    shown = [(slate, impression) for slate in full.slates for impression in slate.impressions]
    impressions = Counter((slate.surface, one.position) for slate, one in shown)
    clicks = Counter((slate.surface, one.position) for slate, one in shown if one.clicked)
    expected: Counter[str] = Counter()
    clicked = Counter(slate.model_version for slate, one in shown if one.clicked)
    for slate, one in shown:
        place = (slate.surface, one.position)
        expected[slate.model_version] += clicks[place] / impressions[place]  # type: ignore[assignment]  # a share
    assert {dict(labels)["model_version"]: value for labels, value in found.items()} == {
        version: pytest.approx(clicked[version] / number, rel=2 * inexact(full)) for version, number in expected.items()
    }


@EACH_DEMO
def test_the_fleet_showed_as_many_different_items_as_its_data_have(full: Filled, service: str) -> None:
    sketch = Sketch(256)
    sketch.add({one.item_id for slate in full.slates for one in slate.impressions}, 0.0)
    (panel,) = (p for p in panels(PAGES["recmon-quality"]) if p["id"] == fleet.DISTINCT_ITEMS.panel)
    (of_all,) = (target for target in panel["targets"] if target["legendFormat"] == "all")

    found = answer(full, service, of_all)

    assert numbers(found)[-1] == pytest.approx(estimate(sketch.registers(0.0) or b""))


def test_the_pages_can_be_drawn(full: Filled, tmp_path: Path) -> None:
    minutes = {"--minutes": (full.end - full.start) / 60, "--ago": (time.time() - full.end) / 60}
    when = [part for name, value in minutes.items() for part in (name, str(value))]
    where = ["--prometheus", full.prometheus.url, *when, "--service", "demo-4", "--out", str(tmp_path)]
    subprocess.run([sys.executable, str(ROOT / "tools" / "preview"), *where], check=True, capture_output=True)

    assert {file.name for file in tmp_path.iterdir()} == {f"{uid}.png" for uid in PAGES}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in tmp_path.iterdir())
