"""One service, seen on its own page, in a Prometheus that is sent its metrics and in one that scrapes them."""

import os
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from otel_recmon import __version__
from otel_recmon.attribution import HEADER
from otel_recmon.catalog import METRICS
from otel_recmon.recording.instruments import SCOPE
from otel_recmon.stack import Stack
from tests import web
from tests.speed import eventually
from tests.stack.observed import IDENTITY, LABELS, Labels, Prometheus
from tests.stack.serving import OTLP, Service, serving

SPLIT = "model_version surface variant"
DESIGN = {
    ("recommendation_requests_total", "counter"): f"{SPLIT} status",
    ("recommendation_latency_seconds", "histogram"): SPLIT,
    ("recommendations_clicked_total", "counter"): f"{SPLIT} position",
    ("recommendations_converted_total", "counter"): SPLIT,
    ("recommendation_events_total", "counter"): f"{SPLIT} action",
    ("recommendation_revenue_dollars", "histogram"): SPLIT,
    ("recommendation_cache_hits_total", "counter"): "",
    ("recommendation_cache_misses_total", "counter"): "",
    ("recommendation_diversity_score", "gauge"): "model_version",
    ("recommendation_catalog_coverage", "gauge"): "model_version",
    ("recommendation_catalog_size", "gauge"): "model_version",
    ("recommendation_popularity_gini", "gauge"): "model_version",
    ("recommendation_catalog_sketch", "gauge"): "model_version register",
    ("recommendation_user_sketch", "gauge"): "model_version register",
    ("recommendation_model_staleness_hours", "gauge"): "model_version",
    ("recommendation_impressions_total", "counter"): f"{SPLIT} position",
    ("recommendation_outcomes_total", "counter"): f"{SPLIT} outcome",
    ("recommendation_items_total", "counter"): f"{SPLIT} category",
    ("recommendation_score", "histogram"): SPLIT,
    ("recommendation_stage_duration_seconds", "histogram"): f"{SPLIT} stage",
    ("recommendation_candidates_total", "counter"): f"{SPLIT} stage",
    ("recommendation_model_updated_timestamp_seconds", "gauge"): "model_version",
    ("recommendation_model_reload_pending", "gauge"): "model_version",
    ("recommendation_slo_responses_total", "counter"): f"{SPLIT} good",
    ("recommendation_experiment_exposures_total", "counter"): "experiment variant bucket",
    ("recommendation_experiment_clicks_total", "counter"): "experiment variant bucket",
    ("recommendation_experiment_conversions_total", "counter"): "experiment variant bucket",
    ("recommendation_experiment_revenue_dollars_total", "counter"): "experiment variant bucket",
    ("recommendation_experiment_expected_share", "gauge"): "experiment variant role",
    ("recommendation_click_delay_seconds", "histogram"): SPLIT,
    ("recommendation_conversion_delay_seconds", "histogram"): SPLIT,
    ("recmon_attributions_total", "counter"): "result",
    ("recmon_events_dropped_total", "counter"): "reason",
    ("recmon_errors_total", "counter"): "site",
    ("recmon_label_overflow_total", "counter"): "label",
    ("recmon_build_info", "gauge"): "model_version version",
}
"""The design's table, typed from it and not from the catalog, so that nothing is renamed unnoticed."""
APP = """
    from fastapi import FastAPI
    from otel_recmon import MetricsCollector

    app = FastAPI()
    metrics = MetricsCollector("v1", variant="b", surface="home")

    class Broken:
        def __iter__(self):
            raise RuntimeError("made to fail")

    @app.get("/recommendations")
    async def recommendations():
        metrics.track_cache_hit(True)
        metrics.track_cache_hit(False)
        with metrics.stage("ranking", candidates=50):
            return [{"id": 1, "category": "drama", "score": 0.5}, {"id": 2, "category": "comedy", "score": 0.25}]

    @app.post("/click")
    async def click(position: str):
        return {}

    @app.post("/break")
    async def fail():
        metrics.track_impressions(Broken())

    @app.post("/conversion")
    async def conversion(revenue: float):
        return {}

    @app.post("/events")
    async def event(action: str):
        return {}
"""
AGE_HOURS = 100.0
SAMPLED, UNSAMPLED = "01", "00"


@dataclass(frozen=True)
class Ways:
    """Every series of ours, by its labels, the name included."""

    in_process: dict[Labels, float]
    sent: dict[Labels, float]
    scraped: dict[Labels, float]


WAYS = [field.name for field in fields(Ways)]


@dataclass(frozen=True)
class Running:
    """A service, and the two Prometheus that see it."""

    service: Service
    model: Path
    sent: Prometheus
    scraped: Prometheus

    def get(self, trace: int, flags: str) -> dict[str, str]:
        """Ask for recommendations within a trace, and return the header of theirs to come back with."""
        traceparent = f"00-{trace:032x}-{trace:016x}-{flags}"
        return self._call("GET", "/recommendations?user_id=7", traceparent=traceparent)

    def record_everything(self) -> None:
        """Have the service record each metric there is."""
        slate = self.get(1, SAMPLED)
        self._call("POST", "/click?position=11", **slate)
        self._call("POST", "/click?position=none")
        self._call("POST", "/break")
        self.model.touch()
        self._call("POST", "/conversion?revenue=9.5", **slate)
        self._call("POST", "/events?action=like", **slate)

    def _call(self, method: str, path: str, **headers: str) -> dict[str, str]:
        url, headers = f"{self.service.url}{path}", {**headers, "x-variant": "b", "x-surface": "home"}
        answer = web.request(method, url, headers=headers).raise_for_status()
        return {name: value for name, value in answer.headers.items() if name == HEADER.lower()}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with the plugin for what a response shows, and verbs for what it does not."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "service.py").write_text(textwrap.dedent(APP))
    model = folder / "model.bin"
    model.touch()
    os.utime(model, (time.time() - AGE_HOURS * 3600,) * 2)
    with Stack(scraped=True, scrape_interval="1s") as stack:
        env = OTLP | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_http_url,
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_RESOURCE_ATTRIBUTES": ",".join(f"{name}={value}" for name, value in IDENTITY.items()),
            "OTEL_RECMON_METRICS_PATH": "/__metrics",
            "OTEL_RECMON_MODEL_PATH": str(model),
            "OTEL_RECMON_CATALOG_SIZE": "10",
            "OTEL_RECMON_MAX_CATEGORIES": "1",
            "OTEL_RECMON_SKETCH_REGISTERS": "16",
            "OTEL_RECMON_EXPERIMENT": "ranker",
            "OTEL_RECMON_EXPERIMENT_SPLIT": "a=1,b=3",
            "OTEL_RECMON_SIGNING_KEY": "a key of the tests alone",
            "OTEL_RECMON_VARIANT": "header:x-variant",
            "OTEL_RECMON_SURFACE": "header:x-surface",
        }
        with serving("service:app", env, folder=folder) as service:
            yield Running(service, model, Prometheus(stack.prometheus_url), Prometheus(stack.scraped_prometheus_url))


@pytest.fixture(scope="module")
def ways(running: Running) -> Ways:
    """What each way shows once all of them show the last that was recorded."""
    running.record_everything()
    ours = '{__name__=~"(recommendations?|recmon)_.+"}'  # and not what rules record, whose turn may come meanwhile
    last = "recommendations_converted_total == 1"
    eventually(lambda: running.sent.values(last) and running.scraped.values(last))
    return Ways(page(running.service.url), running.sent.values(ours), running.scraped.values(ours))


def page(url: str) -> dict[Labels, float]:
    """What the service shows of itself."""
    text = web.get(f"{url}/__metrics").raise_for_status().text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        frozenset({"__name__": sample.name, **sample.labels}.items()): sample.value
        for sample in samples
        if sample.name.startswith(("recommendation", "recmon"))
    }


def of_the_metric(series: dict[Labels, float]) -> dict[Labels, float]:
    """The series without what a way adds; `le` as a number, and the age of the model in whole hours."""
    found = {}
    for labels, value in series.items():
        own = {k: v for k, v in labels if k not in LABELS and not k.startswith("otel_scope_")}
        if "le" in own:
            own["le"] = str(float(own["le"]))
        aging = own["__name__"] == "recommendation_model_staleness_hours"
        found[frozenset(own.items())] = round(value) if aging else value
    assert len(found) == len(series)
    return found


def names_and_labels(series: dict[Labels, float]) -> dict[str, set[str]]:
    """The labels that the series of each name have."""
    found: dict[str, set[str]] = {}
    for labels in of_the_metric(series):
        names = dict(labels)
        found.setdefault(names.pop("__name__"), set()).add(" ".join(sorted(names)))
    return found


def series_of_the_design() -> dict[str, set[str]]:
    """What the table says the series are, those that a histogram is made of one by one."""
    found: dict[str, set[str]] = {}
    for (name, kind), labels in DESIGN.items():
        parts = {"_bucket": f"{labels} le", "_count": labels, "_sum": labels} if kind == "histogram" else {"": labels}
        found |= {name + part: {" ".join(sorted(names.split()))} for part, names in parts.items()}
    return found


def test_the_catalog_is_the_design() -> None:
    found = {(metric.prometheus, metric.kind.value): set(metric.labels) for metric in METRICS}

    assert found == {key: set(labels.split()) for key, labels in DESIGN.items()}


@pytest.mark.parametrize("way", WAYS)
def test_what_arrives_is_the_design_and_nothing_is_missing(ways: Ways, way: str) -> None:
    assert names_and_labels(getattr(ways, way)) == series_of_the_design()


def test_each_was_recorded_and_does_not_merely_exist(ways: Ways) -> None:
    recorded = {labels: value for labels, value in ways.sent.items() if value}

    assert names_and_labels(recorded).keys() == series_of_the_design().keys()


@pytest.mark.parametrize("way", ["sent", "scraped"])
def test_what_arrives_is_what_the_service_shows_of_itself(ways: Ways, way: str) -> None:
    assert of_the_metric(getattr(ways, way)) == of_the_metric(ways.in_process)


def test_the_values_are_those_that_were_recorded(ways: Ways) -> None:
    found = of_the_metric(ways.sent)

    def value(name: str, **labels: str) -> float:
        return found[frozenset({"__name__": name, "model_version": "v1", **labels}.items())]

    b = {"variant": "b", "surface": "home"}
    assert value("recommendation_requests_total", status="success", **b) == 1
    assert value("recommendations_clicked_total", position="11+", **b) == 1
    assert value("recommendation_revenue_dollars_sum", **b) == 9.5
    assert value("recommendation_candidates_total", stage="ranking", **b) == 50
    assert value("recommendation_model_staleness_hours") == AGE_HOURS
    assert value("recommendation_model_reload_pending") == 1
    assert value("recommendation_catalog_coverage") == 20
    assert value("recmon_build_info", version=__version__) == 1


@pytest.mark.parametrize(
    ("way", "whole"), [("in_process", "1.0 2.0 5.0"), ("sent", "1 2 5"), ("scraped", "1.0 2.0 5.0")]
)
def test_whole_bounds_are_written_without_a_point_when_sent(ways: Ways, way: str, whole: str) -> None:
    found = {
        dict(labels)["le"]
        for labels in getattr(ways, way)
        if ("__name__", "recommendation_latency_seconds_bucket") in labels
    }

    assert found == {*"0.01 0.05 0.1 0.2 0.5 +Inf".split(), *whole.split()}


def test_the_service_itself_names_the_scope_and_not_who_it_is(ways: Ways) -> None:
    scope = {"otel_scope_name": SCOPE, "otel_scope_version": __version__, "otel_scope_schema_url": ""}

    for labels in ways.in_process:
        assert {k: v for k, v in labels if k in LABELS or k.startswith("otel_scope_")} == scope


@pytest.mark.parametrize("way", ["sent", "scraped"])
def test_prometheus_knows_who_it_is_and_not_the_scope(ways: Ways, way: str) -> None:
    for labels in getattr(ways, way):
        assert {k: v for k, v in labels if k in LABELS or k.startswith("otel_scope_")} == LABELS


@pytest.mark.usefixtures("ways")
def test_a_latency_leads_to_the_traces_of_real_requests(running: Running) -> None:
    first, second = f"{1:032x}", f"{2:032x}"
    assert eventually(running.sent.traces) == {first}

    running.get(2, SAMPLED)
    running.get(3, UNSAMPLED)

    assert eventually(lambda: running.sent.traces() - {first}) == {second}
