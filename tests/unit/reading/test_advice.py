"""What a service is told once: why nothing is read or counted, and what to set."""

import gzip
from typing import Any

import pytest

from otel_recmon.config import Settings
from otel_recmon.reading.advice import (
    ONE_SIDED,
    UNWATCHED,
    Adviser,
    likeliest,
    unrecognized,
    unwatched,
    without_clicks,
    without_slates,
)
from otel_recmon.reading.bodies import Body
from otel_recmon.reading.http_exchange import HttpExchange
from otel_recmon.reading.routes import Routes
from otel_recmon.recording.defaults import Defaults
from otel_recmon.recording.observation import Observation, ReportedEvent
from otel_recmon.recording.recorder import Recorder
from otel_recmon.recording.slate import Slate
from otel_recmon.safety import Faults
from tests.unit.reading.exchanges import exchange

HOME, PAGE, HEALTH = ("GET", "/home/{user_id}"), ("GET", "/page"), ("GET", "/health")
TRACK, CLICK = ("POST", "/v1/track/user"), ("POST", "/click")


def _unread(content: bytes, kind: str = "application/json", encoding: str = "", limit: int = 1_000) -> str | None:
    headers = [(b"content-type", kind.encode()), (b"content-encoding", encoding.encode())]
    return HttpExchange({}, 200, headers, Faults(), response_body=Body(limit, content)).unread


class TestUnread:
    @pytest.mark.parametrize(
        ("response", "said"),
        [
            (
                (b"<html>", "text/html; charset=utf-8"),
                "they are text/html and not JSON; call track_recommendations in the handler",
            ),
            (
                (b"x" * 9, "application/json", "", 8),
                "one of them has 9 bytes; set OTEL_RECMON_MAX_BODY_BYTES to more than that",
            ),
            (
                (b"x", "application/json", "lzma"),
                "they are compressed with lzma; call track_recommendations in the handler",
            ),
            (
                (b"x", "application/json", "gzip"),
                "one of them is not compressed as its header says; correct the header",
            ),
            (
                (b'{"a": NaN, }',),
                "one of them contains NaN or Infinity, which are not JSON; replace such numbers by null",
            ),
            (
                (b"{",),
                "one of them is not valid JSON; correct the response, or call track_recommendations in the handler",
            ),
            (
                (b"data: hello\n\n", "text/event-stream"),
                "no event of the stream has JSON in its data; call track_recommendations in the handler",
            ),
        ],
    )
    def test_each_reason_has_a_sentence_of_its_own(self, response: tuple[Any, ...], said: str) -> None:
        assert _unread(*response) == said

    def test_a_missing_decoder_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("otel_recmon.reading.bodies._decoders", {})

        assert _unread(b"x", "application/json", "br") == "they are compressed with br; install the package brotli"

    @pytest.mark.parametrize("response", [(b"{}",), (gzip.compress(b"{}"), "application/json", "gzip")])
    def test_what_can_be_parsed_has_no_reason(self, response: tuple[Any, ...]) -> None:
        assert _unread(*response) is None

    def test_no_response_has_no_reason(self) -> None:
        assert HttpExchange({}, 204, [], Faults()).unread is None


class TestUnrecognized:
    @pytest.mark.parametrize(
        ("response", "said"),
        [
            ({"detail": "x"}, ": set OTEL_RECMON_ITEMS to their place in the response"),
            ({"codes": ["a"]}, ": if the list codes has the items, set OTEL_RECMON_ITEMS=codes"),
            (
                {"out": {"my-codes": ["a"]}},
                ': if the list out."my-codes" has the items, set OTEL_RECMON_ITEMS=out."my-codes"',
            ),
            ({"history": ["a"]}, ": set OTEL_RECMON_ITEMS to their place in the response"),
            (["a b", None, 2.5], ": set OTEL_RECMON_ITEMS to their place in the response"),
        ],
    )
    def test_a_list_that_may_be_the_items_is_proposed(self, response: Any, said: str) -> None:
        assert unrecognized("/r", exchange({}, response)) == f"otel-recmon finds no items in the responses of /r{said}"

    def test_a_response_that_cannot_be_parsed_needs_something_else(self) -> None:
        headers = [(b"content-type", b"text/html")]
        page = HttpExchange({}, 200, headers, Faults(), response_body=Body(100, b"<html>"))

        assert unrecognized("/r", page) == (
            "otel-recmon finds no items in the responses of /r: they are text/html and not JSON; "
            "call track_recommendations in the handler"
        )


def test_the_likeliest_routes_come_first() -> None:
    routes = [
        PAGE,
        HEALTH,
        ("POST", "/predict"),
        ("GET", "/similar/{item_id}"),
        HOME,
        ("GET", "/users/me"),
        ("DELETE", "/home/{user_id}"),
    ]

    assert likeliest(routes) == [("GET", "/similar/{item_id}"), HOME, ("POST", "/predict"), PAGE]


class TestAdviser:
    @pytest.fixture
    def adviser(self) -> Adviser:
        """An adviser of an application with routes of each kind."""
        settings = Settings(model_version="v1")
        adviser = Adviser(Routes.of(settings), Defaults(Recorder(settings)))
        adviser.listed = lambda: [HOME, PAGE, HEALTH]
        return adviser

    def test_a_service_that_counts_nothing_is_told_so_once(
        self, adviser: Adviser, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(UNWATCHED):
            adviser.pass_by("/health")
            adviser.pass_by(None)
        before = (caplog.messages, adviser.is_waiting)
        for _ in range(UNWATCHED):
            adviser.pass_by("/page")

        assert before == ([], True)
        assert (caplog.messages, adviser.is_waiting) == ([unwatched([HOME, PAGE])], False)
        assert "the likeliest are: OTEL_RECMON_ROUTES='GET /home/{user_id}, GET /page'." in unwatched([PAGE, HOME])

    def test_a_service_whose_recommendation_route_waits_for_requests_is_not_told(
        self, adviser: Adviser, caplog: pytest.LogCaptureFixture
    ) -> None:
        adviser.listed = lambda: [("GET", "/feed/{user_id}"), PAGE]

        for _ in range(UNWATCHED):
            adviser.pass_by("/login")

        assert (caplog.messages, adviser.is_waiting) == ([], False)

    def test_a_service_whose_code_counts_is_not_told(self, adviser: Adviser, caplog: pytest.LogCaptureFixture) -> None:
        store = adviser._defaults.store
        store.cells(store.default)

        for _ in range(UNWATCHED):
            adviser.pass_by("/page")

        assert (caplog.messages, adviser.is_waiting) == ([], False)

    @pytest.mark.parametrize(
        ("routes", "clicks", "said"),
        [
            ([HOME, TRACK], 0, []),
            ([HOME, ("POST", "/clicks/of/user")], 0, [without_clicks([("POST", "/clicks/of/user")])]),
            ([HOME], 0, [without_clicks([])]),
            ([HOME], 1, []),
            ([HOME, CLICK], 0, []),
        ],
    )
    def test_slates_without_clicks(
        self, adviser: Adviser, caplog: pytest.LogCaptureFixture, routes: Any, clicks: int, said: list[str]
    ) -> None:
        adviser.listed = lambda: routes
        store = adviser._defaults.store
        store.cells(store.default).clicks[0] += clicks

        for _ in range(ONE_SIDED + 1):
            adviser.note(_slate())

        assert caplog.messages == said

    @pytest.mark.parametrize(("requests", "said"), [(0, [without_slates([HOME, PAGE])]), (1, [])])
    def test_clicks_without_slates(
        self, adviser: Adviser, caplog: pytest.LogCaptureFixture, requests: int, said: list[str]
    ) -> None:
        store = adviser._defaults.store
        store.cells(store.default).clicks[0] += ONE_SIDED
        store.cells(store.default).requests[0] += requests

        for _ in range(ONE_SIDED + 1):
            adviser.note(_click())

        assert caplog.messages == said

    def test_requests_without_content_say_nothing(self, adviser: Adviser, caplog: pytest.LogCaptureFixture) -> None:
        for _ in range(ONE_SIDED + 1):
            adviser.note(Observation())

        assert caplog.messages == []


def _slate() -> Observation:
    seen = Observation()
    seen.slate = Slate(["a"])
    return seen


def _click() -> Observation:
    seen = Observation()
    seen.events = (ReportedEvent("click", (1, None)),)
    return seen
