"""Collectors in threads, in forked processes and with one, two or no providers."""

import json
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_recmon import MetricsCollector
from tests.speed import scaled
from tests.unit.conftest import Clock, Read, labelled, named, once, recorded
from tests.unit.recording.expected_series import nonzero, v1

ROOT = Path(__file__).parents[3]


FORK = """
import json, os, sys
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from otel_recmon import MetricsCollector
from tests.unit.conftest import recorded

reader = InMemoryMetricReader()
metrics = MetricsCollector("v1", catalog_size=10, meter_provider=MeterProvider([reader], shutdown_on_exit=False))

def record(times):
    for _ in range(times):
        metrics.track_recommendations("u", ["a"], ["x"], [0.5])
        metrics.track_click(2)
        metrics.track_conversion(4.0)
        metrics.track_latency(0.1)
        metrics.track_cache_hit(True)
        metrics.track_click("nowhere")
        with metrics.stage("ranking", candidates=10):
            pass
    metrics.model_updated(1_700_000_000)

def show():
    flat = {f"{name} {dict(labels)}": value for (name, labels), value in recorded(reader).items()}
    return {key: value for key, value in flat.items() if "_duration_seconds_sum" not in key and "staleness" not in key}

record(7)
show()
read, write = os.pipe()
child = os.fork()
if child == 0:
    idle = show()
    record(3)
    os.write(write, json.dumps([idle, show()]).encode())
    os._exit(0)
os.close(write)
record(1)
with os.fdopen(read) as pipe:
    idle, busy = json.load(pipe)
print(json.dumps({"idle": idle, "child": busy, "parent": show()}))
"""


def run_python(script: str, tmp_path: Path) -> str:
    """Run a script in a new process and return its output."""
    path = tmp_path / "script.py"
    path.write_text(script)
    command = [sys.executable, "-c", f"import runpy; runpy.run_path({str(path)!r}, run_name='__main__')"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=scaled(60), check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _counts(slates: int) -> dict[str, Any]:
    def key(name: str, **labels: str) -> str:
        return f"{name} {dict(labelled(**labels))}"

    v1 = {"model_version": "v1"}
    return {
        key("recommendation_requests_total", **v1, status="success"): slates,
        key("recommendation_requests_total", **v1, status="error"): 0,
        key("recommendation_requests_total", **v1, status="rejected"): 0,
        key("recommendation_outcomes_total", **v1, outcome="served"): slates,
        key("recommendation_impressions_total", **v1, position="1"): slates,
        key("recommendation_items_total", **v1, category="x"): slates,
        key("recommendation_slo_responses_total", **v1, good="true"): 0,
        key("recommendation_slo_responses_total", **v1, good="false"): 0,
        key("recommendation_score_count", **v1): slates,
        key("recommendation_score_sum", **v1): slates * 0.5,
        key("recommendations_clicked_total", **v1, position="2"): slates,
        key("recommendations_clicked_total", **v1, position="unknown"): slates,
        key("recommendations_converted_total", **v1): slates,
        key("recommendation_revenue_dollars_count", **v1): slates,
        key("recommendation_revenue_dollars_sum", **v1): slates * 4.0,
        key("recommendation_latency_seconds_count", **v1): slates,
        key("recommendation_latency_seconds_sum", **v1): pytest.approx(slates * 0.1),
        key("recommendation_cache_hits_total"): slates,
        key("recommendation_cache_misses_total"): 0,
        key("recommendation_candidates_total", **v1, stage="ranking"): slates * 10,
        key("recommendation_stage_duration_seconds_count", **v1, stage="ranking"): slates,
        key("recmon_events_dropped_total", reason="position_invalid"): slates,
    }


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """The exports of a process and of its forked child, which records more on its own."""
    found: dict[str, dict[str, float]] = json.loads(run_python(FORK, tmp_path_factory.mktemp("fork")))
    return found


def _counters(found: dict[str, float]) -> dict[str, float]:
    gauges = (
        "recmon_build_info",
        "recommendation_diversity",
        "recommendation_catalog",
        "recommendation_model",
        "recommendation_popularity",
    )
    return {key: value for key, value in found.items() if not key.startswith(gauges)}


GLOBAL = """
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from otel_recmon import MetricsCollector
from tests.unit.conftest import labelled, recorded

reader = InMemoryMetricReader()
BEFORE
metrics = MetricsCollector("v1")
metrics.track_click(1)
AFTER
metrics.track_click(2)
metrics.track_conversion(5.0)
found = recorded(reader)
for key in sorted(key for key in found if key[0].startswith(("recommendations_", "recommendation_revenue"))):
    print(key[0], dict(key[1]).get("position", "-"), found[key])
"""


class TestThreads:
    def test_eight_threads_lose_no_count(
        self, provider: MeterProvider, series: Read, reader: InMemoryMetricReader
    ) -> None:
        metrics = MetricsCollector("v1", catalog_size=100, meter_provider=provider)
        rounds = 400

        def work(index: int) -> None:
            for n in range(rounds):
                metrics.track_recommendations("u", ["a", "b"], ["x", f"c{n % 5}"], [0.5])
                metrics.track_click(index + 1)
                metrics.track_click(n % 3 + 1, variant=f"arm{n % 2}")
                metrics.track_conversion(2.0)
                metrics.track_latency(0.03)
                metrics.track_cache_hit(hit=bool(index % 2))
                if n % 100 == 0:
                    once(reader)

        threads = [Thread(target=work, args=(index,)) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        found = series()
        total = 8 * rounds
        clicks = named(found, "recommendations_clicked_total")
        assert {key: found[key] for key in found if key[0] == "recommendation_impressions_total"} == {
            v1("recommendation_impressions_total", position="1"): total,
            v1("recommendation_impressions_total", position="2"): total,
        }
        assert found[v1("recommendation_requests_total", status="success")] == total
        assert found[v1("recommendation_items_total", category="x")] == total
        assert [found[v1("recommendation_items_total", category=f"c{n}")] for n in range(5)] == [total / 5] * 5
        assert [clicks[labelled(model_version="v1", position=str(index + 1))] for index in range(8)] == [rounds] * 8
        assert sum(value for labels, value in clicks.items() if "variant" in dict(labels)) == total
        assert found[v1("recommendations_converted_total")] == total
        assert found[v1("recommendation_revenue_dollars_sum")] == 2.0 * total
        assert found[v1("recommendation_latency_seconds_count")] == total
        assert found[v1("recommendation_score_count")] == total
        assert (
            found["recommendation_cache_hits_total", ()] == found["recommendation_cache_misses_total", ()] == total / 2
        )
        assert named(found, "recmon_errors_total") == {}


class TestExport:
    @pytest.mark.usefixtures("shared")
    def test_a_new_series_is_zero_on_its_first_export_and_its_value_on_the_next(
        self, metrics: MetricsCollector, reader: InMemoryMetricReader, clock: Clock
    ) -> None:
        metrics.track_click(3)
        metrics.track_recommendations("u", ["a"], ["x"])
        metrics.track_cache_hit(hit=True)

        first = once(reader)
        clock.now += 60
        second = once(reader)
        metrics.track_click(4)
        third = once(reader)

        counters = {key for key in second if key[0].endswith("_total")}
        assert {first[key] for key in counters} == {0}
        assert (
            second[v1("recommendations_clicked_total", position="3")],
            second["recommendation_cache_hits_total", ()],
        ) == (1, 1)
        assert third[v1("recommendations_clicked_total", position="3")] == 1
        assert third[v1("recommendations_clicked_total", position="4")] == 0


class TestFork:
    def test_a_forked_child_starts_from_zero(self, forked: dict[str, dict[str, float]]) -> None:
        assert _counters(forked["idle"]) == {}
        assert _counters(forked["child"]) == _counts(3)

    def test_the_parent_of_a_forked_child_keeps_its_counts(self, forked: dict[str, dict[str, float]]) -> None:
        assert _counters(forked["parent"]) == _counts(8)

    def test_a_forked_child_keeps_the_time_of_the_model_update(self, forked: dict[str, dict[str, float]]) -> None:
        updated = "recommendation_model_updated_timestamp_seconds {'model_version': 'v1'}"

        assert (forked["idle"][updated], forked["child"][updated]) == (1.7e9, 1.7e9)

    def test_a_forked_child_keeps_the_catalog_size(self, forked: dict[str, dict[str, float]]) -> None:
        assert forked["child"]["recommendation_catalog_coverage {'model_version': 'v1'}"] == 10.0


class TestProviders:
    @pytest.mark.parametrize("when", ["BEFORE", "AFTER"])
    def test_the_global_provider_may_be_set_before_or_after_the_collector_is_built(
        self, tmp_path: Path, when: str
    ) -> None:
        setting = "set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))"
        script = GLOBAL.replace(when, setting).replace("BEFORE\n", "\n").replace("AFTER\n", "\n")

        printed = run_python(script, tmp_path)

        assert printed.splitlines() == [
            "recommendation_revenue_dollars_count - 1",
            "recommendation_revenue_dollars_sum - 5.0",
            "recommendations_clicked_total 1 1",
            "recommendations_clicked_total 2 1",
            "recommendations_converted_total - 1",
        ]

    def test_without_a_provider_the_verbs_do_nothing(self, tmp_path: Path) -> None:
        script = """
from otel_recmon import MetricsCollector
metrics = MetricsCollector("v1")
metrics.track_recommendations("u", ["a"], ["x"], [0.5])
metrics.track_latency(0.1)
metrics.recorder.flush(1.0)
print(metrics.faults.errors)
"""

        assert run_python(script, tmp_path) == "{}\n"

    def test_without_a_logger_provider_one_error_is_logged_and_no_verb_raises(self, tmp_path: Path) -> None:
        script = """
import logging, os, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
os.environ["OTEL_RECMON_LOG_EVENTS"] = "true"
from otel_recmon import MetricsCollector
metrics = MetricsCollector("v1")
metrics.track_recommendations("u", ["a"], ["x"], [0.5])
metrics.track_click(1)
metrics.recorder.events.flush(1.0)
print(metrics.faults.errors)
"""

        assert run_python(script, tmp_path) == (
            "otel-recmon: OTEL_RECMON_LOG_EVENTS is on, but there is no logger provider to log to\n{}\n"
        )

    def test_collectors_of_one_provider_share_counts(self, provider: MeterProvider, series: Read) -> None:
        first = MetricsCollector("v1", meter_provider=provider)
        second = MetricsCollector("v1", meter_provider=provider)

        first.track_click(1)
        second.track_click(1)

        assert series()[v1("recommendations_clicked_total", position="1")] == 2

    def test_collectors_of_two_providers_share_nothing(self, provider: MeterProvider, series: Read) -> None:
        reader = InMemoryMetricReader()
        other = MeterProvider([reader], shutdown_on_exit=False)

        MetricsCollector("v1", meter_provider=provider).track_click(1)
        MetricsCollector("v1", meter_provider=other).track_click(2)
        exported_by_other = recorded(reader)
        other.shutdown()

        assert nonzero(series()) == {v1("recommendations_clicked_total", position="1"): 1}
        assert nonzero(exported_by_other) == {v1("recommendations_clicked_total", position="2"): 1}
