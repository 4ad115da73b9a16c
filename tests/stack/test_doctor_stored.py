"""The doctor, a process, finds what is wrong with what a real Prometheus and a Grafana have of a service."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource

from otel_recmon.catalog import LATENCY
from tests import web
from tests.speed import eventually
from tests.stack.examined import IDENTITY, Healthy, answering, healthy, only, other_prometheus
from tests.stack.observed import Prometheus


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthy]:
    with healthy(tmp_path_factory.mktemp("service")) as running:
        yield running


def pushed(url: str, record: Any, *, name: str, identity: str = IDENTITY, **chosen: Any) -> None:
    """Send what a service of a name records over OTLP."""
    exporter = OTLPMetricExporter(endpoint=url, **chosen)
    attributes = dict(pair.split("=") for pair in identity.split(","))
    resource = Resource({**attributes, "service.name": name, "service.instance.id": "1"})
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, 3_600_000)], resource, shutdown_on_exit=False)
    record(provider.get_meter("otel_recmon"))
    assert provider.force_flush()
    provider.shutdown()


def info(meter: Any, **labels: str) -> None:
    """Record what every process does."""
    meter.create_gauge("recmon.build.info").set(1, {"model_version": "v1", **labels})


def latency(meter: Any) -> None:
    """Record what a process does, and one latency in the usual buckets."""
    info(meter)
    meter.create_histogram(LATENCY.name, "s", explicit_bucket_boundaries_advisory=LATENCY.buckets).record(0.3)


class TestPrometheus:
    @pytest.mark.parametrize(
        ("strategy", "finding"),
        [
            ("NoTranslation", "names-untranslated"),
            ("UnderscoreEscapingWithoutSuffixes", "names-without-suffixes"),
        ],
    )
    def test_names_of_another_translation_are_found(
        self, well: Healthy, tmp_path: Path, strategy: str, finding: str
    ) -> None:
        promoted = ["service.instance.id", "deployment.environment.name"]
        otlp = {"translation_strategy": strategy, "promote_resource_attributes": promoted}
        (tmp_path / "logs").mkdir()
        storage = {"tsdb": {"out_of_order_time_window": "1d"}}
        with other_prometheus(tmp_path, {"otlp": otlp, "storage": storage}) as url:
            pushed(f"{url}/api/v1/otlp/v1/metrics", latency, name="shop")
            eventually(lambda: well.examined({}, "--prometheus", url).names != ["service-unseen"])
            only(finding, well.examined({}, "--prometheus", url))

    @pytest.mark.parametrize(
        ("config", "without", "finding"),
        [
            ({"storage": {}}, " ", "out-of-order-off"),
            ({}, "exemplar-storage,", "exemplars-not-stored"),
            ({}, ",created-timestamp-zero-ingestion", "first-events-lost"),
        ],
    )
    def test_what_a_prometheus_was_not_told_is_found(
        self, well: Healthy, tmp_path: Path, config: Mapping[str, Any], without: str, finding: str
    ) -> None:
        with other_prometheus(tmp_path, config, without=without) as url:
            pushed(f"{url}/api/v1/otlp/v1/metrics", latency, name="shop")
            eventually(lambda: Prometheus(url).values("recmon_build_info"))
            only(finding, well.examined({}, "--prometheus", url))

    def test_an_environment_that_is_no_label_is_found(self, well: Healthy) -> None:
        self._push(well, info, name="bare", identity="service.namespace=team")

        only("environment-unseen", well.examined({"OTEL_SERVICE_NAME": "bare"}))

    def test_labels_of_the_scrape_over_those_of_the_service_are_found(self, well: Healthy) -> None:
        self._push(well, lambda meter: info(meter, exported_job="team/over"), name="collector")

        only("labels-overwritten", well.examined({"OTEL_SERVICE_NAME": "over"}))

    def test_native_histograms_are_found(self, well: Healthy) -> None:
        aggregation = {Histogram: ExponentialBucketHistogramAggregation()}
        self._push(well, latency, name="native", preferred_aggregation=aggregation)

        only("histograms-native", well.examined({"OTEL_SERVICE_NAME": "native"}))

    def test_a_service_without_model_versions_is_found(self, well: Healthy) -> None:
        def record(meter: Any) -> None:
            info(meter)
            meter.create_counter("recommendation.requests", "{request}").add(1, {"model_version": "unknown"})

        self._push(well, record, name="plain")

        only("model-version-unknown", well.examined({"OTEL_SERVICE_NAME": "plain"}))

    def test_a_service_that_was_last_heard_of_hours_ago_is_found(self, well: Healthy) -> None:
        now = Prometheus(well.stack.prometheus_url).ask("query", query="time()")["result"][0]
        self._send_old(well, int((now - 7200) * 1e9))

        said = well.examined({"OTEL_SERVICE_NAME": "gone"})

        only("series-stale", said)
        assert "arrived 2 hours ago" in said.output

    def test_metrics_that_come_both_ways_are_found(self, well: Healthy) -> None:
        both = Prometheus(well.stack.scraped_prometheus_url)
        pushed(f"{both.url}/api/v1/otlp/v1/metrics", latency, name="both")
        pushed(f"{well.stack.otlp_http_url}/v1/metrics", latency, name="both")
        buckets = 'group by (le) (recommendation_latency_seconds_bucket{job="team/both", le=~"1|1.0"})'
        eventually(lambda: len(both.values(buckets)) == 2)

        only("series-double", well.examined({"OTEL_SERVICE_NAME": "both"}, "--prometheus", both.url))

    @pytest.mark.parametrize(
        ("labels", "names"), [({"deployment_environment_name": "test"}, []), ({}, ["environment-unseen"])]
    )
    def test_a_service_that_is_scraped_itself_has_the_name_of_its_scrape_job(
        self, well: Healthy, tmp_path: Path, labels: dict[str, str], names: list[str]
    ) -> None:
        page = 'target_info{service_name="shop"} 1\nrecmon_build_info{model_version="v1"} 1\n'
        changes = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": "1"}
        with answering(200, page, "text/plain; version=0.0.4") as url:
            target = {"targets": [url.removeprefix("http://")], "labels": labels}
            scraping = [{"job_name": "pods", "scrape_interval": "1s", "static_configs": [target]}]
            with other_prometheus(tmp_path, {"scrape_configs": scraping}) as prometheus:
                eventually(lambda: Prometheus(prometheus).values('recmon_build_info{job="pods"}'))
                said = well.examined(changes, "--prometheus", prometheus)

        assert said.names == names, said.output

    def _push(self, well: Healthy, record: Any, *, name: str, **chosen: Any) -> None:
        prometheus = Prometheus(well.stack.prometheus_url)
        pushed(f"{prometheus.url}/api/v1/otlp/v1/metrics", record, name=name, **chosen)
        eventually(lambda: prometheus.values(f'recmon_build_info{{service_name="{name}"}}'))

    def _send_old(self, well: Healthy, at: int) -> None:
        request = ExportMetricsServiceRequest()
        resource = request.resource_metrics.add()
        for name, value in (("service.namespace", "team"), ("service.name", "gone")):
            resource.resource.attributes.add(key=name).value.string_value = value
        metric = resource.scope_metrics.add().metrics.add(name="recmon.build.info")
        metric.gauge.data_points.add(time_unix_nano=at, as_int=1)
        url = f"{well.stack.prometheus_url}/api/v1/otlp/v1/metrics"
        kind = {"Content-Type": "application/x-protobuf"}
        web.post(url, content=request.SerializeToString(), headers=kind).raise_for_status()


class TestGrafana:
    @pytest.mark.parametrize(
        ("planted", "finding"),
        [
            ({"denied": "v1/provisioning/contact-points"}, "grafana-token-rights"),
            ({"source": {"uid": "another"}}, "datasource-missing"),
            ({"health": "ERROR"}, "datasource-down"),
            ({"boards": {}}, "dashboards-missing"),
            ({"rules": {}}, "rules-missing"),
            ({"points": []}, "contact-point-missing"),
            ({"policy": {"receiver": "email", "routes": [{"receiver": "pager"}]}}, "policy-elsewhere"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_is_missing_is_found(
        self, well: Healthy, monkeypatch: pytest.MonkeyPatch, planted: dict[str, Any], finding: str
    ) -> None:
        for name, value in planted.items():
            monkeypatch.setattr(well.grafana, name, value)

        only(finding, well.examined({}, "--grafana", well.grafana.url))

    def test_a_token_that_is_not_known_is_found(self, well: Healthy) -> None:
        said = well.examined({"GRAFANA_TOKEN": "old"}, "--grafana", well.grafana.url)

        only("grafana-token-refused", said)

    def test_an_interval_that_does_not_fit_is_found(self, well: Healthy) -> None:
        said = well.examined({"OTEL_METRIC_EXPORT_INTERVAL": "30000"}, "--grafana", well.grafana.url)

        only("datasource-interval", said)

    def test_an_old_panel_is_found(self, well: Healthy, monkeypatch: pytest.MonkeyPatch) -> None:
        board = well.grafana.boards["recmon-service"]
        monkeypatch.setitem(well.grafana.boards, "recmon-service", {**board, "panels": board["panels"][1:]})

        only("dashboards-outdated", well.examined({}, "--grafana", well.grafana.url))

    def test_a_rule_with_another_limit_is_found(self, well: Healthy, tmp_path: Path) -> None:
        own = tmp_path / "alerts.toml"
        own.write_text("[alerts.LatencyHigh]\nthreshold = 0.3\n")

        said = well.examined({}, "--grafana", well.grafana.url, "--alerts", str(own))

        only("rules-outdated", said)
        assert "The alert rules LatencyHigh in Grafana differ" in said.output

    def test_objects_renamed_by_the_settings_are_expected_by_their_new_name(
        self, well: Healthy, tmp_path: Path
    ) -> None:
        own = tmp_path / "recmon.toml"
        own.write_text('[grafana]\ndatasource = "mimir"\nuid_prefix = "shop"\n[notifications]\nslack = "shop-slack"\n')

        said = well.examined({}, "--grafana", well.grafana.url, "--alerts", str(own))

        assert set(said.names) == {"datasource-missing", "dashboards-missing", "rules-missing", "contact-point-missing"}
        for name in ("mimir", "shop-business", "shop-slack"):
            assert name in said.output
