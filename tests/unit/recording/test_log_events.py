"""The log events of slates, requests, clicks, conversions and impressions, which never contain a user id."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import format_span_id, format_trace_id

from otel_recmon import MetricsCollector, monitor_latency, recommendation_id
from otel_recmon.catalog import ERROR, EVENT_ATTRIBUTES, FAILED, OUTCOMES_, REJECTED, SERVED, SUCCESS, SeriesKey
from otel_recmon.config import Settings
from otel_recmon.eventlog import RECOUNTED, counted
from otel_recmon.recording.log_events import MOST_HELD
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.request_context import RequestContext
from otel_recmon.recording.request_counts import close_request, finish_call
from otel_recmon.recording.slate import MOST_ITEMS
from tests.unit.conftest import Read, labelled, recorded
from tests.unit.in_progress import in_progress
from tests.unit.logged import exporter, line, logged

KEY = "a key of the tests alone"
Logging = Callable[..., MetricsCollector]


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    exporter().clear()


@pytest.fixture
def logging(provider: MeterProvider) -> Logging:
    """A function that makes a collector with the event log and some settings."""

    def make(**changes: Any) -> MetricsCollector:
        settings: dict[str, Any] = {"model_version": "v1", "log_events": True, "user_hash_key": KEY}
        recorder(provider).configure(Settings(**settings | changes))
        return MetricsCollector(meter_provider=provider)

    return make


def events() -> list[tuple[str, dict[str, Any]]]:
    """Return the names and attributes of the logged events."""
    return [(event.name, dict(event.attributes)) for event in logged()]


class Broken:
    """An object whose text raises an exception."""

    def __str__(self) -> str:
        raise RuntimeError

    def __hash__(self) -> int:
        return 1


TEXTS = st.sampled_from(["a", "b", "c", "d"])
CATEGORY = st.sampled_from(["drama", "comedy", "war", "sport", None, "", 5, "x" * 200])
POSITIONS = st.lists(st.sampled_from([1, 2, 3, 11, 40, "2", None, 0, -1, 1.5, True]), max_size=14)
LABELS: dict[str, Any] = {
    "model_version": st.sampled_from([None, "v2", "v3", "v4", "v5"]),
    "variant": st.sampled_from([None, "a", "b", "c", "d"]),
    "surface": st.sampled_from([None, "home"]),
}
EXPERIMENTS: Any = {"experiment": st.sampled_from([None, "ranker", "layout", "third", True])}
MAYBE_SECONDS = st.sampled_from([None, 0.1, 0.9, float("nan")])
SLATES: Any = st.fixed_dictionaries(
    {
        "user_id": TEXTS,
        "item_ids": st.one_of(st.lists(TEXTS, max_size=13), st.just([{}, {}]), st.just("no list")),
        "categories": st.one_of(st.none(), st.lists(st.one_of(CATEGORY, st.lists(CATEGORY, max_size=3)), max_size=13)),
        "scores": st.one_of(st.none(), st.lists(st.floats(), max_size=13)),
        "outcome": st.sampled_from([None, *OUTCOMES_, "nonsense"]),
        "positions": st.one_of(st.none(), POSITIONS, st.just("12")),
        "requested": st.sampled_from([None, 5]),
        "seconds": MAYBE_SECONDS,
        "cache_hit": st.sampled_from([None, True, False]),
        **LABELS,
        **EXPERIMENTS,
    }
)
CALLS: Any = st.one_of(
    st.tuples(st.just("track_recommendations"), SLATES),
    st.tuples(st.just("track_request"), st.fixed_dictionaries({"success": st.booleans()})),
    st.tuples(
        st.just("track_click"),
        st.fixed_dictionaries({**LABELS, **EXPERIMENTS, "position": st.sampled_from([None, 1, "x", 99])}),
    ),
    st.tuples(
        st.just("track_conversion"),
        st.fixed_dictionaries({**LABELS, **EXPERIMENTS, "revenue": st.sampled_from([0, 5, -1])}),
    ),
    st.tuples(st.just("track_impressions"), st.fixed_dictionaries({**LABELS, "positions": POSITIONS})),
)
CALLS_OF_A_REQUEST: Any = st.one_of(
    CALLS,
    st.tuples(st.just("track_latency"), st.fixed_dictionaries({"seconds": MAYBE_SECONDS.filter(bool)})),
    st.tuples(st.just("track_cache_hit"), st.fixed_dictionaries({"hit": st.booleans()})),
    st.tuples(
        st.just("stage"), st.fixed_dictionaries({"name": TEXTS, "candidates": st.sampled_from([None, 0, 3, -1])})
    ),
)
REQUESTS = st.tuples(
    st.lists(CALLS_OF_A_REQUEST, max_size=6), st.sampled_from([SUCCESS, ERROR, REJECTED]), st.sampled_from([0.1, 0.9])
)


def call_verb(metrics: MetricsCollector, call: tuple[str, dict[str, Any]]) -> None:
    verb, arguments = call
    if verb == "stage":
        with metrics.stage(**arguments):
            return
    getattr(metrics, verb)(**arguments)


def _counters(reader: InMemoryMetricReader) -> dict[SeriesKey, float]:
    names = {metric.prometheus for metric in RECOUNTED}
    return {key: value for key, value in recorded(reader).items() if key[0] in names and value}


class TestContent:
    def test_a_slate_is_logged_with_all_its_arguments(self, logging: Logging) -> None:
        metrics = logging()

        metrics.track_recommendations(
            "jane",
            ["a", 2, "c"],
            ["drama", ["drama", "comedy"], None],
            [0.5, float("nan"), 0.25],
            positions=[1, "x", 12],
            seconds=0.25,
            cache_hit=True,
            variant="b",
            surface="home",
        )

        assert events() == [
            (
                "served",
                {
                    "model_version": "v1",
                    "variant": "b",
                    "surface": "home",
                    "user": metrics.recorder.events and metrics.recorder.events.hash_user("jane"),
                    "status": "success",
                    "outcome": "served",
                    "item_count": 3,
                    "items": ["a", "2", "c"],
                    "positions": [1, None, 12],
                    "categories": ["drama", ["drama", "comedy"], "_none"],
                    "scores": [0.5, None, 0.25],
                    "cache.hits": 1,
                    "latency_seconds": 0.25,
                    "good": True,
                },
            )
        ]

    def test_clicks_conversions_and_impressions_are_logged(self, logging: Logging) -> None:
        metrics = logging()

        metrics.track_click(3)
        metrics.track_click("nowhere")
        metrics.track_conversion(19.5)
        metrics.track_conversion(-1)
        metrics.track_impressions(iter([1, 2, None]))

        assert events() == [
            ("clicked", {"model_version": "v1", "position": 3}),
            ("clicked", {"model_version": "v1"}),
            ("converted", {"model_version": "v1", "revenue": 19.5}),
            ("converted", {"model_version": "v1"}),
            ("seen", {"model_version": "v1", "positions": [1, 2, None]}),
        ]

    def test_an_event_has_its_trace_and_span(self, logging: Logging) -> None:
        metrics = logging()

        with TracerProvider().get_tracer("tests").start_as_current_span("GET /recommendations") as span:
            metrics.track_click(1)

        record = exporter().get_finished_logs()[0].log_record
        context = span.get_span_context()
        assert (format_trace_id(record.trace_id), format_span_id(record.span_id)) == (
            format_trace_id(context.trace_id),
            format_span_id(context.span_id),
        )
        assert (record.event_name, record.severity_text) == ("recommendation.clicked", "INFO")

    def test_a_catalog_file_gives_the_logged_categories(self, logging: Logging, tmp_path: Any) -> None:
        (tmp_path / "catalog.json").write_text('{"a": "drama", "b": ["drama", "comedy"]}')

        logging(catalog_file=str(tmp_path / "catalog.json")).track_recommendations(None, ["a", "b", "c"])

        assert events()[0][1]["categories"] == ["drama", ["drama", "comedy"], "_none"]

    def test_by_default_nothing_is_logged(self, logging: Logging) -> None:
        metrics = logging(log_events=False)

        metrics.track_recommendations("jane", ["a"])
        metrics.track_click(1)

        assert (Settings().log_events, metrics.recorder.events.enabled, events()) == (False, False, [])

    def test_exactly_the_declared_attributes_are_logged(self, logging: Logging) -> None:
        metrics = logging(impression_routes="POST /seen", signing_key=(KEY,))
        labels: Any = {"variant": "b", "surface": "home"}
        experiment: Any = labels | {"experiment": "ranker"}

        with in_progress(RequestContext()) as request:
            metrics.track_cache_hit(hit=True)
            metrics.track_cache_hit(hit=False)
            with metrics.stage("ranking", 3):
                pass
            metrics.track_recommendations("jane", ["a"], ["drama"], [0.5], positions=[2], **experiment)
            finish_call(metrics.defaults, request, SUCCESS, 0.1)
        metrics.track_recommendations(
            "jane", ["a"], ["drama"], [0.5], FAILED, positions=[2], seconds=0.1, cache_hit=True, **experiment
        )
        slate: Any = {"user_id": "jane", "recommendation_id": recommendation_id()}
        metrics.track_recommendations("jane", ["a"], ["drama"], [0.5], FAILED, cache_hit=False)
        metrics.track_click(1, **slate)
        metrics.track_conversion(5, **slate)
        metrics.track_impressions([1], **slate)
        metrics.track_event("like", **slate)

        found = {(name, attribute) for name, attributes in events() for attribute in attributes}
        declared = {(event, attribute.name) for attribute in EVENT_ATTRIBUTES for event in attribute.events}
        assert found == declared - {("failed", "stages")}

    @given(
        outside=st.lists(CALLS, max_size=6),
        requests=st.lists(REQUESTS, max_size=4),
        reported=st.booleans(),
        tested=st.booleans(),
    )
    def test_every_counter_can_be_recounted_from_the_log(
        self, outside: list[Any], requests: list[Any], reported: bool, tested: bool
    ) -> None:
        exporter().clear()
        reader = InMemoryMetricReader()
        provider = MeterProvider([reader], shutdown_on_exit=False)
        routes = "POST /seen" if reported else None
        caps: dict[str, Any] = {"max_model_versions": 3, "max_variants": 2, "max_categories": 3, "max_stages": 2}
        caps |= {"max_experiments": 2, "experiment": "running" if tested else None}
        recorder(provider).configure(Settings(model_version="v1", log_events=True, impression_routes=routes, **caps))
        metrics = MetricsCollector(meter_provider=provider)

        for call in outside:
            call_verb(metrics, call)
        for calls, status, seconds in requests:
            with in_progress(RequestContext()) as request:
                for call in calls:
                    call_verb(metrics, call)
                finish_call(metrics.defaults, request, status, seconds)

        assert metrics.faults.errors == {}
        assert counted(logged()) == _counters(reader)
        provider.shutdown()


class TestRequest:
    def test_the_event_of_the_first_slate_has_the_attributes_of_the_request(self, logging: Logging) -> None:
        metrics = logging()

        with in_progress(RequestContext()) as request:
            metrics.track_cache_hit(hit=False)
            with metrics.stage("ranking", 7):
                pass
            metrics.track_recommendations("jane", ["a"])
            metrics.track_recommendations("jane", [])
            finish_call(metrics.defaults, request, SUCCESS, 0.75)

        first, second = events()
        stage = first[1].pop("stages")[0]
        assert (stage.pop("seconds") >= 0, stage) == (
            True,
            {"model_version": "v1", "stage": "ranking", "candidates": 7},
        )
        both = {"model_version": "v1", "user": second[1]["user"]}
        assert first == (
            "served",
            both
            | {"status": "success", "outcome": "served", "item_count": 1, "items": ["a"]}
            | {"cache.misses": 1, "latency_seconds": 0.75, "good": False},
        )
        assert second == ("served", both | {"outcome": "empty", "item_count": 0, "items": []})

    def test_a_slate_of_a_failed_request_is_logged_as_failed(self, logging: Logging) -> None:
        metrics = logging()

        with in_progress(RequestContext()) as request:
            metrics.track_recommendations(None, ["a"])
            finish_call(metrics.defaults, request, ERROR, 0.125)

        assert events() == [
            (
                "failed",
                {"model_version": "v1", "status": "error", "outcome": "error", "good": False}
                | {"item_count": 1, "items": ["a"], "latency_seconds": 0.125},
            )
        ]

    @pytest.mark.parametrize(
        ("status", "outcome", "expected"),
        [
            (SUCCESS, "unrecognized", ("served", {"status": "success", "outcome": "unrecognized", "good": False})),
            (ERROR, FAILED, ("failed", {"status": "error", "outcome": "error", "good": False})),
            (REJECTED, SERVED, ("failed", {"status": "rejected"})),
        ],
    )
    def test_a_request_without_a_slate_is_logged(
        self, logging: Logging, status: str, outcome: str, expected: tuple[str, dict[str, Any]]
    ) -> None:
        metrics = logging()

        with in_progress(RequestContext()) as request:
            close_request(metrics.defaults, request, status, 0.125, outcome)
            assert metrics.recorder.events
            metrics.recorder.events.emit_held(request)

        name, attributes = expected
        assert events() == [(name, {"model_version": "v1", "latency_seconds": 0.125, **attributes})]

    def test_the_latency_decorator_logs_the_request_that_it_times(self, logging: Logging) -> None:
        metrics = logging()

        @monitor_latency(metrics)
        def handler() -> None:
            metrics.track_recommendations("jane", ["a"])
            metrics.track_click(1)

        handler()

        assert [(name, "latency_seconds" in attributes) for name, attributes in events()] == [
            ("served", True),
            ("clicked", False),
        ]


class TestUsers:
    def test_the_hash_of_a_user_depends_on_the_id_and_the_key(self, logging: Logging) -> None:
        def hashes(key: str, *users: object) -> set[str | None]:
            log = logging(user_hash_key=key).recorder.events
            assert log
            return {log.hash_user(user) for user in users}

        one = hashes(KEY, 7, "7", 7.0, " 7 ") | hashes(KEY, 7)
        others = hashes("another key of the tests", 7) | hashes(KEY, 8)

        assert len(one) == 1
        assert len(one | others) == 3
        assert all(hashed and len(hashed) == 32 for hashed in one | others)

    def test_without_a_key_no_user_is_logged(self, logging: Logging) -> None:
        metrics = logging(user_hash_key=None)

        metrics.track_recommendations("jane", ["a"])
        metrics.track_click(1, user_id="jane")
        metrics.track_conversion(1, user_id="jane")
        metrics.track_impressions([1], user_id="jane")

        names = [(name, "user" in attributes) for name, attributes in events()]
        assert names == [("served", False), ("clicked", False), ("converted", False), ("seen", False)]

    @pytest.mark.parametrize("unusable", [None, "", "  ", True, float("nan"), {"id": 7}, [7]])
    def test_an_unusable_user_id_has_no_hash(self, logging: Logging, unusable: object) -> None:
        log = logging().recorder.events

        assert log
        assert log.hash_user(unusable) is None

    def test_no_event_contains_a_user_id(self, logging: Logging) -> None:
        canary = "jane.canary@example.org"
        metrics = logging()

        metrics.track_recommendations(canary, ["a"])
        metrics.track_click(1, user_id=canary)
        metrics.track_conversion(5, user_id=canary)
        metrics.track_impressions([1], user_id=canary)

        text = line()
        assert text.count('"recommendation.user"') == 4
        assert "canary" not in text

    def test_an_event_whose_user_cannot_be_hashed_is_logged_without_the_user(self, logging: Logging) -> None:
        metrics = logging()

        metrics.track_click(1, user_id=Broken())

        assert (metrics.faults.errors, events()) == (
            {"EventLog.hash_user": 1},
            [("clicked", {"model_version": "v1", "position": 1})],
        )


class TestBounds:
    def test_ids_are_logged_as_short_valid_texts(self, logging: Logging) -> None:
        logging().track_recommendations(None, ["x" * 500, "\ud800", 10**30])

        assert events()[0][1]["items"] == ["x" * 100, "?", str(10**30)]

    def test_a_huge_position_is_logged_as_the_largest_one(self, logging: Logging) -> None:
        logging().track_click(1e300)

        assert events() == [("clicked", {"model_version": "v1", "position": 10**9})]

    def test_scores_are_logged_only_with_one_for_each_item(self, logging: Logging) -> None:
        logging().track_recommendations(None, ["a", "b"], scores=[0.5])

        assert "scores" not in events()[0][1]

    def test_a_request_with_many_events_holds_few_and_loses_none(self, logging: Logging) -> None:
        metrics = logging()

        with in_progress(RequestContext()) as request:
            for _ in range(3 * MOST_HELD):
                metrics.track_click(1)
            assert request.log
            assert len(request.log.entries) == MOST_HELD
            finish_call(metrics.defaults, request, SUCCESS, 0.1)

        assert Counter(name for name, _ in events()) == {"clicked": 3 * MOST_HELD, "served": 1}

    def test_stages_beyond_the_bound_are_dropped_and_counted(self, logging: Logging) -> None:
        metrics = logging()

        with in_progress(RequestContext()) as request:
            for _ in range(MOST_HELD + 5):
                with metrics.stage("retrieval"):
                    pass
            finish_call(metrics.defaults, request, SUCCESS, 0.1)

        assert len(events()[0][1]["stages"]) == MOST_HELD
        assert metrics.faults.dropped == {"event_too_long": 5}

    def test_categories_and_positions_beyond_the_bound_are_cut_and_counted(self, logging: Logging) -> None:
        metrics = logging(max_categories=MOST_ITEMS * 2)

        metrics.track_recommendations(None, ["a"], [[str(n) for n in range(MOST_ITEMS - 1)], ["x", "y"]])
        metrics.track_impressions(range(1, MOST_ITEMS + 2))

        slate, seen = events()
        assert ([len(entry) for entry in slate[1]["categories"]], len(seen[1]["positions"])) == ([9_999], 10_000)
        assert metrics.faults.dropped == {"event_too_long": 2}

    def test_a_failure_of_the_log_is_counted_and_so_is_the_slate(self, logging: Logging, series: Read) -> None:
        metrics = logging()

        metrics.track_recommendations("jane", [Broken()])

        assert (metrics.faults.errors, events()) == ({"EventLog.slate": 1}, [])
        assert series()["recommendation_requests_total", labelled(model_version="v1", status="success")] == 1
