"""Events with a recommendation id, counted with the labels and at the position of their slate."""

from collections.abc import Iterator
from contextlib import nullcontext
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_recmon import MetricsCollector, recommendation_id
from otel_recmon.attribution import Shown, Signer
from otel_recmon.catalog import BUCKETS
from otel_recmon.config import Settings
from otel_recmon.recording.attributor import Recent, _latest
from otel_recmon.recording.experiments import bucket
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.request_context import RequestContext
from otel_recmon.recording.request_counts import finish_call
from tests.unit.conftest import Clock, Labels, Read, Series, labelled, named, recorded
from tests.unit.in_progress import in_progress

KEY = "a key of the tests alone"
TRACER = TracerProvider().get_tracer("tests")


@pytest.fixture(autouse=True)
def _no_slate_of_another_test() -> None:
    _latest.set(None)


@pytest.fixture
def metrics(provider: MeterProvider, clock: Clock) -> MetricsCollector:
    """A collector of v1 that signs recommendation ids."""
    return signing_collector(provider, clock)


def signing_collector(provider: MeterProvider, clock: Clock, **changes: Any) -> MetricsCollector:
    shared = recorder(provider)
    shared.configure(Settings(**({"model_version": "v1", "signing_key": (KEY,)} | changes)))
    shared.store.clock = clock
    return MetricsCollector(meter_provider=provider)


def slate_id(metrics: MetricsCollector, *items: object, **arguments: Any) -> str:
    """Record a slate and return its recommendation id."""
    metrics.track_recommendations("jane", items or ("a", "b", "c"), **arguments)
    found = recommendation_id()
    assert found
    return found


def _results(series: Series) -> dict[str, float]:
    return {dict(labels)["result"]: value for labels, value in named(series, "recmon_attributions_total").items()}


def _clicks(series: Series) -> dict[Labels, float]:
    return named(series, "recommendations_clicked_total")


@pytest.fixture
def elsewhere(clock: Clock) -> Iterator[tuple[MetricsCollector, Read]]:
    """The collector of another process, with the same key and another version, and its exported series."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)

    def read() -> Series:
        return recorded(reader)

    yield signing_collector(provider, clock, model_version="v9"), read
    provider.shutdown()


class TestClick:
    def test_it_counts_for_its_slate_in_a_process_with_another_version(
        self, metrics: MetricsCollector, elsewhere: tuple[MetricsCollector, Read], clock: Clock
    ) -> None:
        slate = slate_id(metrics, variant="b", surface="home")
        clock.now += 90.0

        elsewhere[0].track_click(recommendation_id=slate, item_id="b")

        found = elsewhere[1]()
        shown = {"model_version": "v1", "variant": "b", "surface": "home"}
        assert _clicks(found) == {labelled(position="2", **shown): 1}
        assert _results(found) == {"attributed": 1}
        assert found["recommendation_click_delay_seconds_sum", labelled(**shown)] == 90

    def test_its_own_labels_do_not_count(self, metrics: MetricsCollector, series: Read) -> None:
        slate = slate_id(metrics)

        metrics.track_click(
            recommendation_id=slate, item_id="a", model_version="v7", variant="forged", surface="elsewhere"
        )

        assert _clicks(series()) == {labelled(model_version="v1", position="1"): 1}

    def test_a_given_position_is_kept(self, metrics: MetricsCollector, series: Read) -> None:
        metrics.track_click(3, recommendation_id=slate_id(metrics), item_id="a")

        assert _clicks(series()) == {labelled(model_version="v1", position="3"): 1}

    @pytest.mark.parametrize("item", [None, "of another slate", "twice"])
    def test_an_item_without_a_single_position_counts_at_position_unknown(
        self, metrics: MetricsCollector, series: Read, item: str | None
    ) -> None:
        slate = slate_id(metrics, "a", "twice", "twice")

        metrics.track_click(recommendation_id=slate, item_id=item)

        assert _clicks(series()) == {labelled(model_version="v1", position="unknown"): 1}
        assert _results(series()) == {"attributed": 1}

    def test_the_positions_of_a_second_page_are_kept(self, metrics: MetricsCollector, series: Read) -> None:
        slate = slate_id(metrics, "a", "b", positions=[10, 11])

        metrics.track_click(recommendation_id=slate, item_id="a")
        metrics.track_click(recommendation_id=slate, item_id="b")

        assert _clicks(series()) == {labelled(model_version="v1", position=position): 1 for position in ("10", "11+")}

    @pytest.mark.parametrize(
        ("token", "age", "result"),
        [
            (None, 0, "missing"),
            ("", 0, "missing"),
            ("ours", 86_401, "expired"),
            ("ours", -61, "future"),
            ("theirs", 0, "forged"),
            ("cut", 0, "malformed"),
            ("AgAA", 0, "unsupported"),
            (7, 0, "malformed"),
        ],
    )
    def test_without_a_valid_id_it_counts_with_its_own_labels(
        self, metrics: MetricsCollector, clock: Clock, series: Read, token: object, age: float, result: str
    ) -> None:
        ours = slate_id(metrics, variant="b")
        theirs = Signer(["a key of another service"]).sign(Shown("evil"), ["a"], clock())
        sent = {"ours": ours, "theirs": theirs, "cut": ours[:-1]}.get(str(token), token)
        clock.now += age

        metrics.track_click(2, recommendation_id=sent, item_id="a", variant="c")

        found = series()
        assert _clicks(found) == {labelled(model_version="v1", variant="c", position="2"): 1}
        assert _results(found) == {result: 1}
        assert named(found, "recommendation_click_delay_seconds_count") == {}

    def test_a_repeated_click_counts_once(self, metrics: MetricsCollector, series: Read) -> None:
        slate = slate_id(metrics, 7, 8)

        for item in (7, "7", " 7 ", 7.0):
            metrics.track_click(recommendation_id=slate, item_id=item, user_id="jane")

        assert _clicks(series()) == {labelled(model_version="v1", position="1"): 1}
        assert _results(series()) == {"attributed": 1, "duplicate": 3}

    def test_another_item_or_user_or_slate_is_another_click(self, metrics: MetricsCollector, series: Read) -> None:
        slate, other = slate_id(metrics), slate_id(metrics)

        for token, item, user in [
            (slate, "a", "jane"),
            (slate, "b", "jane"),
            (slate, "a", "joe"),
            (other, "a", "jane"),
        ]:
            metrics.track_click(recommendation_id=token, item_id=item, user_id=user)

        assert _results(series()) == {"attributed": 4}

    def test_without_an_item_clicks_differ_by_their_position(self, metrics: MetricsCollector, series: Read) -> None:
        slate = slate_id(metrics)

        for position in (1, 2, 2):
            metrics.track_click(position, recommendation_id=slate)

        assert _results(series()) == {"attributed": 2, "duplicate": 1}

    def test_without_an_item_and_a_position_each_counts(self, metrics: MetricsCollector, series: Read) -> None:
        slate = slate_id(metrics)

        metrics.track_click(recommendation_id=slate)
        metrics.track_click(recommendation_id=slate)

        assert _results(series()) == {"attributed": 2}

    def test_a_version_beyond_the_cap_counts_as_other(
        self, provider: MeterProvider, clock: Clock, series: Read
    ) -> None:
        metrics = signing_collector(provider, clock, max_model_versions=1)
        slate = Signer([KEY]).sign(Shown("v7"), ["a"], clock())

        metrics.track_click(recommendation_id=slate, item_id="a")

        assert _clicks(series()) == {labelled(model_version="_other", position="1"): 1}

    def test_the_same_position_in_another_form_is_a_duplicate(self, metrics: MetricsCollector, series: Read) -> None:
        slate = slate_id(metrics)

        for position in (1, "1", "1.0", " 01", 1.0, 12, 13):
            metrics.track_click(position, recommendation_id=slate, user_id="jane")

        assert _results(series()) == {"attributed": 3, "duplicate": 4}


class TestOtherEvents:
    def test_each_conversion_counts_for_its_slate(
        self, metrics: MetricsCollector, elsewhere: tuple[MetricsCollector, Read], clock: Clock
    ) -> None:
        slate = slate_id(metrics, variant="b")
        clock.now += 3_600

        elsewhere[0].track_conversion(5.0, recommendation_id=slate, model_version="v7")
        elsewhere[0].track_conversion(2.5, recommendation_id=slate)

        found, shown = elsewhere[1](), labelled(model_version="v1", variant="b")
        assert named(found, "recommendations_converted_total") == {shown: 2}
        assert found["recommendation_revenue_dollars_sum", shown] == 7.5
        assert found["recommendation_conversion_delay_seconds_sum", shown] == 7_200
        assert _results(found) == {"attributed": 2}

    @pytest.mark.parametrize(
        ("positions", "items", "shown"),
        [
            ([2], ["a"], ["2"]),
            ([], ["b", "c"], ["2", "3"]),
            ([None], ["c"], ["3"]),
            ([], ["b", "of another slate"], ["2", "unknown"]),
            ([], [], []),
        ],
    )
    def test_seen_items_count_at_their_positions_in_the_slate(
        self,
        provider: MeterProvider,
        clock: Clock,
        series: Read,
        positions: list[Any],
        items: list[str],
        shown: list[str],
    ) -> None:
        metrics = signing_collector(provider, clock, impression_routes="POST /seen")
        slate = slate_id(metrics, variant="b")

        metrics.track_impressions(positions, recommendation_id=slate, item_ids=items)

        expected = {labelled(model_version="v1", variant="b", position=position): 1 for position in shown}
        assert named(series(), "recommendation_impressions_total") == expected
        assert _results(series()) == {"attributed": 1}

    def test_items_of_an_unknown_slate_count_in_their_order(
        self, provider: MeterProvider, clock: Clock, series: Read
    ) -> None:
        metrics = signing_collector(provider, clock, impression_routes="POST /seen")

        metrics.track_impressions(item_ids=["b", "c"])

        expected = {labelled(model_version="v1", position=position): 1 for position in ("1", "2")}
        assert named(series(), "recommendation_impressions_total") == expected

    def test_seen_items_and_positions_may_be_any_iterable(self, metrics: MetricsCollector, series: Read) -> None:
        slate = slate_id(metrics)

        metrics.track_impressions(recommendation_id=slate, item_ids=iter(["a", "b"]))  # type: ignore[arg-type]
        metrics.track_impressions(np.array([3, 1]), recommendation_id=slate)

        assert _results(counted := series()) == {"attributed": 2}
        assert sum(named(counted, "recommendation_impressions_total").values()) == 3 + 4
        assert metrics.faults.errors == {}


def _arms(series: Series) -> dict[str, list[tuple[str, str, str]]]:
    """Return the experiment, arm and bucket of each counted event, by the name of the counter."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for (name, labels), value in series.items():
        if "_experiment_" in name and value and "bucket" in dict(labels):
            values = dict(labels)
            found.setdefault(name, []).append((values["experiment"], values["variant"], values["bucket"]))
    return found


class TestExperiments:
    @pytest.mark.parametrize("user", ["jane", None])
    @pytest.mark.parametrize("within", [False, True])
    def test_an_event_counts_in_the_arm_and_the_bucket_of_its_slate(
        self,
        metrics: MetricsCollector,
        series: Read,
        elsewhere: tuple[MetricsCollector, Read],
        user: str | None,
        within: bool,
    ) -> None:
        with in_progress(RequestContext()) if within else nullcontext() as request:
            metrics.track_recommendations(user, ["a"], variant="b", experiment="ranker")
            slate = recommendation_id()
            if request is not None:
                finish_call(metrics.defaults, request, "success", 0.1)

        elsewhere[0].track_click(recommendation_id=slate, item_id="a", variant="c", experiment="other")
        elsewhere[0].track_conversion(5, recommendation_id=slate, user_id="joe")

        shown = _arms(series())["recommendation_experiment_exposures_total"]
        assert len(shown) == 1
        assert shown[0][:2] == ("ranker", "b")
        assert _arms(elsewhere[1]()) == {
            "recommendation_experiment_clicks_total": shown,
            "recommendation_experiment_conversions_total": shown,
            "recommendation_experiment_revenue_dollars_total": shown,
        }

    def test_an_event_of_another_user_in_the_request_counts_in_the_bucket_of_that_user(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        with in_progress(RequestContext()):
            metrics.track_recommendations("jane", ["a"], variant="b", experiment="ranker")
            metrics.track_click(1, user_id="joe", variant="b")

        buckets = [key[2] for key in _arms(series())["recommendation_experiment_clicks_total"]]

        assert buckets == [BUCKETS[bucket("ranker", "joe")]]

    def test_an_event_counts_in_the_arm_of_its_slate_beyond_the_cap_of_labels(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        for number in range(100):
            metrics.track_recommendations("x", ["a"], model_version=f"v{number % 19}", variant=f"arm-{number % 5}")
        with in_progress(RequestContext()):
            metrics.track_recommendations("jane", ["a"], model_version="v3", variant="arm-7", experiment="ranker")
            slate = recommendation_id()

        metrics.track_click(recommendation_id=slate, item_id="a")

        assert [key[1] for key in _arms(series())["recommendation_experiment_clicks_total"]] == ["arm-7"]


class TestRecommendationId:
    def test_there_is_none_without_a_key(self, provider: MeterProvider, clock: Clock, series: Read) -> None:
        metrics = signing_collector(provider, clock, signing_key=None)

        metrics.track_recommendations("jane", ["a"])
        metrics.track_click(1, recommendation_id="anything", item_id="a")
        metrics.track_click(1, recommendation_id="anything", item_id="a")

        assert recommendation_id() is None
        assert _clicks(series()) == {labelled(model_version="v1", position="1"): 2}
        assert _results(series()) == {}

    def test_it_belongs_to_the_last_slate_of_the_request(self, metrics: MetricsCollector) -> None:
        outside = slate_id(metrics)

        with in_progress(RequestContext()):
            before = recommendation_id()
            inside = [slate_id(metrics), slate_id(metrics)]

        assert before is None
        assert len({outside, *inside}) == 3
        assert recommendation_id() == outside

    def test_a_slate_with_unhashable_items_has_an_id(self, metrics: MetricsCollector, series: Read) -> None:
        slate = slate_id(metrics, {"not": "an id"})

        metrics.track_click(recommendation_id=slate, item_id="a")

        assert _results(series()) == {"attributed": 1}
        assert metrics.faults.errors == {}

    def test_a_slate_that_cannot_be_signed_counts(self, provider: MeterProvider, clock: Clock, series: Read) -> None:
        metrics = signing_collector(provider, clock)
        clock.now = -1.0

        metrics.track_recommendations("jane", ["a"])

        assert recommendation_id() is None
        assert metrics.faults.errors == {"Attributor.issue": 1}
        assert sum(named(series(), "recommendation_requests_total").values()) == 1


class TestSpans:
    def test_a_click_links_to_the_span_of_its_slate(self, metrics: MetricsCollector) -> None:
        with TRACER.start_as_current_span("recommend") as shown:
            slate = slate_id(metrics)
        with TRACER.start_as_current_span("click") as click:
            metrics.track_click(recommendation_id=slate, item_id="a")

        links = click.links  # type: ignore[attr-defined]  # a span of the SDK
        assert [(link.context.trace_id, link.context.span_id) for link in links] == [
            (shown.get_span_context().trace_id, shown.get_span_context().span_id)
        ]

    def test_a_click_has_no_link_to_a_span_that_was_not_sampled(self, metrics: MetricsCollector) -> None:
        with TracerProvider(sampler=ALWAYS_OFF).get_tracer("tests").start_as_current_span("recommend"):
            slate = slate_id(metrics)
        with TRACER.start_as_current_span("click") as click:
            metrics.track_click(recommendation_id=slate, item_id="a")

        assert click.links == ()  # type: ignore[attr-defined]  # a span of the SDK

    def test_a_duplicate_click_has_no_link(self, metrics: MetricsCollector) -> None:
        with TRACER.start_as_current_span("recommend"):
            slate = slate_id(metrics)
        metrics.track_click(recommendation_id=slate, item_id="a")
        with TRACER.start_as_current_span("click") as click:
            metrics.track_click(recommendation_id=slate, item_id="a")

        assert click.links == ()  # type: ignore[attr-defined]  # a span of the SDK


class TestRecent:
    def test_it_remembers_the_last_keys_and_is_bounded(self) -> None:
        recent = Recent(100)

        first = [recent.add(number) for number in range(1_000)]
        again = [recent.add(number) for number in range(900, 1_000)]

        assert not any(first)
        assert all(again)
        assert not recent.add(0)
        assert len(recent._now) + len(recent._before) <= 200

    def test_exactly_one_of_several_threads_is_the_first(self) -> None:
        recent, barrier = Recent(100), Barrier(8)
        found: list[bool] = []

        def add_all() -> None:
            barrier.wait()
            found.extend(recent.add(number) for number in range(50))

        threads = [Thread(target=add_all) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert found.count(False) == 50
