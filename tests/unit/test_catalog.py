"""The metric definitions, compared with the contract and with a real Prometheus exporter."""

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry

from otel_recmon import MetricsCollector, catalog, recommendation_id
from otel_recmon.catalog import Attribute, Kind, Metric
from otel_recmon.config import Settings
from otel_recmon.parsers import Split
from otel_recmon.recording.recorder import recorder
from otel_recmon.safety import swallow

# The table of the contract: Prometheus name -> OpenTelemetry name, unit, kind, labels.
TABLE = {
    "recommendation_requests_total": (
        "recommendation.requests",
        "{request}",
        "counter",
        ("model_version", "status", "surface", "variant"),
    ),
    "recommendation_latency_seconds": (
        "recommendation.latency",
        "s",
        "histogram",
        ("model_version", "surface", "variant"),
    ),
    "recommendations_clicked_total": (
        "recommendations.clicked",
        "{click}",
        "counter",
        ("model_version", "position", "surface", "variant"),
    ),
    "recommendations_converted_total": (
        "recommendations.converted",
        "{conversion}",
        "counter",
        ("model_version", "surface", "variant"),
    ),
    "recommendation_events_total": (
        "recommendation.events",
        "{event}",
        "counter",
        ("action", "model_version", "surface", "variant"),
    ),
    "recommendation_revenue_dollars": (
        "recommendation.revenue",
        "dollars",
        "histogram",
        ("model_version", "surface", "variant"),
    ),
    "recommendation_cache_hits_total": ("recommendation.cache.hits", "{hit}", "counter", ()),
    "recommendation_cache_misses_total": ("recommendation.cache.misses", "{miss}", "counter", ()),
    "recommendation_diversity_score": ("recommendation.diversity.score", "", "gauge", ("model_version",)),
    "recommendation_catalog_coverage": ("recommendation.catalog.coverage", "", "gauge", ("model_version",)),
    "recommendation_catalog_size": ("recommendation.catalog.size", "{item}", "gauge", ("model_version",)),
    "recommendation_popularity_gini": ("recommendation.popularity.gini", "", "gauge", ("model_version",)),
    "recommendation_catalog_sketch": ("recommendation.catalog.sketch", "", "gauge", ("model_version", "register")),
    "recommendation_user_sketch": ("recommendation.user.sketch", "", "gauge", ("model_version", "register")),
    "recommendation_model_staleness_hours": (
        "recommendation.model.staleness",
        "h",
        "gauge",
        ("model_version",),
    ),
    "recommendation_impressions_total": (
        "recommendation.impressions",
        "{item}",
        "counter",
        ("model_version", "position", "surface", "variant"),
    ),
    "recommendation_outcomes_total": (
        "recommendation.outcomes",
        "{request}",
        "counter",
        ("model_version", "outcome", "surface", "variant"),
    ),
    "recommendation_items_total": (
        "recommendation.items",
        "{item}",
        "counter",
        ("category", "model_version", "surface", "variant"),
    ),
    "recommendation_score": (
        "recommendation.score",
        "",
        "histogram",
        ("model_version", "surface", "variant"),
    ),
    "recommendation_stage_duration_seconds": (
        "recommendation.stage.duration",
        "s",
        "histogram",
        ("model_version", "stage", "surface", "variant"),
    ),
    "recommendation_candidates_total": (
        "recommendation.candidates",
        "{item}",
        "counter",
        ("model_version", "stage", "surface", "variant"),
    ),
    "recommendation_model_updated_timestamp_seconds": (
        "recommendation.model.updated.timestamp",
        "s",
        "gauge",
        ("model_version",),
    ),
    "recommendation_model_reload_pending": (
        "recommendation.model.reload.pending",
        "",
        "gauge",
        ("model_version",),
    ),
    "recommendation_slo_responses_total": (
        "recommendation.slo.responses",
        "{request}",
        "counter",
        ("good", "model_version", "surface", "variant"),
    ),
    "recommendation_experiment_exposures_total": (
        "recommendation.experiment.exposures",
        "{request}",
        "counter",
        ("bucket", "experiment", "variant"),
    ),
    "recommendation_experiment_clicks_total": (
        "recommendation.experiment.clicks",
        "{click}",
        "counter",
        ("bucket", "experiment", "variant"),
    ),
    "recommendation_experiment_conversions_total": (
        "recommendation.experiment.conversions",
        "{conversion}",
        "counter",
        ("bucket", "experiment", "variant"),
    ),
    "recommendation_experiment_revenue_dollars_total": (
        "recommendation.experiment.revenue",
        "dollars",
        "counter",
        ("bucket", "experiment", "variant"),
    ),
    "recommendation_experiment_expected_share": (
        "recommendation.experiment.expected.share",
        "",
        "gauge",
        ("experiment", "role", "variant"),
    ),
    "recommendation_click_delay_seconds": (
        "recommendation.click.delay",
        "s",
        "histogram",
        ("model_version", "surface", "variant"),
    ),
    "recommendation_conversion_delay_seconds": (
        "recommendation.conversion.delay",
        "s",
        "histogram",
        ("model_version", "surface", "variant"),
    ),
    "recmon_attributions_total": ("recmon.attributions", "{event}", "counter", ("result",)),
    "recmon_events_dropped_total": ("recmon.events.dropped", "{event}", "counter", ("reason",)),
    "recmon_errors_total": ("recmon.errors", "{error}", "counter", ("site",)),
    "recmon_label_overflow_total": ("recmon.label.overflow", "{value}", "counter", ("label",)),
    "recmon_build_info": ("recmon.build.info", "", "gauge", ("model_version", "version")),
}


def _everything(provider: MeterProvider, model_path: str) -> None:
    """Record a value in every metric."""
    shared = recorder(provider)
    split = (Split("ranker", (("a", 0.5), ("b", 0.5))),)
    shared.configure(
        Settings(
            model_version="v1",
            model_path=model_path,
            max_variants=1,
            experiment="ranker",
            experiment_split=split,
            sketch_registers=16,
            signing_key=("a key of the tests alone",),
        )
    )
    metrics = MetricsCollector("v1", variant="a", surface="home", catalog_size=10, meter_provider=provider)
    metrics.track_recommendations("u", ["x", "y"], ["drama", "crime"], [0.9, 0.1])
    metrics.track_latency(0.1)
    metrics.track_click(1, recommendation_id=recommendation_id())
    metrics.track_click("nowhere")
    metrics.track_click(1, variant="c")
    metrics.track_conversion(9.99, recommendation_id=recommendation_id())
    metrics.track_event("like")
    metrics.track_cache_hit(hit=True)
    with metrics.stage("ranking", candidates=100):
        pass
    swallow(metrics.faults, "a test", ValueError("on purpose"))


class TestNames:
    def test_every_metric_has_the_names_the_contract_gives_it(self) -> None:
        declared = {
            metric.prometheus: (metric.name, metric.unit, metric.kind.value, metric.labels)
            for metric in catalog.METRICS
        }

        assert declared == TABLE

    def test_the_prometheus_exporter_shows_every_metric_under_its_name(
        self,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> None:
        registry = CollectorRegistry()
        reader = PrometheusMetricReader(registry=registry)
        provider = MeterProvider([reader], shutdown_on_exit=False)
        model = tmp_path_factory.mktemp("model") / "ranker.bin"
        model.write_bytes(b"weights")

        _everything(provider, str(model))
        list(registry.collect())
        shown = {
            sample.name: (
                family.type,
                tuple(sorted(label for label in sample.labels if not label.startswith("otel_"))),
            )
            for family in registry.collect()
            for sample in family.samples
            if family.name not in {"target", "otel_scope"}
        }
        provider.shutdown()

        wanted = {}
        for name, (_, _, kind, labels) in TABLE.items():
            if kind == "histogram":
                wanted[f"{name}_bucket"] = (kind, tuple(sorted((*labels, "le"))))
                wanted[f"{name}_count"] = wanted[f"{name}_sum"] = (kind, labels)
            else:
                wanted[name] = (kind, labels)
        assert shown == wanted

    def test_no_name_is_declared_twice(self) -> None:
        names = [metric.name for metric in catalog.METRICS]

        assert sorted(names) == sorted(set(names))

    def test_no_metric_has_unit_1_which_the_ways_to_prometheus_translate_differently(self) -> None:
        units = {metric.unit for metric in catalog.METRICS}

        assert units == {
            "", "s", "h", "dollars", "{request}", "{click}", "{conversion}", "{hit}", "{miss}", "{item}", "{event}",
            "{error}", "{value}",
        }  # fmt: skip


class TestBuckets:
    def test_the_exporter_shows_the_latency_buckets_of_the_contract(self) -> None:
        registry = CollectorRegistry()
        provider = MeterProvider([PrometheusMetricReader(registry=registry)], shutdown_on_exit=False)

        MetricsCollector("v1", meter_provider=provider).track_latency(0.15)
        bounds = [
            (sample.labels["le"], sample.value)
            for family in registry.collect()
            for sample in family.samples
            if sample.name == "recommendation_latency_seconds_bucket"
        ]
        provider.shutdown()

        assert bounds == [
            ("0.01", 0),
            ("0.05", 0),
            ("0.1", 0),
            ("0.2", 1),
            ("0.5", 1),
            ("1.0", 1),
            ("2.0", 1),
            ("5.0", 1),
            ("+Inf", 1),
        ]

    def test_bucket_bounds_are_rising_floats(self) -> None:
        buckets = {metric.name: metric.buckets for metric in catalog.METRICS if metric.kind is Kind.HISTOGRAM}

        wrong = {
            name: bounds
            for name, bounds in buckets.items()
            if not bounds
            or list(bounds) != sorted(set(bounds))
            or not all(isinstance(bound, float) for bound in bounds)
        }
        assert wrong == {}


class TestLabels:
    def test_positions_are_1_to_10_then_beyond_then_unknown(self) -> None:
        assert catalog.POSITIONS == ("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11+", "unknown")

    def test_every_label_is_a_closed_set_or_has_the_cap_of_the_contract(self) -> None:
        attributes = {attribute for metric in catalog.METRICS for attribute in metric.attributes}
        attributes |= {catalog.VARIANT, catalog.SURFACE}

        caps = {attribute.name: attribute.cap for attribute in attributes if not attribute.values}

        assert caps == {
            "model_version": 20,
            "category": 50,
            "variant": 10,
            "surface": 20,
            "stage": 20,
            "action": 20,
            "experiment": 5,
            "site": 300,
            "version": 1,
        }

    def test_no_label_is_an_id(self) -> None:
        labels = {label for metric in catalog.METRICS for label in metric.labels}

        assert not {label for label in labels if "user" in label or "item" in label or label.endswith("id")}

    def test_an_attribute_that_nothing_bounds_is_refused(self) -> None:
        with pytest.raises(ValueError, match="'city' needs a closed set of values or a cap"):
            Attribute("city", "Where.")

    def test_a_metric_knows_the_one_label_beside_the_model_version(self) -> None:
        own = {
            metric.name: metric.own and metric.own.name
            for metric in (catalog.CLICKED, catalog.CONVERTED, catalog.ERRORS)
        }

        assert own == {
            "recommendations.clicked": "position",
            "recommendations.converted": None,
            "recmon.errors": "site",
        }

    def test_gauges_carry_no_variant_and_no_surface(self) -> None:
        gauge = Metric("a.b", Kind.GAUGE, "", "", (catalog.MODEL_VERSION,))
        counter = Metric("a.b", Kind.COUNTER, "", "", (catalog.MODEL_VERSION,))

        assert (gauge.labels, counter.labels) == (("model_version",), ("model_version", "surface", "variant"))
