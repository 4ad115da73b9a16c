"""Each thing that is counted is logged, as it was counted, and without the user's id."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from otel_recmon.recording.request_context import RequestContext, current
from otel_recmon.recording.request_counts import close_request, finish_call
from otel_recmon.recording.slate import MOST_ITEMS
from tests.unit.conftest import Read, labelled, once
from tests.unit.logged import exporter, line, logged

KEY = "a key of the tests alone"
Logging = Callable[..., MetricsCollector]


@pytest.fixture(autouse=True)
def _from_nothing() -> None:
    exporter().clear()


@pytest.fixture
def logging(provider: MeterProvider) -> Logging:
    """Make a collector that logs events, with some settings."""

    def make(**said: Any) -> MetricsCollector:
        settings: dict[str, Any] = {"model_version": "v1", "log_events": True, "user_hash_key": KEY}
        recorder(provider).configure(Settings(**settings | said))
        return MetricsCollector(meter_provider=provider)

    return make


@contextmanager
def within(scope: RequestContext) -> Iterator[RequestContext]:
    """Act within a request."""
    token = current.set(scope)
    try:
        yield scope
    finally:
        current.reset(token)


def said() -> list[tuple[str, dict[str, Any]]]:
    """Return the names and attributes of what was logged."""
    return [(event.name, dict(event.attributes)) for event in logged()]


def test_a_slate_is_logged_with_all_that_was_said_of_it(logging: Logging) -> None:
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

    assert said() == [
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


def test_a_click_a_conversion_and_what_was_seen_are_logged(logging: Logging) -> None:
    metrics = logging()

    metrics.track_click(3)
    metrics.track_click("nowhere")
    metrics.track_conversion(19.5)
    metrics.track_conversion(-1)
    metrics.track_impressions(iter([1, 2, None]))

    assert said() == [
        ("clicked", {"model_version": "v1", "position": 3}),
        ("clicked", {"model_version": "v1"}),
        ("converted", {"model_version": "v1", "revenue": 19.5}),
        ("converted", {"model_version": "v1"}),
        ("seen", {"model_version": "v1", "positions": [1, 2, None]}),
    ]


def test_what_belongs_to_a_request_stands_in_the_event_of_its_first_slate(logging: Logging) -> None:
    metrics = logging()

    with within(RequestContext()) as scope:
        metrics.track_cache_hit(hit=False)
        with metrics.stage("ranking", 7):
            pass
        metrics.track_recommendations("jane", ["a"])
        metrics.track_recommendations("jane", [])
        finish_call(metrics.defaults, scope, SUCCESS, 0.75)

    first, second = said()
    stage = first[1].pop("stages")[0]
    assert (stage.pop("seconds") >= 0, stage) == (True, {"model_version": "v1", "stage": "ranking", "candidates": 7})
    both = {"model_version": "v1", "user": second[1]["user"]}
    assert first == (
        "served",
        both
        | {"status": "success", "outcome": "served", "item_count": 1, "items": ["a"]}
        | {"cache.misses": 1, "latency_seconds": 0.75, "good": False},
    )
    assert second == ("served", both | {"outcome": "empty", "item_count": 0, "items": []})


def test_a_slate_that_never_got_out_is_logged_as_a_failure(logging: Logging) -> None:
    metrics = logging()

    with within(RequestContext()) as scope:
        metrics.track_recommendations(None, ["a"])
        finish_call(metrics.defaults, scope, ERROR, 0.125)

    assert said() == [
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
def test_a_request_without_a_slate_is_logged_too(
    logging: Logging, status: str, outcome: str, expected: tuple[str, dict[str, Any]]
) -> None:
    metrics = logging()

    with within(RequestContext()) as scope:
        close_request(metrics.defaults, scope, status, 0.125, outcome)
        assert metrics.recorder.events
        metrics.recorder.events.emit_held(scope)

    name, attributes = expected
    assert said() == [(name, {"model_version": "v1", "latency_seconds": 0.125, **attributes})]


def test_the_latency_decorator_logs_the_request_that_it_times(logging: Logging) -> None:
    metrics = logging()

    @monitor_latency(metrics)
    def handler() -> None:
        metrics.track_recommendations("jane", ["a"])
        metrics.track_click(1)

    handler()

    assert [(name, "latency_seconds" in attributes) for name, attributes in said()] == [
        ("served", True),
        ("clicked", False),
    ]


def test_an_event_has_the_trace_and_the_span_it_happened_in(logging: Logging) -> None:
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


def test_a_user_has_one_hash_under_one_key_and_another_under_another(logging: Logging) -> None:
    def hashes(key: str, *users: object) -> set[str | None]:
        events = logging(user_hash_key=key).recorder.events
        assert events
        return {events.hash_user(user) for user in users}

    one = hashes(KEY, 7, "7", 7.0, " 7 ") | hashes(KEY, 7)
    others = hashes("another key of the tests", 7) | hashes(KEY, 8)

    assert len(one) == 1
    assert len(one | others) == 3
    assert all(hashed and len(hashed) == 32 for hashed in one | others)


def test_without_a_key_no_user_is_logged(logging: Logging) -> None:
    metrics = logging(user_hash_key=None)

    metrics.track_recommendations("jane", ["a"])
    metrics.track_click(1, user_id="jane")
    metrics.track_conversion(1, user_id="jane")
    metrics.track_impressions([1], user_id="jane")

    names = [(name, "user" in attributes) for name, attributes in said()]
    assert names == [("served", False), ("clicked", False), ("converted", False), ("seen", False)]


@pytest.mark.parametrize("nobody", [None, "", "  ", True, float("nan"), {"id": 7}, [7]])
def test_what_is_no_id_has_no_hash(logging: Logging, nobody: object) -> None:
    events = logging().recorder.events

    assert events
    assert events.hash_user(nobody) is None


def test_no_event_holds_a_user_id(logging: Logging) -> None:
    canary = "jane.canary@example.org"
    metrics = logging()

    metrics.track_recommendations(canary, ["a"])
    metrics.track_click(1, user_id=canary)
    metrics.track_conversion(5, user_id=canary)
    metrics.track_impressions([1], user_id=canary)

    text = line()
    assert text.count('"recommendation.user"') == 4
    assert "canary" not in text


def test_ids_are_logged_as_short_texts_that_can_be_exported(logging: Logging) -> None:
    logging().track_recommendations(None, ["x" * 500, "\ud800", 10**30])

    assert said()[0][1]["items"] == ["x" * 100, "?", str(10**30)]


def test_a_position_beyond_any_page_can_be_exported(logging: Logging) -> None:
    logging().track_click(1e300)

    assert said() == [("clicked", {"model_version": "v1", "position": 10**9})]


def test_scores_that_are_not_one_an_item_are_not_logged(logging: Logging) -> None:
    logging().track_recommendations(None, ["a", "b"], scores=[0.5])

    assert "scores" not in said()[0][1]


def test_a_request_of_many_events_keeps_few_and_loses_none(logging: Logging) -> None:
    metrics = logging()

    with within(RequestContext()) as scope:
        for _ in range(3 * MOST_HELD):
            metrics.track_click(1)
        assert scope.log
        assert len(scope.log.entries) == MOST_HELD
        finish_call(metrics.defaults, scope, SUCCESS, 0.1)

    assert Counter(name for name, _ in said()) == {"clicked": 3 * MOST_HELD, "served": 1}


def test_stages_beyond_the_bound_are_set_aside_and_counted(logging: Logging) -> None:
    metrics = logging()

    with within(RequestContext()) as scope:
        for _ in range(MOST_HELD + 5):
            with metrics.stage("retrieval"):
                pass
        finish_call(metrics.defaults, scope, SUCCESS, 0.1)

    assert len(said()[0][1]["stages"]) == MOST_HELD
    assert metrics.faults.dropped == {"event_too_long": 5}


class Broken:
    """Something that fails when it is looked at."""

    def __str__(self) -> str:
        raise RuntimeError

    def __hash__(self) -> int:
        return 1


def test_a_failure_is_counted_by_its_site_and_the_slate_is_counted_all_the_same(logging: Logging, series: Read) -> None:
    metrics = logging()

    metrics.track_recommendations("jane", [Broken()])

    assert (metrics.faults.errors, said()) == ({"EventLog.slate": 1}, [])
    assert series()["recommendation_requests_total", labelled(model_version="v1", status="success")] == 1


def test_a_user_that_cannot_be_hashed_leaves_the_event_without(logging: Logging) -> None:
    metrics = logging()

    metrics.track_click(1, user_id=Broken())

    assert (metrics.faults.errors, said()) == (
        {"EventLog.hash_user": 1},
        [("clicked", {"model_version": "v1", "position": 1})],
    )


def test_categories_and_positions_beyond_the_bound_are_cut_and_counted(logging: Logging) -> None:
    metrics = logging(max_categories=MOST_ITEMS * 2)

    metrics.track_recommendations(None, ["a"], [[str(n) for n in range(MOST_ITEMS - 1)], ["x", "y"]])
    metrics.track_impressions(range(1, MOST_ITEMS + 2))

    slate, seen = said()
    assert ([len(entry) for entry in slate[1]["categories"]], len(seen[1]["positions"])) == ([9_999], 10_000)
    assert metrics.faults.dropped == {"event_too_long": 2}


def test_off_is_the_default_and_logs_nothing(logging: Logging) -> None:
    metrics = logging(log_events=False)

    metrics.track_recommendations("jane", ["a"])
    metrics.track_click(1)

    assert (Settings().log_events, metrics.recorder.events.enabled, said()) == (False, False, [])


def test_a_catalog_file_gives_the_logged_categories(logging: Logging, tmp_path: Any) -> None:
    (tmp_path / "catalog.json").write_text('{"a": "drama", "b": ["drama", "comedy"]}')

    logging(catalog_file=str(tmp_path / "catalog.json")).track_recommendations(None, ["a", "b", "c"])

    assert said()[0][1]["categories"] == ["drama", ["drama", "comedy"], "_none"]


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
ANYWHERE: Any = st.one_of(
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
WITHIN: Any = st.one_of(
    ANYWHERE,
    st.tuples(st.just("track_latency"), st.fixed_dictionaries({"seconds": MAYBE_SECONDS.filter(bool)})),
    st.tuples(st.just("track_cache_hit"), st.fixed_dictionaries({"hit": st.booleans()})),
    st.tuples(
        st.just("stage"), st.fixed_dictionaries({"name": TEXTS, "candidates": st.sampled_from([None, 0, 3, -1])})
    ),
)
REQUESTS = st.tuples(
    st.lists(WITHIN, max_size=6), st.sampled_from([SUCCESS, ERROR, REJECTED]), st.sampled_from([0.1, 0.9])
)


@given(
    outside=st.lists(ANYWHERE, max_size=6),
    requests=st.lists(REQUESTS, max_size=4),
    reported=st.booleans(),
    tested=st.booleans(),
)
def test_every_counter_can_be_counted_again_from_the_log(
    outside: list[Any], requests: list[Any], reported: bool, tested: bool
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
        _do(metrics, call)
    for calls, status, seconds in requests:
        with within(RequestContext()) as scope:
            for call in calls:
                _do(metrics, call)
            finish_call(metrics.defaults, scope, status, seconds)

    assert metrics.faults.errors == {}
    assert counted(logged()) == _counters(reader)
    provider.shutdown()


def _do(metrics: MetricsCollector, call: tuple[str, dict[str, Any]]) -> None:
    verb, arguments = call
    if verb == "stage":
        with metrics.stage(**arguments):
            return
    getattr(metrics, verb)(**arguments)


def _counters(reader: InMemoryMetricReader) -> dict[SeriesKey, float]:
    once(reader)
    names = {metric.prometheus for metric in RECOUNTED}
    return {key: value for key, value in once(reader).items() if key[0] in names and value}


def test_every_attribute_that_is_declared_is_logged_and_no_other(logging: Logging) -> None:
    metrics = logging(impression_routes="POST /seen", signing_key=(KEY,))
    everything: Any = {"variant": "b", "surface": "home"}
    tested: Any = everything | {"experiment": "ranker"}

    with within(RequestContext()) as scope:
        metrics.track_cache_hit(hit=True)
        metrics.track_cache_hit(hit=False)
        with metrics.stage("ranking", 3):
            pass
        metrics.track_recommendations("jane", ["a"], ["drama"], [0.5], positions=[2], **tested)
        finish_call(metrics.defaults, scope, SUCCESS, 0.1)
    metrics.track_recommendations(
        "jane", ["a"], ["drama"], [0.5], FAILED, positions=[2], seconds=0.1, cache_hit=True, **tested
    )
    slate: Any = {"user_id": "jane", "recommendation_id": recommendation_id()}
    metrics.track_recommendations("jane", ["a"], ["drama"], [0.5], FAILED, cache_hit=False)
    metrics.track_click(1, **slate)
    metrics.track_conversion(5, **slate)
    metrics.track_impressions([1], **slate)

    found = {(name, attribute) for name, attributes in said() for attribute in attributes}
    declared = {(event, attribute.name) for attribute in EVENT_ATTRIBUTES for event in attribute.events}
    assert found == declared - {("failed", "stages")}
