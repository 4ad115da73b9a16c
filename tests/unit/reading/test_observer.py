"""A finished request becomes metrics and span attributes, once."""

import gzip
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN, Span

from otel_recmon import MetricsCollector
from otel_recmon.config import Settings
from otel_recmon.reading.bodies import Body
from otel_recmon.reading.http_exchange import HttpExchange
from otel_recmon.reading.observer import Observer
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.request_context import RequestContext, RequestLog, current
from otel_recmon.stats.sketch import Sketch
from tests.unit.conftest import Labels, Read, Series, labelled, named
from tests.unit.logged import exporter, logged
from tests.unit.reading.test_item_keys import JSON

Watch = Callable[..., Observer]
KEY = "the key of these tests"


@pytest.fixture
def watch(provider: MeterProvider) -> Watch:
    """Make an observer for some settings, with the model version v1."""

    def make(**said: Any) -> Observer:
        settings = Settings(**({"model_version": "v1"} | said))
        shared = recorder(provider)
        shared.configure(settings)
        return Observer(settings, Defaults(shared))

    return make


def _collector(observer: Observer) -> MetricsCollector:
    """The collector of the code that an observer watches."""
    metrics = MetricsCollector(meter_provider=observer.recorder._provider)
    assert metrics.recorder is observer.recorder
    return metrics


def _finish(  # noqa: PLR0913 - all that can be seen of a request
    observer: Observer,
    route: str = "GET /recommendations",
    response: Any = None,
    *,
    raw: bytes | None = None,
    request: Any = None,
    query: str = "",
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),),
    status: int = 200,
    context: RequestContext | None = None,
    span: Span = INVALID_SPAN,
    seconds: float = 0.1,
    **how: Any,
) -> None:
    """Let an observer see a request that is over, within that request, as the plugin does."""
    method, _, template = route.partition(" ")
    body = Body(observer.settings.max_body_bytes)
    body.add(json.dumps(response).encode() if raw is None else raw)
    asgi = {"headers": [(b"x-arm", b"b")], "query_string": query.encode(), "path_params": {}}
    sent = None if request is None else Body(100, b"parsed")
    exchange = HttpExchange(
        asgi, status, headers, observer.faults, request_body=sent, response_body=body, span=span, **how
    )
    exchange._body = request
    context = context or RequestContext(closed_by_plugin=True)
    token = current.set(context)
    observer.finish(context, observer.reader(method, template), exchange, seconds)
    current.reset(token)


def _v1(name: str, **labels: str) -> tuple[str, Labels]:
    return name, labelled(**({"model_version": "v1"} | labels))


def _raised(series: Series) -> Series:
    """Return what is above zero; gauges and the sum of the latencies left out."""
    gauges = {"recmon_build_info", "recommendation_diversity_score", "recommendation_latency_seconds_sum"}
    return {key: value for key, value in series.items() if value and key[0] not in gauges}


def _answer(status: str, outcome: str | None, *shown: str, good: str = "true", **labels: str) -> Series:
    """Return what one request to a recommendation route raises."""
    found: Series = {_v1("recommendation_requests_total", status=status, **labels): 1}
    if outcome is not None:
        found[_v1("recommendation_outcomes_total", outcome=outcome, **labels)] = 1
        found[_v1("recommendation_slo_responses_total", good=good, **labels)] = 1
        found[_v1("recommendation_latency_seconds_count", **labels)] = 1
    return found | {_v1("recommendation_impressions_total", position=place, **labels): 1 for place in shown}


ANSWERS: dict[str, tuple[dict[str, Any], Series]] = {
    "a slate": ({"response": ["a", "b"]}, _answer("success", "served", "1", "2")),
    "a slate created": ({"response": ["a"], "status": 201}, _answer("success", "served", "1")),
    "an empty slate": ({"response": []}, _answer("success", "empty", good="false")),
    "fewer items than asked for": (
        {"response": ["a"], "query": "limit=3"},
        _answer("success", "partial", "1"),
    ),
    "a slow slate": ({"response": ["a"], "seconds": 0.51}, _answer("success", "served", "1", good="false")),
    "nothing like items": ({"response": {"detail": "x"}}, _answer("success", "unrecognized", good="false")),
    "no body": ({"raw": b"", "status": 204}, _answer("success", "unrecognized", good="false")),
    "a page of HTML": (
        {"raw": b"<html>", "headers": ((b"content-type", b"text/html"),)},
        _answer("success", "unrecognized", good="false"),
    ),
    "JSON that is none": (
        {"raw": b"[1,"},
        _answer("success", "unrecognized", good="false")
        | {("recmon_events_dropped_total", labelled(reason="body_unreadable")): 1},
    ),
    "a body over the limit": (
        {"raw": b" " * 300_000 + b'["a"]'},
        _answer("success", "unrecognized", good="false")
        | {("recmon_events_dropped_total", labelled(reason="body_too_large")): 1},
    ),
    "a packed slate": (
        {"raw": gzip.compress(b'["a", "b"]'), "headers": ((b"Content-Encoding", b"gzip"),)},
        _answer("success", "served", "1", "2"),
    ),
    "a slate packed in a way nobody knows": (
        {"raw": b"??", "headers": ((b"content-encoding", b"br"),)},
        _answer("success", "unrecognized", good="false")
        | {("recmon_events_dropped_total", labelled(reason="body_encoding")): 1},
    ),
    "lines of JSON": (
        {"raw": b'"a"\n"b"\n', "headers": ((b"content-type", b"application/x-ndjson"),)},
        _answer("success", "served", "1", "2"),
    ),
    "a failure": ({"response": ["a"], "status": 500}, _answer("error", "error", good="false")),
    "an exception": ({"status": 0, "failed": True}, _answer("error", "error", good="false")),
    "a stream that died half-way": (
        {"response": ["a"], "failed": True},
        _answer("error", "error", good="false"),
    ),
    "a mistake of the caller": ({"response": ["a"], "status": 422}, _answer("rejected", None)),
    "a client that went away": ({"response": ["a"], "abandoned": True}, _answer("rejected", None)),
    "a redirect": ({"response": ["a"], "status": 307}, {}),
    "something not modified": ({"raw": b"", "status": 304}, {}),
    "another route": ({"route": "GET /movies", "response": ["a"]}, {}),
    "a question of a browser": ({"route": "OPTIONS /recommendations", "response": ["a"]}, {}),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_that_is(watch: Watch, series: Read, case: str) -> None:
    request, wanted = ANSWERS[case]
    observer = watch()
    observer.recorder.start()

    _finish(observer, **request)

    assert _raised(series()) == wanted


EVENTS: dict[str, tuple[dict[str, Any], Series]] = {
    "a click": (
        {"route": "POST /click", "request": {"position": 2}},
        {_v1("recommendations_clicked_total", position="2"): 1},
    ),
    "a click without a position": (
        {"route": "POST /click"},
        {_v1("recommendations_clicked_total", position="unknown"): 1},
    ),
    "a click at a position that is none": (
        {"route": "POST /click", "query": "position=top"},
        {
            _v1("recommendations_clicked_total", position="unknown"): 1,
            ("recmon_events_dropped_total", labelled(reason="position_invalid")): 1,
        },
    ),
    "a click that redirects": (
        {"route": "POST /click", "status": 302, "query": "rank=12"},
        {_v1("recommendations_clicked_total", position="11+"): 1},
    ),
    "a click that was refused": ({"route": "POST /click", "status": 404}, {}),
    "a click that failed": ({"route": "POST /click", "status": 500}, {}),
    "a click that broke": ({"route": "POST /click", "failed": True}, {}),
    "a conversion with its revenue": (
        {"route": "POST /purchase", "request": {"amount": "9.5"}},
        {
            _v1("recommendations_converted_total"): 1,
            _v1("recommendation_revenue_dollars_count"): 1,
            _v1("recommendation_revenue_dollars_sum"): 9.5,
        },
    ),
    "a conversion without": ({"route": "POST /purchase"}, {_v1("recommendations_converted_total"): 1}),
    "a conversion of nothing": (
        {"route": "POST /purchase", "request": {"amount": 0}},
        {_v1("recommendations_converted_total"): 1},
    ),
    "a conversion of less than nothing": (
        {"route": "POST /purchase", "request": {"amount": -1}},
        {
            _v1("recommendations_converted_total"): 1,
            ("recmon_events_dropped_total", labelled(reason="revenue_invalid")): 1,
        },
    ),
    "a conversion of something": (
        {"route": "POST /purchase", "request": {"amount": "much"}},
        {
            _v1("recommendations_converted_total"): 1,
            ("recmon_events_dropped_total", labelled(reason="revenue_invalid")): 1,
        },
    ),
    "a conversion that redirects": ({"route": "POST /purchase", "status": 303}, {}),
    "impressions that were seen": (
        {"route": "POST /seen", "request": {"positions": [1, 3]}},
        {
            _v1("recommendation_impressions_total", position="1"): 1,
            _v1("recommendation_impressions_total", position="3"): 1,
        },
    ),
}


@pytest.mark.parametrize("case", EVENTS)
def test_an_event_that_is(watch: Watch, series: Read, case: str) -> None:
    request, wanted = EVENTS[case]
    observer = watch(impression_routes="POST /seen")
    observer.recorder.start()

    _finish(observer, **request)

    assert _raised(series()) == wanted


def test_labels_are_read_where_configuration_says(watch: Watch, series: Read) -> None:
    observer = watch(variant="header:x-arm", surface="query:place", model_version_from="meta.version")

    _finish(observer, response={"meta": {"version": "v9"}, "items": ["a"]}, query="place=home")

    assert _raised(series()) == _answer("success", "served", "1", model_version="v9", variant="b", surface="home")


def test_a_label_that_is_none_is_set_aside_and_the_request_counts(watch: Watch, series: Read) -> None:
    observer = watch(variant="how", surface="where")

    _finish(observer, response={"how": {"arm": "a"}, "where": "x" * 10_000, "items": ["a"]})

    assert _raised(series()) == _answer("success", "served", "1") | {
        ("recmon_events_dropped_total", labelled(reason="label_invalid")): 2
    }


def _within(observer: Observer, tell: Callable[[MetricsCollector], object]) -> RequestContext:
    """Return the context of a request whose handler recorded something."""
    context = RequestContext(closed_by_plugin=True)
    token = current.set(context)
    tell(_collector(observer))
    current.reset(token)
    return context


def test_what_the_handler_recorded_wins(watch: Watch, series: Read) -> None:
    observer = watch()
    context = _within(observer, lambda metrics: metrics.track_recommendations("u", ["a"], outcome="fallback"))

    _finish(observer, response=["a", "b", "c"], context=context)

    assert _raised(series()) == _answer("success", "fallback", "1", good="false")


def test_a_slate_whose_response_failed_afterwards_is_a_failed_request(watch: Watch, series: Read) -> None:
    observer = watch()
    context = _within(observer, lambda metrics: metrics.track_recommendations("u", ["a"]))

    _finish(observer, response={"detail": "x"}, status=500, context=context)

    shown = {_v1("recommendation_impressions_total", position="1"): 1}
    assert _raised(series()) == _answer("error", "error", good="false") | shown


def test_a_failure_that_the_handler_tells_is_one_though_the_response_is_a_slate(watch: Watch, series: Read) -> None:
    observer = watch()
    context = _within(observer, lambda metrics: metrics.track_request(success=False))

    _finish(observer, response=["a"], context=context)

    shown = {_v1("recommendation_impressions_total", position="1"): 1}
    assert _raised(series()) == _answer("error", "error", good="false") | shown


def _twice(metrics: MetricsCollector) -> None:
    metrics.track_request()
    metrics.track_request()


def test_a_request_that_the_handler_tells_twice_is_one(watch: Watch, series: Read) -> None:
    observer = watch()
    context = _within(observer, _twice)

    _finish(observer, response=["a"], context=context)

    assert _raised(series()) == _answer("success", "served", "1")


def test_a_request_that_the_handler_tells_has_the_labels_that_the_traffic_names(watch: Watch, series: Read) -> None:
    observer = watch(variant="header:x-arm")
    context = _within(observer, lambda metrics: metrics.track_request())

    _finish(observer, response=["a"], context=context)

    assert _raised(series()) == _answer("success", "served", "1", variant="b")


@pytest.mark.parametrize(("route", "status"), [("GET /recommendations", 302), ("GET /movies", 200)])
def test_a_slate_that_the_handler_tells_is_a_request_though_its_response_shows_none(
    watch: Watch, series: Read, route: str, status: int
) -> None:
    observer = watch()
    context = _within(observer, lambda metrics: metrics.track_recommendations("u", ["a"]))

    _finish(observer, route, response=["b"], status=status, context=context)

    assert _raised(series()) == _answer("success", "served", "1")


def test_a_latency_that_the_handler_tells_is_the_one_of_the_request(watch: Watch, series: Read) -> None:
    observer = watch(slo_latency=0.5)
    context = _within(observer, lambda metrics: metrics.track_latency(0.7))

    _finish(observer, response=["a"], context=context, seconds=0.1)

    assert _raised(series()) == _answer("success", "served", "1", good="false")
    assert series()[_v1("recommendation_latency_seconds_sum")] == 0.7


def test_a_click_that_the_handler_recorded_is_not_counted_again(watch: Watch, series: Read) -> None:
    observer = watch()
    context = RequestContext(closed_by_plugin=True)
    token = current.set(context)
    _collector(observer).track_click(4)
    current.reset(token)

    _finish(observer, "POST /click", request={"position": 2}, context=context)

    assert _raised(series()) == {_v1("recommendations_clicked_total", position="4"): 1}


def test_a_monitored_handler_of_any_route_is_a_request(watch: Watch, series: Read) -> None:
    observer = watch()

    _finish(
        observer,
        "GET /movies",
        response=["a"],
        context=RequestContext(closed_by_plugin=True, recorded_by=observer.defaults),
    )

    assert _raised(series()) == _answer("success", "served")


def test_a_route_without_items_is_named_in_the_log_once(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    observer = watch()

    for route in ("GET /recommendations", "GET /recommend/{user_id}"):
        for _ in range(5):
            _finish(observer, route, response={"detail": "x"})

    assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            "otel_recmon",
            logging.WARNING,
            (
                f"otel-recmon finds no items in the responses of {template}; "
                "set OTEL_RECMON_ITEMS to their place in the response"
            ),
        )
        for template in ("/recommendations", "/recommend/{user_id}")
    ]


def test_the_span_says_what_the_user_got(watch: Watch) -> None:
    observer = watch(variant="header:x-arm")
    span: Any = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("GET")

    _finish(observer, response=["a", "b"], context=RequestContext(closed_by_plugin=True, cache_hit=True), span=span)

    assert dict(span.attributes) == {
        "recommendation.model_version": "v1",
        "recommendation.variant": "b",
        "recommendation.outcome": "served",
        "recommendation.item_count": 2,
        "recommendation.cache_hit": True,
    }


def test_a_service_without_configuration_says_its_version_itself(watch: Watch, series: Read) -> None:
    observer = watch(model_version=None)

    _finish(observer, response={"model_version": "v3", "items": ["a"]})

    assert _raised(series()) == _answer("success", "served", "1", model_version="v3")


@pytest.mark.parametrize(
    ("answered", "blamed"),
    [
        ([], "unknown"),
        ([None], "unknown"),
        (["v3", None], "v3"),
        (["v3", "v4"], "unknown"),
    ],
)
def test_a_failure_that_names_no_version_is_one_of_the_only_version_that_has_answered(
    watch: Watch, series: Read, answered: list[str | None], blamed: str
) -> None:
    observer = watch(model_version=None)

    for version in answered:
        _finish(observer, response={"model_version": version, "items": ["a"]})
    _finish(observer, status=500)
    _finish(observer, status=422)

    counted = named(series(), "recommendation_requests_total")
    failed = {labels: value for labels, value in counted.items() if value and ("status", "success") not in labels}
    assert failed == {labelled(model_version=blamed, status=status): 1 for status in ("error", "rejected")}


@pytest.mark.parametrize(
    ("said", "request_", "response"),
    [
        ({}, {"user_id": "jane"}, ["a"]),
        ({"user": "header:x-arm"}, None, ["a"]),
        ({"user": "for.id"}, None, {"for": {"id": "jane"}, "items": ["a"]}),
        ({"user": "body:who"}, {"who": "jane", "user_id": "somebody else"}, ["a"]),
    ],
)
def test_the_traffic_says_whom_an_event_is_about(
    watch: Watch, said: dict[str, Any], request_: Any, response: Any
) -> None:
    observer = watch(log_events=True, user_hash_key=KEY, **said)
    events = observer.recorder.events
    assert events.enabled
    exporter().clear()

    for route in ("GET /recommendations", "POST /click"):
        log = RequestLog(INVALID_SPAN)
        _finish(observer, route, response, request=request_, context=RequestContext(closed_by_plugin=True, log=log))

    user = events.hash_user("b" if said.get("user") == "header:x-arm" else "jane")
    assert [(event.name, event.attributes["user"]) for event in logged()] == [("served", user), ("clicked", user)]


def test_sketches_count_the_user_whom_the_traffic_names(watch: Watch, series: Read) -> None:
    observer = watch(sketch_registers=16, user="query:who")
    for who in ("jane", "jane", "john"):
        _finish(observer, response=["a"], query=f"who={who}")
    _finish(observer, response=["a"])

    users = Sketch(16)
    users.add(["jane", "john"], 0.0)
    found = named(series(), "recommendation_user_sketch")
    assert bytes(int(found[labelled(model_version="v1", register=str(n))]) for n in range(16)) == users.registers(0.0)


def test_a_slate_in_the_code_names_its_user_before_the_traffic_does(watch: Watch) -> None:
    observer = watch(log_events=True, user_hash_key=KEY)
    events = observer.recorder.events
    assert events.enabled
    exporter().clear()
    context = RequestContext(closed_by_plugin=True, log=RequestLog(INVALID_SPAN))
    token = current.set(context)
    _collector(observer).track_recommendations("jane", ["a"])
    current.reset(token)

    _finish(observer, request={"user_id": "a service account"}, context=context)

    assert [event.attributes["user"] for event in logged()] == [events.hash_user("jane")]


@pytest.mark.parametrize("said", [{"routes": "nowhere"}, {"items": "a..b"}])
def test_settings_that_cannot_be_read_are_refused(provider: MeterProvider, said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not"):
        Observer(Settings(**said), Defaults(recorder(provider)))


def test_a_response_that_an_expression_does_not_fit_is_a_request_all_the_same(watch: Watch, series: Read) -> None:
    observer = watch(items="sort_by(items, &score)")

    _finish(observer, response={"detail": "no user"})

    assert _raised(series()) == _answer("success", "unrecognized", good="false")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, JSON)
def test_any_response_to_any_request_counts_as_one(provider: MeterProvider, response: Any, request: Any) -> None:
    observer = Observer(Settings(), Defaults(recorder(provider)))
    before = dict(observer.faults.errors)

    _finish(observer, response=response, request=request)
    _finish(observer, "POST /click", request=request)
    _finish(observer, "POST /purchase", request=request)

    assert observer.faults.errors == before


def test_any_number_of_requests_are_each_counted(watch: Watch, series: Read) -> None:
    observer = watch()

    for n in range(50):
        _finish(observer, f"GET /recommendations/{{user{n}}}", response=["a"])

    assert sum(named(series(), "recommendation_requests_total").values()) == 50
