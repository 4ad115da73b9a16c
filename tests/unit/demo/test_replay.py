import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from aiohttp import ClientResponseError, web
from aiohttp.test_utils import TestServer

from otel_recmon.demo.audience import AS_LOGGED, Audience
from otel_recmon.demo.replay import Pace, Progress, WrongAnswerError, replay, run_until_failure
from otel_recmon.demo.traffic import Impression, Slate

AT = datetime(2019, 11, 24)  # noqa: DTZ001 - the data name no time zone
SHOWN = Impression(12, AT, "men", "bts", "men-01", "shoes", 1, clicked=False, propensity=0.5)
CLICKED = replace(SHOWN, row=13, item_id="men-02", position=2, clicked=True)
BUYER = next(
    replace(CLICKED, row=row, policy="random")
    for row in range(100)
    if replace(CLICKED, row=row).earned_cents is not None
)
ITEMS = {"12-13": ["men-01", "men-02"], "12": ["men-01"], str(BUYER.row): ["men-02"]}


class Recorder:
    """A service that answers the slates above and records its requests."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], object]] = []
        self.app = web.Application()
        self.app.router.add_get("/recommendations", self.recommend)
        self.app.router.add_post("/track/{event}", self.track)

    async def recommend(self, request: web.Request) -> web.Response:
        self.seen.append((request.path, dict(request.query), None))
        if request.query["request_id"] not in ITEMS:
            raise web.HTTPInternalServerError
        items = [{"item_id": item} for item in ITEMS[request.query["request_id"]]]
        said = {"model_version": "m", "variant": "v", "surface": "s"}
        return web.json_response(said | {"recommendations": items})

    async def track(self, request: web.Request) -> web.Response:
        self.seen.append((request.path, dict(request.query), await request.json()))
        return web.Response(status=204)


def _replay(recorder: Recorder, *slates: Slate, audience: Audience | None = None) -> Progress:
    progress = Progress(len(slates))

    async def send() -> None:
        async with TestServer(recorder.app) as server:
            await replay(slates, str(server.make_url("/")), 0, progress, audience)

    asyncio.run(send())
    return progress


def test_slates_are_sent_in_order_and_clicks_have_the_labels_of_the_answer() -> None:
    recorder = Recorder()

    progress = _replay(recorder, Slate((SHOWN, CLICKED)), Slate((SHOWN,)))

    assert recorder.seen == [
        ("/recommendations", {"surface": "men", "request_id": "12-13", "limit": "3"}, None),
        (
            "/track/click",
            {"surface": "s"},
            {"model_version": "m", "variant": "v", "item_id": "men-02", "position": 2},
        ),
        ("/recommendations", {"surface": "men", "request_id": "12", "limit": "3"}, None),
    ]
    assert progress == Progress(total=2, slates=2, clicks=1, conversions=0)


def test_a_click_that_converts_sends_its_revenue_in_dollars() -> None:
    recorder = Recorder()

    progress = _replay(recorder, Slate((BUYER,)))

    assert BUYER.earned_cents is not None
    said = {"model_version": "m", "variant": "v", "item_id": "men-02", "revenue": BUYER.earned_cents / 100}
    assert recorder.seen[-1] == ("/track/conversion", {"surface": "s"}, said)
    assert progress == Progress(total=1, slates=1, clicks=1, conversions=1)


def test_items_other_than_logged_are_an_error() -> None:
    with pytest.raises(WrongAnswerError, match="12-13"):
        _replay(Recorder(), Slate((replace(SHOWN, item_id="men-99"), CLICKED)))


def test_an_unsuccessful_answer_is_an_error() -> None:
    with pytest.raises(ClientResponseError, match="Internal Server Error"):
        _replay(Recorder(), Slate((replace(SHOWN, row=99),)))


def test_an_empty_replay_succeeds() -> None:
    assert _replay(Recorder()) == Progress(total=0)


def test_an_exception_cancels_the_other_coroutines_and_is_raised() -> None:
    stopped = []

    async def fail() -> None:
        raise ZeroDivisionError

    async def go_on() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    async def both() -> None:
        await run_until_failure(go_on(), fail())

    with pytest.raises(ZeroDivisionError):
        asyncio.run(both())
    assert stopped == [True]


@pytest.mark.parametrize(
    ("speed", "now", "seconds"), [(0, 100, 0), (60, 100, 60), (60, 130, 30), (60, 300, 0), (120, 100, 30)]
)
def test_the_wait_for_a_moment_depends_on_the_speed(speed: float, now: float, seconds: float) -> None:
    pace = Pace(speed, AT, begun=100)

    assert pace.wait(AT + timedelta(hours=1), now) == seconds


class TestAudience:
    def test_failures_and_other_items_are_accepted(self) -> None:
        failing, other = Slate((replace(SHOWN, row=99),)), Slate((replace(CLICKED, row=12),))

        recorder = Recorder()
        progress = _replay(recorder, failing, other, audience=AS_LOGGED)

        clicks = [said for path, _, said in recorder.seen if path == "/track/click"]
        assert clicks == [{"model_version": "m", "variant": "v", "item_id": "men-01", "position": 2}]
        assert progress == Progress(total=2, slates=2, clicks=1, conversions=0)

    @pytest.mark.parametrize(
        ("audience", "clicks", "conversions"),
        [(AS_LOGGED, 1, 1), (Audience(buying=0.0), 1, 0), (Audience(clicking=0.0), 0, 0)],
    )
    def test_only_the_given_shares_click_and_buy(self, audience: Audience, clicks: int, conversions: int) -> None:
        progress = _replay(Recorder(), Slate((BUYER,)), audience=audience)

        assert progress == Progress(total=1, slates=1, clicks=clicks, conversions=conversions)
