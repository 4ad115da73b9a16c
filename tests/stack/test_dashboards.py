"""Every query of every panel on a real Prometheus, and the numbers against the data."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from otel_recmon import catalog
from otel_recmon.artifacts.asked import Looking, panels, targets
from otel_recmon.artifacts.dashboards import BOARDS
from otel_recmon.artifacts.dashboards.board import text
from otel_recmon.artifacts.pages import panel_id
from otel_recmon.demo.figures import recomputed
from otel_recmon.demo.intervals import Z
from otel_recmon.demo.traffic import Slate
from tests.stack.filled import ENVIRONMENT, EXPORT_S, FILMS, WORKERS, Filled, filled

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]
Values = dict[frozenset[tuple[str, str]], float]
PAGES: dict[str, Json] = {board.page.uid: json.loads(text(board)) for board in BOARDS}
TARGETS = {
    f"{uid}.{panel['title']}.{target['refId']}": (panel, target)
    for uid, page in PAGES.items()
    for panel, target in targets(page)
}
EACH_TARGET = pytest.mark.parametrize(("panel", "target"), TARGETS.values(), ids=TARGETS)
EACH_DEMO = pytest.mark.parametrize("service", WORKERS)
EMPTY = {
    "Catalog coverage of a process that has seen enough": "that takes 10,000 slates",
    "Alerts firing": "this Prometheus has no alerting rules; Grafana has",
    "Messages given up": "there is no Alertmanager here",
}
"""Panels that may have no data, with the reason."""
CONTROL, ARM = "random", "bts"
EVERYTHING = ".*"
APART = re.compile("Latency|Time|Good|Error budget|Routes|Age|Services|Processes|Series|.* of a process|Collector")
"""Titles, or how they begin, of what depends on clocks or on the number of processes, and not on the traffic alone."""
COMPARED = {
    name: target for name, (panel, target) in TARGETS.items() if target["instant"] and not APART.match(panel["title"])
}


@pytest.fixture(scope="module")
def full() -> Iterator[Filled]:
    with filled() as found:
        yield found


def looking(full: Filled, service: str) -> Looking:
    values = {
        "service": service,
        "environment": ENVIRONMENT,
        "control": CONTROL,
        "datasource": "",
        **dict.fromkeys(("model_version", "variant", "surface"), EVERYTHING),
    }
    return Looking(full.start, full.end, EXPORT_S, values, EXPORT_S)


def answer(full: Filled, service: str, target: Json) -> Values | list[float]:
    """What a query of a panel returns: values by labels at the end or, over time, all of them."""
    at = looking(full, service)
    query = at.replaced(target["expr"])
    if target["instant"]:
        result = full.prometheus.ask("query", query=query, time=str(at.end))["result"]
        return {frozenset(one["metric"].items()): float(one["value"][1]) for one in result}
    result = full.prometheus.ask("query_range", query=query, start=str(at.start), end=str(at.end), step=str(at.step))
    return [float(value) for one in result["result"] for _, value in one["values"]]


def numbers(found: Values | list[float]) -> list[float]:
    return list(found.values()) if isinstance(found, dict) else found


def number(full: Filled, service: str, uid: str, name: str) -> float:
    """What a number on a page shows."""
    (panel,) = (p for p in panels(PAGES[uid]) if p["id"] == panel_id(f"{uid}.{name}.now"))
    found = answer(full, service, panel["targets"][0])
    assert isinstance(found, dict)
    (value,) = found.values()
    return value


@EACH_TARGET
def test_a_query_returns_finite_data(full: Filled, panel: Json, target: Json) -> None:
    found = [value for service in ("demo-1", FILMS) for value in numbers(answer(full, service, target))]

    if panel["title"] in EMPTY:
        assert found == []
    else:
        assert any(math.isfinite(value) for value in found)
        assert not any(math.isinf(value) for value in found)
        assert not (target["instant"] and any(math.isnan(value) for value in found))


def test_few_panels_may_be_empty_and_they_exist() -> None:
    titles = {panel["title"] for page in PAGES.values() for panel in panels(page)}

    assert len(EMPTY) <= 5
    assert set(EMPTY) <= titles


@EACH_DEMO
def test_what_is_stored_is_what_was_sent(full: Filled, service: str) -> None:
    without = {"diversity": None, "coverage": None}

    assert vars(full.figures(service)) | without | {"top_score": pytest.approx(recomputed(full.slates).top_score)} == (
        vars(recomputed(full.slates)) | {"top_score": full.figures(service).top_score}
    )


def entropy(counts: Mapping[str, int]) -> float:
    total = sum(counts.values())
    return -sum(n / total * math.log(n / total) for n in counts.values()) / math.log(len(counts))


def expected(slates: list[Slate], seconds: float) -> dict[tuple[str, str], float]:
    """What the numbers of the pages are, from the data file."""
    of = recomputed(slates)
    revenue = of.revenue_cents / 100
    return {
        ("recmon-business", "requests"): of.requests,
        ("recmon-business", "impressions"): of.shown,
        ("recmon-business", "clicks"): of.clicked,
        ("recmon-business", "conversions"): of.conversions,
        ("recmon-business", "revenue"): revenue,
        ("recmon-business", "ctr"): of.ctr.value,
        ("recmon-business", "conversion_rate"): of.conversion_rate.value,
        ("recmon-business", "revenue_per_request"): revenue / of.requests,
        ("recmon-service", "successes"): of.requests / seconds,
        ("recmon-service", "error_rate"): 0,
        ("recmon-quality", "item_ctr"): of.item_ctr.value,
        ("recmon-quality", "list_length"): of.mean_list_length,
        ("recmon-quality", "diversity"): entropy(of.categories),
        ("recmon-quality", "mean_score"): of.top_score or 0,
        **lifts(slates),
    }


def lifts(slates: list[Slate]) -> dict[tuple[str, str], float]:
    arm, control = (recomputed([slate for slate in slates if slate.policy == policy]) for policy in (ARM, CONTROL))
    values = {
        "ctr": arm.ctr.value / control.ctr.value,
        "conversion_rate": arm.conversion_rate.value / control.conversion_rate.value,
        "revenue_per_request": arm.revenue_cents / arm.requests / (control.revenue_cents / control.requests),
    }
    return {("recmon-experiments", f"{name}_lift"): value - 1 for name, value in values.items()}


@EACH_DEMO
def test_each_number_is_that_of_the_data_within_one_export(full: Filled, service: str) -> None:
    seconds = full.end - full.start
    wanted = expected(list(full.slates), seconds)
    found = {key: number(full, service, *key) for key in wanted}

    share = inexact(full)
    assert found == {
        (uid, name): pytest.approx(value, rel=share, abs=2 * share if name.endswith("_lift") else 1e-9)
        for (uid, name), value in wanted.items()
    }


def inexact(full: Filled) -> float:
    """How far off an increase may be: it is drawn out to the edges of the window, by one export at most at each."""
    selector = '{__name__=~"recommendations?_.+", job=~"demo-.*"}'
    asked = full.prometheus.ask("query", query=f"{selector}[{full.end - full.start:.0f}s]", time=str(full.end))
    last_to_begin = max(float(series["values"][0][0]) for series in asked["result"])
    return 2 * EXPORT_S / (full.end - last_to_begin)


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


def test_what_was_so_a_week_ago_has_not_changed(full: Filled) -> None:
    (panel,) = (p for p in panels(PAGES["recmon-business"]) if p["title"] == "Against last week")

    for target in panel["targets"]:
        assert numbers(answer(full, "demo-1", target)) == [pytest.approx(0, abs=2 * inexact(full))]


def test_the_interval_of_a_lift_is_that_of_katz(full: Filled) -> None:
    arm, control = (
        recomputed([slate for slate in full.slates if slate.policy == policy]).ctr for policy in (ARM, CONTROL)
    )
    spread = Z * math.sqrt(sum(1 / rate.successes - 1 / rate.trials for rate in (arm, control)))
    ratio = arm.value / control.value
    (panel,) = (p for p in panels(PAGES["recmon-experiments"]) if p["title"] == "Lift against the control")
    titles = ("Click-through rate: lift, at least", "Click-through rate: lift, at most")
    found = [numbers(answer(full, "demo-1", t)) for t in panel["targets"] if t["legendFormat"] in titles]

    assert found == [[pytest.approx(ratio * math.exp(sign * spread) - 1, rel=2 * inexact(full))] for sign in (-1, 1)]


@pytest.mark.parametrize("target", COMPARED.values(), ids=COMPARED)
def test_the_number_of_processes_makes_no_difference(full: Filled, target: Json) -> None:
    one, four = (without_job(answer(full, service, target)) for service in WORKERS)

    share = 2 * inexact(full)
    assert four == {labels: pytest.approx(value, rel=share, abs=share) for labels, value in one.items()}


def test_the_pages_can_be_drawn(full: Filled, tmp_path: Path) -> None:
    where = ["--prometheus", full.prometheus.url, "--minutes", "2", "--service", "demo-4", "--out", str(tmp_path)]
    subprocess.run([sys.executable, str(ROOT / "tools" / "preview"), *where], check=True, capture_output=True)

    assert {file.name for file in tmp_path.iterdir()} == {f"{uid}.png" for uid in PAGES}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in tmp_path.iterdir())


def without_job(values: Values | list[float]) -> Values:
    assert isinstance(values, dict)
    return {frozenset((k, v) for k, v in labels if k != "job"): value for labels, value in values.items()}
