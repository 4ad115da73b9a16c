"""Finished requests as metrics, log events and span attributes, each recorded once."""

import gzip
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN, Span

from otel_recmon import MetricsCollector
from otel_recmon.catalog import ERROR, STATUSES
from otel_recmon.config import Settings
from otel_recmon.reading.advice import unknown_kinds
from otel_recmon.reading.bodies import Body
from otel_recmon.reading.event_words import MOST_EVENTS
from otel_recmon.reading.exchange import ABANDONED
from otel_recmon.reading.guess import MOST_MISSES
from otel_recmon.reading.http_exchange import HttpExchange
from otel_recmon.reading.observer import Observer
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.request_context import RequestContext, RequestLog
from otel_recmon.stats.sketch import Sketch
from tests.unit.conftest import Labels, Read, Series, labelled, named
from tests.unit.in_progress import in_progress
from tests.unit.logged import exporter, logged
from tests.unit.reading.test_item_keys import JSON

Watch = Callable[..., Observer]
KEY = "the key of these tests"


@pytest.fixture
def watch(provider: MeterProvider) -> Watch:
    """A function that makes an observer with some settings and the model version v1."""

    def make(**changes: Any) -> Observer:
        settings = Settings(**({"model_version": "v1"} | changes))
        shared = recorder(provider)
        shared.configure(settings)
        return Observer(settings, Defaults(shared))

    return make


def _collector(observer: Observer) -> MetricsCollector:
    """Return the collector of the service that an observer watches."""
    metrics = MetricsCollector(meter_provider=observer.recorder._provider)
    assert metrics.recorder is observer.recorder
    return metrics


def _finish(  # noqa: PLR0913 - everything that is visible of a request
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
    path: Mapping[str, str] | None = None,
    **flags: Any,
) -> None:
    """Let an observer record a finished request, within that request, as the plugin does."""
    method, _, template = route.partition(" ")
    body = Body(observer.settings.max_body_bytes)
    body.add(json.dumps(response).encode() if raw is None else raw)
    asgi = {"headers": [(b"x-arm", b"b")], "query_string": query.encode(), "path_params": path or {}}
    sent = None if request is None else Body(100, b"parsed")
    exchange = HttpExchange(
        asgi, status, headers, observer.faults, request_body=sent, response_body=body, span=span, **flags
    )
    exchange._body = request
    context = context or RequestContext(closed_by_plugin=True)
    with in_progress(context):
        observer.finish(context, observer.reader(method, template), exchange, seconds)


def _v1(name: str, **labels: str) -> tuple[str, Labels]:
    return name, labelled(**({"model_version": "v1"} | labels))


def _nonzero(series: Series) -> Series:
    """Return the series above 0, without gauges and the sum of the latencies."""
    gauges = {"recmon_build_info", "recommendation_diversity_score", "recommendation_latency_seconds_sum"}
    return {key: value for key, value in series.items() if value and key[0] not in gauges}


def _counts(status: str, outcome: str | None, *positions: str, good: str = "true", **labels: str) -> Series:
    """Return the series that one request to a recommendation route raises."""
    expected: Series = {_v1("recommendation_requests_total", status=status, **labels): 1}
    if outcome is not None:
        expected[_v1("recommendation_outcomes_total", outcome=outcome, **labels)] = 1
        expected[_v1("recommendation_slo_responses_total", good=good, **labels)] = 1
        expected[_v1("recommendation_latency_seconds_count", **labels)] = 1
    return expected | {
        _v1("recommendation_impressions_total", position=position, **labels): 1 for position in positions
    }


RESPONSES: dict[str, tuple[dict[str, Any], Series]] = {
    "a slate": ({"response": ["a", "b"]}, _counts("success", "served", "1", "2")),
    "a slate with status 201": ({"response": ["a"], "status": 201}, _counts("success", "served", "1")),
    "an empty slate": ({"response": []}, _counts("success", "empty", good="false")),
    "fewer items than requested": (
        {"response": ["a"], "query": "limit=3"},
        _counts("success", "partial", "1"),
    ),
    "a slow slate": ({"response": ["a"], "seconds": 0.51}, _counts("success", "served", "1", good="false")),
    "no items": ({"response": {"detail": "x"}}, _counts("success", "unrecognized", good="false")),
    "no body": ({"raw": b""}, _counts("success", "unrecognized", good="false")),
    "no content": ({"raw": b"", "status": 204}, _counts("success", "empty", good="false")),
    "null": ({"raw": b" null "}, _counts("success", "empty", good="false")),
    "null in place of the list": ({"response": {"recommendations": None}}, _counts("success", "empty", good="false")),
    "an event stream": (
        {
            "raw": b'event: items\ndata: {"items": ["a", "b"]}\n\ndata: [DONE]\n\n',
            "headers": ((b"content-type", b"text/event-stream; charset=utf-8"),),
        },
        _counts("success", "served", "1", "2"),
    ),
    "a refusal with the status code of success": (
        {"response": {"success": False, "message": "no model"}},
        _counts("error", "error", good="false"),
    ),
    "the last page of a longer list": (
        {"response": ["a"], "query": "limit=3&page=7"},
        _counts("success", "served", "1"),
    ),
    "a page of HTML": (
        {"raw": b"<html>", "headers": ((b"content-type", b"text/html"),)},
        _counts("success", "unrecognized", good="false"),
    ),
    "invalid JSON": (
        {"raw": b"[1,"},
        _counts("success", "unrecognized", good="false")
        | {("recmon_events_dropped_total", labelled(reason="body_unreadable")): 1},
    ),
    "a body over the limit": (
        {"raw": b" " * 300_000 + b'["a"]'},
        _counts("success", "unrecognized", good="false")
        | {("recmon_events_dropped_total", labelled(reason="body_too_large")): 1},
    ),
    "a compressed slate": (
        {"raw": gzip.compress(b'["a", "b"]'), "headers": ((b"Content-Encoding", b"gzip"),)},
        _counts("success", "served", "1", "2"),
    ),
    "a slate with an unknown content encoding": (
        {"raw": b"??", "headers": ((b"content-encoding", b"lzma"),)},
        _counts("success", "unrecognized", good="false")
        | {("recmon_events_dropped_total", labelled(reason="body_encoding")): 1},
    ),
    "JSON lines": (
        {"raw": b'"a"\n"b"\n', "headers": ((b"content-type", b"application/x-ndjson"),)},
        _counts("success", "served", "1", "2"),
    ),
    "a failure": ({"response": ["a"], "status": 500}, _counts("error", "error", good="false")),
    "an exception": ({"status": 0, "broken_off": ERROR}, _counts("error", "error", good="false")),
    "a stream that failed half way": (
        {"response": ["a"], "broken_off": ERROR},
        _counts("error", "error", good="false"),
    ),
    "a rejected request": ({"response": ["a"], "status": 422}, _counts("rejected", None)),
    "a client that disconnected": ({"response": ["a"], "broken_off": ABANDONED}, _counts("rejected", None)),
    "a redirect": ({"response": ["a"], "status": 307}, {}),
    "not modified": ({"raw": b"", "status": 304}, _counts("success", "not_modified")),
    "not modified, slowly": (
        {"raw": b"", "status": 304, "seconds": 0.51},
        _counts("success", "not_modified", good="false"),
    ),
    "another route": ({"route": "GET /movies", "response": ["a"]}, {}),
    "a preflight request of a browser": ({"route": "OPTIONS /recommendations", "response": ["a"]}, {}),
}


EVENTS: dict[str, tuple[dict[str, Any], Series]] = {
    "a click": (
        {"route": "POST /click", "request": {"position": 2}},
        {_v1("recommendations_clicked_total", position="2"): 1},
    ),
    "a click without a position": (
        {"route": "POST /click"},
        {_v1("recommendations_clicked_total", position="unknown"): 1},
    ),
    "a click at an unusable position": (
        {"route": "POST /click", "query": "position=top"},
        {
            _v1("recommendations_clicked_total", position="unknown"): 1,
            ("recmon_events_dropped_total", labelled(reason="position_invalid")): 1,
        },
    ),
    "a click with a redirect": (
        {"route": "POST /click", "status": 302, "query": "rank=12"},
        {_v1("recommendations_clicked_total", position="11+"): 1},
    ),
    "a rejected click": ({"route": "POST /click", "status": 404}, {}),
    "a failed click": ({"route": "POST /click", "status": 500}, {}),
    "a click whose handler raised": ({"route": "POST /click", "broken_off": ERROR}, {}),
    "a conversion with its revenue": (
        {"route": "POST /purchase", "request": {"amount": "9.5"}},
        {
            _v1("recommendations_converted_total"): 1,
            _v1("recommendation_revenue_dollars_count"): 1,
            _v1("recommendation_revenue_dollars_sum"): 9.5,
        },
    ),
    "a conversion without revenue": ({"route": "POST /purchase"}, {_v1("recommendations_converted_total"): 1}),
    "a conversion with a revenue of 0": (
        {"route": "POST /purchase", "request": {"amount": 0}},
        {_v1("recommendations_converted_total"): 1},
    ),
    "a conversion with a negative revenue": (
        {"route": "POST /purchase", "request": {"amount": -1}},
        {
            _v1("recommendations_converted_total"): 1,
            ("recmon_events_dropped_total", labelled(reason="revenue_invalid")): 1,
        },
    ),
    "a conversion with a word as revenue": (
        {"route": "POST /purchase", "request": {"amount": "much"}},
        {
            _v1("recommendations_converted_total"): 1,
            ("recmon_events_dropped_total", labelled(reason="revenue_invalid")): 1,
        },
    ),
    "a conversion with a redirect": ({"route": "POST /purchase", "status": 303}, {}),
    "reported impressions": (
        {"route": "POST /seen", "request": {"positions": [1, 3]}},
        {
            _v1("recommendation_impressions_total", position="1"): 1,
            _v1("recommendation_impressions_total", position="3"): 1,
        },
    ),
}


def _after(observer: Observer, record: Callable[[MetricsCollector], object]) -> RequestContext:
    """Return the context of a request after its handler has recorded something."""
    with in_progress(RequestContext(closed_by_plugin=True)) as context:
        record(_collector(observer))
    return context


def _twice(metrics: MetricsCollector) -> None:
    metrics.track_request()
    metrics.track_request()


class TestResponses:
    @pytest.mark.parametrize("case", RESPONSES)
    def test_a_response_is_counted(self, watch: Watch, series: Read, case: str) -> None:
        request, expected = RESPONSES[case]
        observer = watch()
        observer.recorder.start()

        _finish(observer, **request)

        assert _nonzero(series()) == expected

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(JSON, JSON)
    def test_no_response_and_no_request_causes_an_error(
        self, provider: MeterProvider, response: Any, request: Any
    ) -> None:
        observer = Observer(Settings(), Defaults(recorder(provider)))
        before = dict(observer.faults.errors)

        _finish(observer, response=response, request=request)
        _finish(observer, "POST /click", request=request)
        _finish(observer, "POST /purchase", request=request)

        assert observer.faults.errors == before

    def test_each_of_many_requests_is_counted(self, watch: Watch, series: Read) -> None:
        observer = watch()

        for n in range(50):
            _finish(observer, f"GET /recommendations/{{user{n}}}", response=["a"])

        assert sum(named(series(), "recommendation_requests_total").values()) == 50

    def test_a_response_that_an_expression_does_not_fit_is_counted(self, watch: Watch, series: Read) -> None:
        observer = watch(items="sort_by(items, &score)")

        _finish(observer, response={"detail": "no user"})

        assert _nonzero(series()) == _counts("success", "unrecognized", good="false")

    def test_a_route_without_items_is_logged_once(self, watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
        observer = watch()

        for route in ("GET /recommendations", "GET /recommend/{user_id}"):
            for _ in range(5):
                _finish(observer, route, response={"detail": "x"})

        place = "their place in the response"
        assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [
            (
                "otel_recmon",
                logging.WARNING,
                f"otel-recmon finds no items in the responses of {template}: set OTEL_RECMON_ITEMS to {place}",
            )
            for template in ("/recommendations", "/recommend/{user_id}")
        ]


class TestEvents:
    @pytest.mark.parametrize("case", EVENTS)
    def test_an_event_is_counted(self, watch: Watch, series: Read, case: str) -> None:
        request, expected = EVENTS[case]
        observer = watch(impression_routes="POST /seen")
        observer.recorder.start()

        _finish(observer, **request)

        assert _nonzero(series()) == expected


class TestLabels:
    def test_labels_are_read_from_the_configured_places(self, watch: Watch, series: Read) -> None:
        observer = watch(variant="header:x-arm", surface="query:place", model_version_from="meta.version")

        _finish(observer, response={"meta": {"version": "v9"}, "items": ["a"]}, query="place=home")

        assert _nonzero(series()) == _counts("success", "served", "1", model_version="v9", variant="b", surface="home")

    def test_an_unusable_label_is_dropped_and_the_request_counts(self, watch: Watch, series: Read) -> None:
        observer = watch(variant="how", surface="where")

        _finish(observer, response={"how": {"arm": "a"}, "where": "x" * 10_000, "items": ["a"]})

        assert _nonzero(series()) == _counts("success", "served", "1") | {
            ("recmon_events_dropped_total", labelled(reason="label_invalid")): 2
        }

    def test_without_a_configured_version_the_response_names_it(self, watch: Watch, series: Read) -> None:
        observer = watch(model_version=None)

        _finish(observer, response={"model_version": "v3", "items": ["a"]})

        assert _nonzero(series()) == _counts("success", "served", "1", model_version="v3")

    @pytest.mark.parametrize(
        ("versions", "expected"),
        [
            ([], "unknown"),
            ([None], "unknown"),
            (["v3", None], "v3"),
            (["v3", "v4"], "unknown"),
        ],
    )
    def test_a_failure_without_a_version_counts_under_the_only_serving_version(
        self, watch: Watch, series: Read, versions: list[str | None], expected: str
    ) -> None:
        observer = watch(model_version=None)

        for version in versions:
            _finish(observer, response={"model_version": version, "items": ["a"]})
        _finish(observer, status=500)
        _finish(observer, status=422)

        counted = named(series(), "recommendation_requests_total")
        failed = {labels: value for labels, value in counted.items() if value and ("status", "success") not in labels}
        assert failed == {labelled(model_version=expected, status=status): 1 for status in ("error", "rejected")}

    @pytest.mark.parametrize(
        ("versions", "expected"),
        [
            ([], "unknown"),
            (["v3", None], "v3"),
            (["v3", "v4"], "unknown"),
        ],
    )
    def test_an_event_without_a_version_counts_under_the_only_serving_version(
        self, watch: Watch, series: Read, versions: list[str | None], expected: str
    ) -> None:
        observer = watch(model_version=None)

        for version in versions:
            _finish(observer, response={"model_version": version, "items": ["a"]})
        _finish(observer, "POST /click", request={"position": 1})
        _finish(observer, "POST /purchase", request={"amount": 2})
        _collector(observer).track_click(1)

        counted = series()
        assert named(counted, "recommendations_clicked_total") == {labelled(model_version=expected, position="1"): 2}
        assert named(counted, "recommendations_converted_total") == {labelled(model_version=expected): 1}
        assert named(counted, "recommendation_revenue_dollars_sum") == {labelled(model_version=expected): 2}

    @pytest.mark.parametrize(
        "response",
        [
            {"recommendations": [{"id": "a"}], "errors": ["broken"]},
            {"recommendations": [], "errors": ["broken"]},
            {"recommendations": None, "errors": ["broken"]},
            {"data": None, "errors": ["broken"]},
        ],
    )
    def test_a_stated_error_is_an_error_with_or_without_items(self, watch: Watch, series: Read, response: Any) -> None:
        observer = watch(outcome="errors && 'error'")

        _finish(observer, response=response)

        positions = ["1"] if response.get("recommendations") else []
        assert _nonzero(series()) == _counts("error", "error", *positions, good="false")

    @pytest.mark.parametrize("items", [[], ["a"], None])
    def test_a_stated_error_counts_under_the_only_serving_version(
        self, watch: Watch, series: Read, items: list[str] | None
    ) -> None:
        observer = watch(model_version=None, outcome="errors && 'error'")

        _finish(observer, response={"model_version": "v3", "items": ["a"]})
        _finish(observer, response={"items": items, "errors": ["broken"]})
        _collector(observer).track_recommendations("ann", [], outcome="error")
        _collector(observer).track_request(success=False)

        requests = named(series(), "recommendation_requests_total")
        assert {labels: count for labels, count in requests.items() if count} == {
            labelled(model_version="v3", status="success"): 1,
            labelled(model_version="v3", status="error"): 3,
        }

    def test_events_and_errors_without_a_version_are_logged_with_the_only_serving_one(self, watch: Watch) -> None:
        changes = {"model_version": None, "outcome": "errors && 'error'", "impression_routes": "POST /seen"}
        observer = watch(log_events=True, **changes)
        assert observer.recorder.events.enabled
        exporter().clear()

        for route, request, response in (
            ("GET /recommendations", None, {"model_version": "v3", "items": ["a"]}),
            ("GET /recommendations", None, {"items": [], "errors": ["broken"]}),
            ("POST /click", {"position": 1}, None),
            ("POST /purchase", {"amount": 2}, None),
            ("POST /seen", {"positions": [1]}, None),
        ):
            context = RequestContext(closed_by_plugin=True, log=RequestLog(INVALID_SPAN))
            _finish(observer, route, response, request=request, context=context)

        found = [(event.name, event.attributes["model_version"]) for event in logged()]
        assert found == [(name, "v3") for name in ("served", "failed", "clicked", "converted", "seen")]


class TestHandlerRecordings:
    def test_a_slate_of_the_handler_wins_over_the_response(self, watch: Watch, series: Read) -> None:
        observer = watch()
        context = _after(observer, lambda metrics: metrics.track_recommendations("u", ["a"], outcome="fallback"))

        _finish(observer, response=["a", "b", "c"], context=context)

        assert _nonzero(series()) == _counts("success", "fallback", "1", good="false")

    def test_a_slate_of_the_handler_before_a_failure_is_a_failed_request(self, watch: Watch, series: Read) -> None:
        observer = watch()
        context = _after(observer, lambda metrics: metrics.track_recommendations("u", ["a"]))

        _finish(observer, response={"detail": "x"}, status=500, context=context)

        impression = {_v1("recommendation_impressions_total", position="1"): 1}
        assert _nonzero(series()) == _counts("error", "error", good="false") | impression

    def test_a_failure_of_the_handler_wins_over_a_slate_in_the_response(self, watch: Watch, series: Read) -> None:
        observer = watch()
        context = _after(observer, lambda metrics: metrics.track_request(success=False))

        _finish(observer, response=["a"], context=context)

        impression = {_v1("recommendation_impressions_total", position="1"): 1}
        assert _nonzero(series()) == _counts("error", "error", good="false") | impression

    def test_a_request_recorded_twice_by_the_handler_counts_once(self, watch: Watch, series: Read) -> None:
        observer = watch()
        context = _after(observer, _twice)

        _finish(observer, response=["a"], context=context)

        assert _nonzero(series()) == _counts("success", "served", "1")

    def test_a_request_of_the_handler_has_the_labels_of_the_traffic(self, watch: Watch, series: Read) -> None:
        observer = watch(variant="header:x-arm")
        context = _after(observer, lambda metrics: metrics.track_request())

        _finish(observer, response=["a"], context=context)

        assert _nonzero(series()) == _counts("success", "served", "1", variant="b")

    @pytest.mark.parametrize(("route", "status"), [("GET /recommendations", 302), ("GET /movies", 200)])
    def test_a_slate_of_the_handler_counts_without_a_slate_in_the_response(
        self, watch: Watch, series: Read, route: str, status: int
    ) -> None:
        observer = watch()
        context = _after(observer, lambda metrics: metrics.track_recommendations("u", ["a"]))

        _finish(observer, route, response=["b"], status=status, context=context)

        assert _nonzero(series()) == _counts("success", "served", "1")

    def test_a_latency_of_the_handler_is_the_latency_of_the_request(self, watch: Watch, series: Read) -> None:
        observer = watch(slo_latency=0.5)
        context = _after(observer, lambda metrics: metrics.track_latency(0.7))

        _finish(observer, response=["a"], context=context, seconds=0.1)

        assert _nonzero(series()) == _counts("success", "served", "1", good="false")
        assert series()[_v1("recommendation_latency_seconds_sum")] == 0.7

    def test_a_click_of_the_handler_is_not_counted_again(self, watch: Watch, series: Read) -> None:
        observer = watch()
        context = _after(observer, lambda metrics: metrics.track_click(4))

        _finish(observer, "POST /click", request={"position": 2}, context=context)

        assert _nonzero(series()) == {_v1("recommendations_clicked_total", position="4"): 1}

    def test_a_monitored_handler_of_any_route_counts_as_a_request(self, watch: Watch, series: Read) -> None:
        observer = watch()

        _finish(
            observer,
            "GET /movies",
            response=["a"],
            context=RequestContext(closed_by_plugin=True, recorded_by=observer.defaults),
        )

        assert _nonzero(series()) == _counts("success", "served")


class TestSpan:
    def test_the_span_has_the_result_of_the_request(self, watch: Watch) -> None:
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


class TestUsers:
    @pytest.mark.parametrize(
        ("changes", "body", "response"),
        [
            ({}, {"user_id": "jane"}, ["a"]),
            ({"user": "header:x-arm"}, None, ["a"]),
            ({"user": "for.id"}, None, {"for": {"id": "jane"}, "items": ["a"]}),
            ({"user": "body:who"}, {"who": "jane", "user_id": "somebody else"}, ["a"]),
        ],
    )
    def test_the_user_of_an_event_is_read_from_the_traffic(
        self, watch: Watch, changes: dict[str, Any], body: Any, response: Any
    ) -> None:
        observer = watch(log_events=True, user_hash_key=KEY, **changes)
        events = observer.recorder.events
        assert events.enabled
        exporter().clear()

        for route in ("GET /recommendations", "POST /click"):
            log = RequestLog(INVALID_SPAN)
            _finish(observer, route, response, request=body, context=RequestContext(closed_by_plugin=True, log=log))

        user = events.hash_user("b" if changes.get("user") == "header:x-arm" else "jane")
        assert [(event.name, event.attributes["user"]) for event in logged()] == [("served", user), ("clicked", user)]

    def test_sketches_count_the_user_of_the_traffic(self, watch: Watch, series: Read) -> None:
        observer = watch(sketch_registers=16, user="query:who")
        for who in ("jane", "jane", "john"):
            _finish(observer, response=["a"], query=f"who={who}")
        _finish(observer, response=["a"])

        users = Sketch(16)
        users.add(["jane", "john"], 0.0)
        found = named(series(), "recommendation_user_sketch")
        assert bytes(int(found[labelled(model_version="v1", register=str(n))]) for n in range(16)) == users.registers(
            0.0
        )

    def test_the_user_of_a_slate_of_the_handler_wins_over_the_traffic(self, watch: Watch) -> None:
        observer = watch(log_events=True, user_hash_key=KEY)
        events = observer.recorder.events
        assert events.enabled
        exporter().clear()
        with in_progress(RequestContext(closed_by_plugin=True, log=RequestLog(INVALID_SPAN))) as context:
            _collector(observer).track_recommendations("jane", ["a"])

        _finish(observer, request={"user_id": "a service account"}, context=context)

        assert [event.attributes["user"] for event in logged()] == [events.hash_user("jane")]


class TestSettings:
    @pytest.mark.parametrize("changes", [{"routes": "nowhere"}, {"items": "a..b"}])
    def test_unusable_settings_are_refused(self, provider: MeterProvider, changes: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="is not"):
            Observer(Settings(**changes), Defaults(recorder(provider)))


def test_a_list_that_the_client_has_already_is_of_the_only_version(watch: Watch, series: Read) -> None:
    observer = watch(model_version=None)

    _finish(observer, response={"model_version": "v1", "items": ["a"]})
    _finish(observer, raw=b"", status=304)

    assert named(series(), "recommendation_outcomes_total") == {
        labelled(model_version="v1", outcome="served"): 1,
        labelled(model_version="v1", outcome="not_modified"): 1,
    }


class TestGuessedRoutes:
    SIMILAR = "GET /similar/{item_id}"
    SLATE: ClassVar = [{"id": "a", "score": 0.5}, {"id": "b", "score": 0.25}]

    def test_a_guess_counts_from_the_first_slate_with_what_came_before(self, watch: Watch, series: Read) -> None:
        observer = watch()

        _finish(observer, self.SIMILAR, response=[])
        _finish(observer, self.SIMILAR, status=500)
        before = _nonzero(series())
        _finish(observer, self.SIMILAR, response=self.SLATE)
        _finish(observer, self.SIMILAR, response=[])

        requests = named(series(), "recommendation_requests_total")
        outcomes = named(series(), "recommendation_outcomes_total")
        assert before == {}
        assert requests == {labelled(model_version="v1", status=s): n for s, n in zip(STATUSES, (3, 1, 0), strict=True)}
        assert outcomes == {
            labelled(model_version="v1", outcome=outcome): n
            for outcome, n in (("served", 1), ("empty", 2), ("error", 1))
        }

    def test_held_failures_are_of_the_version_that_the_first_slate_names(self, watch: Watch, series: Read) -> None:
        observer = watch(model_version=None)

        _finish(observer, self.SIMILAR, status=500)
        _finish(observer, self.SIMILAR, raw=b"", status=304)
        _finish(observer, self.SIMILAR, response={"model_version": "v7", "items": self.SLATE})

        assert named(series(), "recommendation_requests_total") == {
            labelled(model_version="v7", status=status): n
            for status, n in (("success", 2), ("error", 1), ("rejected", 0))
        }

    @pytest.mark.parametrize(
        "response",
        [["boots", "boot laces"], [{"id": "f1", "name": "a", "enabled": True}], {"status": "operational"}],
    )
    def test_a_route_without_recommended_items_never_counts(self, watch: Watch, series: Read, response: Any) -> None:
        observer = watch()
        changed = []
        observer.routes_changed = lambda: changed.append(True)

        for _ in range(MOST_MISSES + 5):
            _finish(observer, self.SIMILAR, response=response)

        assert _nonzero(series()) == {}
        assert (observer.reader("GET", "/similar/{item_id}"), changed) == (None, [True])

    @pytest.mark.parametrize(
        ("route", "query", "response", "counts"),
        [
            ("GET /related", "", {"products": [{"id": "a", "name": "Boot"}]}, 0),
            ("GET /related", "product_id=b", {"products": [{"id": "a", "name": "Boot"}]}, 1),
            ("GET /related", "user_id=b", {"products": [{"id": "a", "name": "Boot"}]}, 1),
            ("GET /related", "session_id=b", {"products": [{"id": "a", "name": "Boot"}]}, 0),
            ("GET /related", "", {"recs": [{"id": "a", "name": "Boot"}]}, 1),
            ("GET /related", "", {"recs": ["Boot"]}, 1),
            ("GET /reco", "", [{"title": "Boot"}], 1),
            ("GET /suggest", "q=boo", [{"text": "boots", "score": 0.5, "id": "a"}], 0),
            ("GET /suggest", "user_id=b", [{"id": "a", "name": "Boot"}], 1),
            ("GET /similar/{title}", "", ["Boot"], 1),
            ("GET /similar/{title}", "", [{"name": "Boot"}], 1),
            ("GET /related/{name}", "", [{"id": "a", "enabled": True}], 0),
            ("GET /trending", "", {"trending_films": [{"title": "Boot"}]}, 1),
            ("POST /rank", "query=boots", {"records": [{"id": "a", "score": 0.5}]}, 0),
            ("POST /rank", "query=boots&user_id=b", {"records": [{"id": "a", "score": 0.5}]}, 1),
            ("GET /v1/models/{name}/rank", "user_id=b", {"ids": ["a"], "scores": [0.5]}, 1),
            ("GET /incidents/{id}/similar", "", [{"id": "a", "score": 0.5}], 0),
            ("GET /related", "", {"suggestions": ["Boot"]}, 0),
            ("POST /predict", "user_id=b", {"products": [{"id": "a", "score": 0.5}]}, 0),
            ("POST /predict", "", {"recommendations": [{"id": "a"}]}, 1),
            ("POST /predict", "", {"recommendations": ["Drink more water"]}, 0),
            ("POST /predict", "", {"data": {"recommendations": [{"id": "a"}]}}, 1),
        ],
    )
    def test_the_less_a_route_says_the_more_its_response_must(
        self, watch: Watch, series: Read, route: str, query: str, response: Any, counts: int
    ) -> None:
        path = dict.fromkeys(re.findall(r"{(title|name)}", route), "x")

        _finish(watch(), route, query=query, response=response, path=path)

        assert sum(named(series(), "recommendation_requests_total").values()) == counts

    def test_lists_that_clients_have_already_reject_no_guess(self, watch: Watch, series: Read) -> None:
        observer = watch()

        for _ in range(MOST_MISSES):
            _finish(observer, self.SIMILAR, raw=b"", status=304)
        _finish(observer, self.SIMILAR, response=self.SLATE)

        assert named(series(), "recommendation_outcomes_total") == {
            labelled(model_version="v1", outcome=outcome): n
            for outcome, n in (("served", 1), ("not_modified", MOST_MISSES))
        }

    def test_a_slate_of_the_code_confirms_a_guess(self, watch: Watch, series: Read) -> None:
        observer = watch()
        context = _after(observer, lambda metrics: metrics.track_recommendations("u", ["a"]))

        _finish(observer, self.SIMILAR, response={}, context=context)

        assert _nonzero(series()) == _counts("success", "served", "1")

    def test_recommend_in_another_segment_needs_any_items(self, watch: Watch, series: Read) -> None:
        _finish(watch(), "GET /recommendations/for/{user}", response=["a"])

        assert _nonzero(series()) == _counts("success", "served", "1")


class TestEventsOfAnyKind:
    CLICK, CONVERSION = "recommendations_clicked_total", "recommendations_converted_total"

    @pytest.mark.parametrize(
        ("body", "clicks", "conversions"),
        [
            ({"event_type": "click", "position": 3}, {"3": 1}, 0),
            ({"interaction_type": "Product Clicked", "properties": {"position": 2}}, {"2": 1}, 0),
            ({"action": "view", "type": "click"}, {}, 0),
            ({"eventName": "addToCart", "quantity": 1}, {}, 0),
            ({"event_type": "meeting", "title": "Call"}, {}, 0),
            ({"type": "track", "event": "Order Completed", "properties": {"total": 9, "revenue": 7}}, {}, 1),
            (
                [{"kind": "click", "position": 1}, {"kind": "click", "position": 4}, {"kind": "buy"}],
                {"1": 1, "4": 1},
                1,
            ),
            ({"events": [{"name": "select_item", "params": {"index": 0}}, {"name": "page_view"}]}, {"unknown": 1}, 0),
            ({"action_name": "click", "event_attributes": {"position": {"ordinal": 3}}}, {"3": 1}, 0),
        ],
    )
    def test_an_event_counts_by_its_kind(
        self, watch: Watch, series: Read, body: Any, clicks: dict[str, int], conversions: int
    ) -> None:
        observer = watch()
        observer.recorder.start()

        _finish(observer, "POST /events", request=body)

        found = series()
        assert named(found, self.CLICK) == {
            labelled(model_version="v1", position=position): count for position, count in clicks.items()
        }
        assert sum(named(found, self.CONVERSION).values()) == conversions
        assert named(found, "recmon_events_dropped_total") == {}

    @pytest.mark.parametrize(
        ("route", "body", "actions"),
        [
            ("POST /events", {"eventName": "addToCart", "quantity": 1}, {"add_to_cart": 1}),
            ("POST /events", {"action": "view", "type": "click"}, {"view": 1}),
            (
                "POST /interact",
                {"item_ids": ["a", "b", "c"], "actions": ["like", "skip", "like"]},
                {"like": 2, "skip": 1},
            ),
            ("POST /track-view", {"post_id": 7}, {"view": 1}),
            ("POST /track-view", {"user_id": 7}, {}),
            ("PUT /movies/{movie_id}/ratings", {"score": 8}, {"rating": 1}),
            ("POST /comments/{comment_id}/like", None, {}),
            ("POST /recommendations/{recommendation_id}/dismiss", None, {"dismiss": 1}),
            ("POST /impressions/batch", {"impressions": [{"itemId": "a"}, {"itemId": "b"}]}, {"impression": 2}),
            ("POST /events", {"event_type": "impression", "item_id": "a"}, {"impression": 1}),
            ("POST /events", {"event_type": "meeting", "item_id": "a"}, {}),
            ("POST /cart", {"item_id": "a"}, {"add_to_cart": 1}),
            ("POST /cart", {"coupon": "a"}, {}),
            ("POST /feedback", {"liked": True, "item_id": "a"}, {"like": 1}),
            ("POST /feedback", {"liked": False, "item_id": "a"}, {}),
            ("POST /recommendation_result_view", {"items": [{"item_id": "a"}]}, {"impression": 1}),
            ("GET /action/view.png", None, {}),
            ("GET /events", None, {}),
        ],
    )
    def test_an_event_without_a_metric_of_its_own_counts_by_its_action(
        self, watch: Watch, series: Read, route: str, body: Any, actions: dict[str, int]
    ) -> None:
        names = dict.fromkeys(re.findall(r"{(\w+)}", route), "x")

        _finish(watch(), route, request=body, path=names)

        assert _nonzero(series()) == {
            ("recommendation_events_total", labelled(model_version="v1", action=action)): count
            for action, count in actions.items()
        }

    def test_configured_kinds_win_over_usual_ones(self, watch: Watch, series: Read) -> None:
        observer = watch(
            event_kinds=(("Deal", "conversion"), ("view", "none"), ("hype!", "super_like"), ("in-view", "impression"))
        )

        for kind in ("deal", "view", "HYPE", "in view", "like", "impression"):
            _finish(observer, "POST /events", request={"kind": kind, "position": 1})
        _finish(observer, "GET /recommendations", response=["a"])

        found = series()
        assert named(found, self.CONVERSION) == {labelled(model_version="v1"): 1}
        assert named(found, "recommendation_events_total") == {
            labelled(model_version="v1", action=action): 1 for action in ("super_like", "like")
        }
        assert named(found, "recommendation_impressions_total") == {labelled(model_version="v1", position="1"): 2}

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ({"kind": "teleported", "item_id": "a"}, True),
            ({"item_id": "a"}, True),
            ({"kind": "meeting"}, False),
            ({"kind": "like", "item_id": "a"}, False),
        ],
    )
    def test_an_event_of_an_unknown_kind_is_logged_once(
        self, watch: Watch, caplog: pytest.LogCaptureFixture, body: Any, told: bool
    ) -> None:
        observer = watch()

        for _ in range(3):
            _finish(observer, "POST /events", request=body)

        assert caplog.messages == [unknown_kinds("/events")] * told
        assert "set OTEL_RECMON_EVENT_KINDS to what" in unknown_kinds("/events")

    def test_an_image_counts_the_event_in_its_name(self, watch: Watch, series: Read) -> None:
        for event in ("view", "buy", "click"):
            _finish(watch(), f"GET /action/{event}.png", query="id=pr-1&price=2.5", status=202)

        found = series()
        assert named(found, "recommendation_events_total") == {labelled(model_version="v1", action="view"): 1}
        assert named(found, "recommendation_revenue_dollars_sum") == {labelled(model_version="v1"): 2.5}
        assert named(found, self.CLICK) == {labelled(model_version="v1", position="unknown"): 1}

    @pytest.mark.parametrize(("status", "clicks"), [(302, 1), (200, 0), (204, 0)])
    def test_a_get_route_counts_a_click_only_when_it_redirects(
        self, watch: Watch, series: Read, status: int, clicks: int
    ) -> None:
        _finish(watch(), "GET /r/click", status=status)

        assert sum(named(series(), self.CLICK).values()) == clicks

    def test_a_configured_route_and_place_are_used(self, watch: Watch, series: Read) -> None:
        observer = watch(event_routes="POST /v1/signals", event="body:signal")

        _finish(observer, "POST /v1/signals", request={"signal": "purchase", "price": 2.5, "quantity": 2})
        _finish(observer, "POST /events", request={"event_type": "click"})

        found = series()
        assert named(found, "recommendation_revenue_dollars_sum") == {labelled(model_version="v1"): 5.0}
        assert named(found, self.CLICK) == {}

    def test_events_beyond_the_limit_are_counted_by_reason(self, watch: Watch, series: Read) -> None:
        _finish(watch(), "POST /clicks", request=[{"position": 1}] * (MOST_EVENTS + 3))

        found = series()
        assert named(found, self.CLICK) == {labelled(model_version="v1", position="1"): MOST_EVENTS}
        assert named(found, "recmon_events_dropped_total") == {labelled(reason="events_too_many"): 3}
