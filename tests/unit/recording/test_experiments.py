"""Exposures, clicks, conversions and revenue of the arms of an experiment, in buckets of users."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN, Span

from otel_recmon import MetricsCollector, catalog
from otel_recmon.catalog import BUCKETS, ERROR, FAILED, MAX_ARMS, MAX_SERIES, SUCCESS
from otel_recmon.config import Settings, read
from otel_recmon.reading.bodies import Body
from otel_recmon.reading.http_exchange import HttpExchange
from otel_recmon.reading.observer import Observer
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.experiments import Subject, bucket
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.request_context import RequestContext
from otel_recmon.recording.request_counts import close_request
from otel_recmon.recording.store import Store
from tests.unit.conftest import Clock, Read, labelled, named, once, recorded
from tests.unit.in_progress import in_progress

ARM = ("experiment", "variant", "bucket")
DAY = 24 * 3600.0
Made = Callable[..., MetricsCollector]
Counts = dict[tuple[str, ...], float]
"""By metric, experiment, variant and bucket."""


@pytest.fixture
def made(provider: MeterProvider) -> Made:
    """A function that makes a collector with some settings."""

    def make(settings: dict[str, Any] | None = None, **arguments: Any) -> MetricsCollector:
        recorder(provider).configure(Settings(**{"model_version": "v1"} | (settings or {})))
        return MetricsCollector(meter_provider=provider, **arguments)

    return make


@pytest.fixture
def counts(series: Read) -> Callable[[], Counts]:
    """A function that returns the counts of experiments above 0."""

    def found() -> Counts:
        prefix = "recommendation_experiment_"
        return {
            (name.removeprefix(prefix).removesuffix("_total"), *(dict(labels)[label] for label in ARM)): value
            for (name, labels), value in series().items()
            if name.startswith(prefix) and "role" not in dict(labels) and value
        }

    return found


def bucket_of(user: object, experiment: str = "ranker") -> str:
    """Return the bucket of a user."""
    return BUCKETS[bucket(experiment, user)]


class TestCounts:
    def test_the_events_of_a_user_count_in_the_bucket_of_that_user(
        self, made: Made, counts: Callable[[], Counts]
    ) -> None:
        metrics = made({"experiment": "ranker"}, variant="bts")

        metrics.track_recommendations("jane", ["a"])
        metrics.track_recommendations("joe", ["a"])
        metrics.track_click(1, user_id="jane")
        metrics.track_conversion(19.5, user_id="jane")
        metrics.track_conversion(0.25, user_id="jane")
        metrics.track_conversion(-1, user_id="joe")

        assert bucket_of("jane") != bucket_of("joe")
        assert counts() == {
            ("exposures", "ranker", "bts", bucket_of("jane")): 1,
            ("exposures", "ranker", "bts", bucket_of("joe")): 1,
            ("clicks", "ranker", "bts", bucket_of("jane")): 1,
            ("conversions", "ranker", "bts", bucket_of("jane")): 2,
            ("conversions", "ranker", "bts", bucket_of("joe")): 1,
            ("revenue_dollars", "ranker", "bts", bucket_of("jane")): 19.75,
        }

    def test_the_first_event_of_an_arm_starts_all_its_series_at_0(
        self, made: Made, reader: InMemoryMetricReader
    ) -> None:
        metrics = made(experiment="ranker", variant="bts")
        metrics.track_recommendations("jane", ["a"])

        first, second = once(reader), recorded(reader)

        for metric in (
            catalog.EXPERIMENT_EXPOSURES,
            catalog.EXPERIMENT_CLICKS,
            catalog.EXPERIMENT_CONVERSIONS,
            catalog.EXPERIMENT_REVENUE,
        ):
            all_zero = {labelled(experiment="ranker", variant="bts", bucket=each): 0.0 for each in BUCKETS}
            assert named(first, metric.prometheus) == all_zero
            mine = {labelled(experiment="ranker", variant="bts", bucket=bucket_of("jane")): 1}
            assert named(second, metric.prometheus) == all_zero | (
                mine if metric is catalog.EXPERIMENT_EXPOSURES else {}
            )

    def test_each_successful_request_is_one_exposure(self, made: Made, counts: Callable[[], Counts]) -> None:
        metrics = made({"experiment": "ranker"}, variant="bts")

        def two_slates() -> None:
            metrics.track_recommendations("jane", ["a"])
            metrics.track_recommendations("joe", ["b"])

        for status in (SUCCESS, ERROR):
            request = RequestContext()
            with in_progress(request):
                two_slates()
            close_request(metrics.defaults, request, status, 0.1, FAILED)
        metrics.track_recommendations("jane", [], outcome="error")
        metrics.track_request(success=False)

        assert counts() == {("exposures", "ranker", "bts", bucket_of("jane")): 1}

    def test_a_request_without_a_user_counts_in_a_random_bucket(self, made: Made, counts: Callable[[], Counts]) -> None:
        metrics = made({"experiment": "ranker"}, variant="bts")

        for _ in range(500):
            metrics.track_request()

        found = counts()
        assert ({key[:3] for key in found}, sum(found.values())) == ({("exposures", "ranker", "bts")}, 500)
        assert len(found) > 16

    def test_the_subject_of_a_recommendation_id_counts_without_any_configuration(
        self, made: Made, counts: Callable[[], Counts]
    ) -> None:
        metrics = made(variant="own")
        subject = Subject("ranker", variant="bts", bucket=7)

        with in_progress(RequestContext(subject=subject)):
            metrics.track_click(1, user_id="jane")
        with in_progress(RequestContext(subject=subject)):
            metrics.track_conversion(2, experiment="layout", user_id="jane")

        assert counts() == {
            ("clicks", "ranker", "bts", "07"): 1,
            ("conversions", "layout", "own", bucket_of("jane", "layout")): 1,
            ("revenue_dollars", "layout", "own", bucket_of("jane", "layout")): 2,
        }


class TestConfiguration:
    @pytest.mark.parametrize(
        ("settings", "own", "call"),
        [
            ({}, {"variant": "bts"}, {}),
            ({"experiment_from": "header:x"}, {"variant": "bts"}, {}),
            ({"experiment": "ranker"}, {}, {}),
            ({}, {"experiment": "ranker"}, {}),
            ({}, {}, {"experiment": "ranker"}),
            ({}, {"variant": "bts"}, {"experiment": True}),
        ],
    )
    def test_without_an_experiment_and_a_variant_nothing_is_counted(
        self, made: Made, counts: Callable[[], Counts], settings: Any, own: Any, call: Any
    ) -> None:
        metrics = made(settings, **own)

        metrics.track_recommendations("jane", ["a"], **call)
        metrics.track_click(1, **call)
        metrics.track_conversion(1, **call)
        metrics.track_request()

        assert (counts(), metrics.faults.errors) == ({}, {})

    @pytest.mark.parametrize(
        ("settings", "own", "call", "expected"),
        [
            ({"experiment": "e", "default_variant": "a"}, {}, {}, ("e", "a")),
            ({"experiment": "e", "default_variant": "a"}, {"model_version": "v2"}, {}, ("e", "a")),
            ({"experiment": "e", "default_variant": "a"}, {"surface": "home"}, {}, ("e", "a")),
            ({"experiment": "e", "default_variant": "a"}, {"variant": "b", "experiment": "f"}, {}, ("f", "b")),
            ({"experiment": "e"}, {"variant": "b", "experiment": "f"}, {"variant": "c", "experiment": "g"}, ("g", "c")),
            ({}, {"variant": "b"}, {"experiment": "g"}, ("g", "b")),
            ({}, {"variant": "b"}, {"experiment": 7}, ("7", "b")),
        ],
    )  # fmt: skip
    def test_a_call_wins_over_its_collector_and_a_collector_over_the_settings(
        self, made: Made, counts: Callable[[], Counts], settings: Any, own: Any, call: Any, expected: tuple[str, str]
    ) -> None:
        metrics = made(settings, **own)

        metrics.track_recommendations("jane", ["a"], **call)

        assert counts() == {("exposures", *expected, bucket_of("jane", expected[0])): 1}

    def test_the_default_variant_is_a_label_of_all_metrics(self, made: Made, series: Read) -> None:
        collectors = [made({"default_variant": "control"}, **own) for own in ({}, {"model_version": "v2"})]
        for metrics in collectors:
            metrics.track_click(1)

        assert named(series(), "recommendations_clicked_total") == {
            labelled(model_version=version, position="1", variant="control"): 1 for version in ("v1", "v2")
        }

    def test_an_unusable_experiment_is_refused(self, made: Made) -> None:
        with pytest.raises(ValueError, match="experiment must be a text of 1 to 100 characters"):
            made(experiment=" ")

    def test_a_configured_split_is_exported_with_the_role_of_each_arm(self, made: Made, series: Read) -> None:
        settings, _ = read({"OTEL_RECMON_EXPERIMENT": "e", "OTEL_RECMON_EXPERIMENT_SPLIT": "a=1,b=3; f => c=1,a=1"})
        made({"experiment": settings.experiment, "experiment_split": settings.experiment_split}).track_request()

        assert named(series(), catalog.EXPECTED_SHARE.prometheus) == {
            labelled(experiment="e", variant="a", role="control"): 0.25,
            labelled(experiment="e", variant="b", role="treatment"): 0.75,
            labelled(experiment="f", variant="c", role="control"): 0.5,
            labelled(experiment="f", variant="a", role="treatment"): 0.5,
        }


class TestBounds:
    @pytest.mark.usefixtures("shared")
    def test_arms_beyond_the_bound_count_together_and_configured_ones_apart(
        self, made: Made, counts: Callable[[], Counts], series: Read
    ) -> None:
        split = read({"OTEL_RECMON_EXPERIMENT_SPLIT": "ranker => a=1,b=1"})[0].experiment_split
        metrics = made({"experiment_split": split, "max_experiments": 100, "max_variants": 100})
        arms = [(f"e{n % 9}", f"v{n}") for n in range(60)]

        for experiment, variant in [*arms, ("ranker", "a"), ("ranker", "b")]:
            metrics.track_click(1, experiment=experiment, variant=variant, user_id="jane")

        found = counts()
        assert len({key[1:3] for key in found}) == MAX_ARMS
        assert len(named(series(), catalog.EXPERIMENT_CLICKS.prometheus)) <= MAX_SERIES
        assert sum(found.values()) == 62
        assert sum(value for key, value in found.items() if key[1:3] == ("_other", "_other")) == 60 - (MAX_ARMS - 3)
        assert found["clicks", "ranker", "b", bucket_of("jane")] == 1
        assert metrics.faults.overflowed == {"experiment": 60 - (MAX_ARMS - 3)}

    def test_an_experiment_over_its_cap_counts_as_other_with_all_its_arms(
        self, made: Made, counts: Callable[[], Counts]
    ) -> None:
        metrics = made({"max_experiments": 1, "max_variants": 2})

        for experiment, variant in [("e", "a"), ("f", "a"), ("g", "b"), ("e", "c")]:
            metrics.track_click(1, experiment=experiment, variant=variant, user_id="jane")

        assert counts() == {
            ("clicks", "e", "a", bucket_of("jane", "e")): 1,
            ("clicks", "_other", "_other", bucket_of("jane", "f")): 1,
            ("clicks", "_other", "_other", bucket_of("jane", "g")): 1,
            ("clicks", "e", "_other", bucket_of("jane", "e")): 1,
        }

    @pytest.mark.usefixtures("shared")
    def test_an_experiment_idle_for_a_day_frees_its_slot(
        self, made: Made, clock: Clock, counts: Callable[[], Counts]
    ) -> None:
        metrics = made({"max_experiments": 1})
        metrics.track_click(1, experiment="old", variant="a", user_id="jane")
        counts()
        clock.now += DAY

        metrics.track_click(1, experiment="new", variant="a", user_id="jane")

        assert counts() == {("clicks", "new", "a", bucket_of("jane", "new")): 1}

    @pytest.mark.usefixtures("shared")
    def test_an_arm_idle_for_a_day_makes_room_for_another(
        self, made: Made, clock: Clock, counts: Callable[[], Counts]
    ) -> None:
        metrics = made({"max_experiments": 100, "max_variants": 100})
        for n in range(MAX_ARMS - 1):
            metrics.track_click(1, experiment=f"e{n}", variant="a", user_id="jane")
        counts()
        clock.now += DAY / 2
        metrics.track_click(1, experiment="e0", variant="a", user_id="jane")
        clock.now += DAY / 2

        metrics.track_click(1, experiment="new", variant="a", user_id="jane")

        assert counts() == {
            ("clicks", "e0", "a", bucket_of("jane", "e0")): 2,
            ("clicks", "new", "a", bucket_of("jane", "new")): 1,
        }

    def test_arms_that_the_sdk_cannot_forget_keep_their_room(
        self, made: Made, shared: Any, clock: Clock, counts: Callable[[], Counts]
    ) -> None:
        metrics = made({"max_experiments": 100, "max_variants": 100})
        shared.store.forget_points = lambda _: False
        for n in range(MAX_ARMS - 1):
            metrics.track_click(1, experiment=f"e{n}", variant="a", user_id="jane")
        clock.now += DAY

        for experiment in ("new", "newer"):
            metrics.track_click(1, experiment=experiment, variant="a", user_id="jane")

        assert {key[1] for key in counts()} == {"_other"}

    def test_a_forked_child_starts_from_zero(self, clock: Clock) -> None:
        store = Store(Settings(), clock)
        with store.lock:
            found = store.arm_bucket(Subject("ranker", "jane"), "bts")
        assert found is not None
        found.cells.clicks[found.bucket] += 1

        store.forget()

        assert store.rows(catalog.EXPERIMENT_CLICKS) == []


class TestTraffic:
    """The labels, user and experiment that the plugin reads from the traffic."""

    @pytest.fixture
    def see(self, provider: MeterProvider) -> Callable[..., None]:
        """A function that lets the plugin record a finished request."""

        def see(
            changes: dict[str, Any], route: str, body: Any = None, span: Span = INVALID_SPAN, **headers: str
        ) -> None:
            configured = Settings(**{"model_version": "v1"} | changes)
            recorder(provider).configure(configured)
            observer = Observer(configured, Defaults(recorder(provider)))
            response = Body(1000)
            response.add(json.dumps({"items": ["a"], "experiment": "layout"}).encode())
            raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
            asgi = {"headers": raw, "query_string": b"", "path_params": {}}
            kind = [(b"content-type", b"application/json")]
            exchange = HttpExchange(asgi, 200, kind, observer.faults, response_body=response, span=span)
            exchange._body = body
            request = RequestContext(closed_by_plugin=True)
            reader = observer.reader(*route.split())
            with in_progress(request):
                observer.finish(request, reader, exchange, 0.1)

        return see

    def test_the_variant_the_experiment_and_the_user_are_read(
        self, see: Callable[..., None], counts: Callable[[], Counts]
    ) -> None:
        settings = {"variant": "header:x-arm", "experiment_from": "/recommendations => experiment; header:x-experiment"}

        see(settings, "GET /recommendations", {"user_id": 7}, x_arm="bts")
        see(settings, "POST /click", {"user_id": "7", "position": 1}, x_arm="bts", x_experiment="layout")
        see(settings, "POST /conversion", {"user_id": 7, "revenue": 2.5}, x_arm="bts", x_experiment="layout")
        see(settings, "POST /conversion", {"user_id": 7, "revenue": 2.5}, x_arm="bts")
        see(settings, "POST /conversion", {"user_id": 7, "revenue": 2.5}, x_experiment="layout")

        assert counts() == {
            (name, "layout", "bts", bucket_of(7, "layout")): 1 for name in ("exposures", "clicks", "conversions")
        } | {("revenue_dollars", "layout", "bts", bucket_of(7, "layout")): 2.5}

    def test_a_configured_user_wins_over_the_usual_fields(
        self, see: Callable[..., None], counts: Callable[[], Counts]
    ) -> None:
        settings = {"variant": "header:x-arm", "experiment": "ranker", "user": "header:x-user"}

        see(settings, "GET /recommendations", {"user_id": 7}, x_arm="bts", x_user="jane")

        assert counts() == {("exposures", "ranker", "bts", bucket_of("jane")): 1}

    def test_the_variant_of_a_feature_flag_counts_if_the_traffic_has_none(
        self, see: Callable[..., None], series: Read
    ) -> None:
        span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("GET")
        span.add_event("feature_flag.evaluation", {"feature_flag.key": "ranker", "feature_flag.result.variant": "bts"})
        settings = {"experiment": "ranker", "variant": "header:x-arm", "default_variant": "none"}

        see(settings, "GET /recommendations", {"user_id": 7}, span)
        see(settings, "GET /recommendations", {"user_id": 7}, span, x_arm="sent")
        see(settings | {"experiment": "other"}, "GET /recommendations", {"user_id": 7}, span)
        see(settings | {"experiment": None}, "GET /recommendations", {"user_id": 7}, span, x_arm="off")

        found = named(series(), "recommendation_requests_total")
        assert {dict(labels)["variant"]: value for labels, value in found.items() if value} == {
            "bts": 1,
            "sent": 1,
            "none": 1,
            "off": 1,
        }

    def test_the_user_is_read_only_if_an_experiment_needs_it(self, provider: MeterProvider) -> None:
        needs = [
            Observer(settings, Defaults(recorder(provider))).reader("GET", "/recommendations")
            for settings in (Settings(), Settings(experiment="e"), Settings(experiment_from="header:x"))
        ]

        assert [reader and reader.needs_user for reader in needs] == [False, True, True]

    def test_a_slate_recorded_by_the_handler_counts_once_with_the_traffics_labels(
        self, provider: MeterProvider, counts: Callable[[], Counts]
    ) -> None:
        settings = Settings(model_version="v1", experiment_from="header:x-experiment")
        recorder(provider).configure(settings)
        metrics = MetricsCollector(variant="bts", meter_provider=provider)
        observer = Observer(settings, Defaults(recorder(provider)))
        request = RequestContext(closed_by_plugin=True)
        asgi = {"headers": [(b"x-experiment", b"ranker")], "query_string": b"user_id=joe", "path_params": {}}

        def handle() -> None:
            metrics.track_recommendations("jane", ["a"])
            reader = observer.reader("GET", "/recommendations")
            observer.finish(request, reader, HttpExchange(asgi, 200, [], observer.faults), 0.1)

        with in_progress(request):
            handle()

        assert counts() == {("exposures", "ranker", "bts", bucket_of("jane")): 1}
