"""The latency decorator: any kind of function, its signature and exceptions kept, nothing counted twice."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse

from otel_recmon import MetricsCollector, monitor_latency
from otel_recmon.testing import Recorded
from tests.unit.conftest import Client, Read, Series, labelled, named

LATENCIES = "recommendation_latency_seconds_count"
Requests = tuple[dict[str, float], float]


def _requests(series: Series) -> Requests:
    """Return the requests by status, and how many latencies were recorded."""
    requests = named(series, "recommendation_requests_total")
    statuses = {dict(labels)["status"]: value for labels, value in requests.items() if value}
    return statuses, sum(named(series, LATENCIES).values())


async def _drained(stream: AsyncIterator[Any]) -> list[Any]:
    return [value async for value in stream]


def _raise(failure: BaseException) -> None:
    raise failure


class TestEachKindOfFunction:
    """What the decorator does to functions, coroutines, generators and asynchronous generators."""

    def test_a_function_is_timed_and_counted(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        def double(value: int, *, times: int = 2) -> int:
            return value * times

        assert (double(4), double(4, times=3)) == (8, 12)
        assert _requests(series()) == ({"success": 2}, 2)

    def test_a_coroutine_is_timed_and_counted(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        async def double(value: int) -> int:
            await asyncio.sleep(0)
            return value * 2

        assert asyncio.run(double(4)) == 8
        assert _requests(series()) == ({"success": 1}, 1)

    def test_a_generator_is_timed_until_it_is_exhausted(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        def numbers(count: int) -> Iterator[int]:
            yield from range(count)

        running = numbers(3)
        first = next(running)
        meanwhile = _requests(series())

        assert (first, meanwhile, list(running)) == (0, ({}, 0), [1, 2])
        assert _requests(series()) == ({"success": 1}, 1)

    def test_a_generator_keeps_what_is_sent_thrown_and_returned(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        def talk() -> Any:
            heard: list[object] = []
            while len(heard) < 2:
                try:
                    heard.append((yield len(heard)))
                except KeyError as error:
                    heard.append(error.args[0])
            return heard

        talking = talk()
        next(talking)
        talking.throw(KeyError("thrown"))
        with pytest.raises(StopIteration) as stop:
            talking.send("sent")

        assert stop.value.value == ["thrown", "sent"]
        assert _requests(series()) == ({"success": 1}, 1)

    def test_an_asynchronous_generator_is_timed_until_it_is_exhausted(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        @monitor_latency(metrics)
        async def numbers(count: int) -> AsyncIterator[int]:
            for number in range(count):
                yield number

        assert asyncio.run(_drained(numbers(3))) == [0, 1, 2]
        assert _requests(series()) == ({"success": 1}, 1)

    def test_an_asynchronous_generator_closed_early_is_closed_inside_and_counts_once(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        closed: list[str] = []

        @monitor_latency(metrics)
        async def numbers() -> AsyncIterator[int]:
            try:
                while True:
                    yield len(closed)
            finally:
                closed.append("inside")

        async def look() -> tuple[int, list[str]]:
            running: Any = numbers()
            first = await anext(running)
            await running.aclose()
            return first, list(closed)  # at once, not when the loop gets round to it

        assert asyncio.run(look()) == (0, ["inside"])
        assert _requests(series()) == ({"success": 1}, 1)

    def test_a_generator_closed_early_is_closed_inside_and_counts_once(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        closed: list[str] = []

        @monitor_latency(metrics)
        def numbers() -> Iterator[int]:
            try:
                yield 1
            finally:
                closed.append("inside")

        running: Any = numbers()
        next(running)
        running.close()

        assert closed == ["inside"]
        assert _requests(series()) == ({"success": 1}, 1)

    def test_a_generator_that_nobody_starts_counts_nothing(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        def numbers() -> Iterator[int]:
            yield 1

        numbers()

        assert _requests(series()) == ({}, 0)

    def test_an_asynchronous_generator_keeps_what_is_sent(self, metrics: MetricsCollector) -> None:
        @monitor_latency(metrics)
        async def echo() -> Any:
            heard = None
            while True:
                heard = yield heard

        async def talk() -> Any:
            running = echo()
            await anext(running)
            return await running.asend("hello")

        assert asyncio.run(talk()) == "hello"

    def test_an_asynchronous_generator_keeps_what_is_thrown(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        async def patient() -> AsyncIterator[str]:
            try:
                yield "before"
            except KeyError:
                yield "after"

        async def talk() -> list[str]:
            running: Any = patient()
            return [await anext(running), await running.athrow(KeyError("x")), *[value async for value in running]]

        assert asyncio.run(talk()) == ["before", "after"]
        assert _requests(series()) == ({"success": 1}, 1)

    def test_a_method_is_timed_like_a_function(self, metrics: MetricsCollector, series: Read) -> None:
        class Ranker:
            @monitor_latency(metrics)
            def rank(self, items: list[str]) -> list[str]:
                return sorted(items)

        assert Ranker().rank(["b", "a"]) == ["a", "b"]
        assert _requests(series()) == ({"success": 1}, 1)

    def test_signature_name_and_kind_stay(self, metrics: MetricsCollector) -> None:
        def plain(user_id: int, *, limit: int = 10) -> list[str]:
            """Recommend."""
            return []

        async def coroutine(user_id: int) -> None: ...

        def generator(user_id: int) -> Iterator[int]:
            yield 1

        async def stream(user_id: int) -> AsyncIterator[int]:
            yield 1

        functions: list[Callable[..., Any]] = [plain, coroutine, generator, stream]
        decorated: list[Callable[..., Any]] = [monitor_latency(metrics)(function) for function in functions]

        kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
        for before, after in zip(functions, decorated, strict=True):
            assert inspect.signature(after) == inspect.signature(before)
            assert (after.__name__, after.__doc__) == (before.__name__, before.__doc__)
            assert [kind(after) for kind in kinds] == [kind(before) for kind in kinds]


class TestFailures:
    """What a function raises goes on as it is, and is counted as what it is."""

    @pytest.mark.parametrize(
        ("failure", "counted"),
        [
            pytest.param(ValueError("x"), ({"error": 1}, 1), id="an exception is an error with a latency"),
            pytest.param(HTTPException(404), ({"rejected": 1}, 0), id="a 404 is rejected, without a latency"),
            pytest.param(HTTPException(422), ({"rejected": 1}, 0), id="a 422 is rejected"),
            pytest.param(HTTPException(499), ({"rejected": 1}, 0), id="a 499 is rejected"),
            pytest.param(HTTPException(500), ({"error": 1}, 1), id="a 500 is an error"),
            pytest.param(HTTPException(503), ({"error": 1}, 1), id="a 503 is an error"),
            pytest.param(KeyboardInterrupt(), ({"error": 1}, 1), id="an interrupt is an error"),
        ],
    )
    def test_the_same_exception_goes_on_and_is_counted_by_its_status(
        self, metrics: MetricsCollector, series: Read, failure: BaseException, counted: Requests
    ) -> None:
        @monitor_latency(metrics)
        def handler() -> None:
            _raise(failure)

        with pytest.raises(type(failure)) as caught:
            handler()

        assert caught.value is failure
        assert _requests(series()) == counted

    def test_the_same_exception_comes_out_of_a_coroutine(self, metrics: MetricsCollector, series: Read) -> None:
        failure = LookupError("x")

        @monitor_latency(metrics)
        async def handler() -> None:
            _raise(failure)

        with pytest.raises(LookupError) as caught:
            asyncio.run(handler())

        assert caught.value is failure
        assert _requests(series()) == ({"error": 1}, 1)

    def test_the_same_exception_comes_out_of_a_generator(self, metrics: MetricsCollector, series: Read) -> None:
        failure = LookupError("x")

        @monitor_latency(metrics)
        def handler() -> Iterator[int]:
            yield 1
            _raise(failure)

        with pytest.raises(LookupError) as caught:
            list(handler())

        assert caught.value is failure
        assert _requests(series()) == ({"error": 1}, 1)

    def test_the_same_exception_comes_out_of_an_asynchronous_generator(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        failure = LookupError("x")

        @monitor_latency(metrics)
        async def handler() -> AsyncIterator[int]:
            yield 1
            _raise(failure)

        with pytest.raises(LookupError) as caught:
            asyncio.run(_drained(handler()))

        assert caught.value is failure
        assert _requests(series()) == ({"error": 1}, 1)

    @pytest.mark.parametrize("forgotten", [None, lambda: 1, "v1"])
    def test_the_decorator_without_its_collector_is_refused(self, forgotten: Any) -> None:
        with pytest.raises(ValueError, match=r"monitor_latency needs a collector, as in @monitor_latency\(metrics\)"):
            monitor_latency(forgotten)


class TestNothingTwice:
    """What the function records itself is not recorded again."""

    def test_a_slate_inside_is_the_request(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        def handler() -> None:
            metrics.track_recommendations("u", ["a"], outcome="fallback")

        handler()

        found = series()
        assert _requests(found) == ({"success": 1}, 1)
        assert named(found, "recommendation_outcomes_total") == {labelled(model_version="v1", outcome="fallback"): 1}

    def test_a_request_inside_is_the_request(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        def handler() -> None:
            metrics.track_request(success=False)

        handler()

        assert _requests(series()) == ({"error": 1}, 1)

    def test_a_latency_inside_is_the_latency(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        def handler() -> None:
            metrics.track_latency(7.0)

        handler()

        found = series()
        assert _requests(found) == ({"success": 1}, 1)
        assert sum(named(found, "recommendation_latency_seconds_sum").values()) == 7.0

    def test_all_of_them_inside_a_coroutine_are_one_request(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        async def handler() -> None:
            metrics.track_request()
            await asyncio.sleep(0)
            metrics.track_recommendations("u", ["a"])
            metrics.track_latency(7.0)

        asyncio.run(handler())

        assert _requests(series()) == ({"success": 1}, 1)

    def test_a_slate_in_a_call_that_fails_afterwards_is_one_request(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        @monitor_latency(metrics)
        def handler() -> None:
            metrics.track_recommendations("u", ["a"])
            _raise(OSError())

        with pytest.raises(OSError):  # noqa: PT011
            handler()

        assert sum(_requests(series())[0].values()) == 1

    def test_calls_at_the_same_time_are_each_a_request(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        async def handler(*, own: bool) -> None:
            await asyncio.sleep(0)
            if own:
                metrics.track_recommendations("u", ["a"])
            await asyncio.sleep(0)

        async def several() -> None:
            await asyncio.gather(*(handler(own=n % 2 == 0) for n in range(20)))

        asyncio.run(several())

        assert _requests(series()) == ({"success": 20}, 20)

    def test_a_slate_inside_a_generator_is_the_request(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        def handler() -> Iterator[str]:
            metrics.track_recommendations("u", ["a"])
            yield "a"

        list(handler())

        assert _requests(series()) == ({"success": 1}, 1)

    def test_a_monitored_function_that_calls_another_is_one_request(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        @monitor_latency(metrics)
        def inner() -> None: ...

        @monitor_latency(metrics)
        def outer() -> None:
            inner()

        outer()

        assert _requests(series()) == ({"success": 1}, 1)

    def test_a_scope_does_not_outlive_its_call(self, metrics: MetricsCollector, series: Read) -> None:
        @monitor_latency(metrics)
        def handler() -> None:
            metrics.track_recommendations("u", ["a"])

        handler()
        metrics.track_request()
        metrics.track_request()

        assert _requests(series()) == ({"success": 3}, 1)


class TestFastApi:
    """The decorator under and over a route, without the plugin."""

    @pytest.mark.parametrize("over", [False, True], ids=["under the route", "over the route"])
    @pytest.mark.parametrize("path", ["/sync/7", "/async/7"])
    def test_a_route_is_counted_once_and_still_validates(
        self, metrics: MetricsCollector, series: Read, path: str, *, over: bool
    ) -> None:
        app = FastAPI()
        monitor: Callable[[Any], Any] = monitor_latency(metrics)

        def twice(user_id: int) -> int:
            return user_id * 2

        def sync(user_id: int, double: int = Depends(twice), limit: int = 3) -> list[int]:
            return [user_id, double, limit]

        async def coroutine(user_id: int, double: int = Depends(twice), limit: int = 3) -> list[int]:
            return [user_id, double, limit]

        for route, handler in (("/sync/{user_id}", sync), ("/async/{user_id}", coroutine)):
            if over:
                monitor(app.get(route)(handler))
            else:
                app.get(route)(monitor(handler))

        client = Client(app)
        answers = [client.get(path), client.get(path, params={"limit": 9}), client.get(path[:-1] + "abc")]

        assert [(answer.status_code, answer.is_success and answer.json()) for answer in answers] == [
            (200, [7, 14, 3]),
            (200, [7, 14, 9]),
            (422, False),
        ]
        assert _requests(series()) == ({"success": 2}, 2)

    @pytest.mark.parametrize("over", [False, True], ids=["under the route", "over the route"])
    def test_an_http_exception_of_a_route_is_answered_and_counted(
        self, metrics: MetricsCollector, series: Read, *, over: bool
    ) -> None:
        app = FastAPI()
        monitor: Callable[[Any], Any] = monitor_latency(metrics)

        async def handler(code: int) -> None:
            raise HTTPException(code)

        if over:
            monitor(app.get("/{code}")(handler))
        else:
            app.get("/{code}")(monitor(handler))

        client = Client(app)
        codes = [client.get(f"/{code}").status_code for code in (404, 503)]

        assert codes == [404, 503]
        assert _requests(series()) == ({"rejected": 1, "error": 1}, 1)

    def test_a_stream_over_a_monitored_generator_is_counted_when_it_ends(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        app = FastAPI()

        @monitor_latency(metrics)
        async def lines() -> AsyncIterator[bytes]:
            for n in range(3):
                yield b"%d\n" % n

        @app.get("/stream")
        async def stream() -> StreamingResponse:
            return StreamingResponse(lines())

        body = Client(app).get("/stream").text

        assert body == "0\n1\n2\n"
        assert _requests(series()) == ({"success": 1}, 1)


class TestWithThePlugin:
    """The decorator inside a service that the plugin watches as well."""

    def test_a_request_that_the_plugin_the_decorator_and_the_verbs_see_is_one(self, recmon: Recorded) -> None:
        app, metrics = FastAPI(), MetricsCollector()

        @app.get("/recommendations/{user_id}")
        @monitor_latency(metrics)
        def handler(user_id: int) -> list[str]:
            metrics.track_request()
            metrics.track_recommendations(user_id, ["a"], outcome="fallback")
            metrics.track_latency(7.0)
            return ["a", "b"]

        answer = Client(app).get("/recommendations/7")

        assert answer.json() == ["a", "b"]
        assert recmon.value("recommendation_requests_total") == 1
        assert recmon.value("recommendation_impressions_total") == 1
        assert recmon.value("recommendation_latency_seconds_count") == 1
        assert recmon.value("recommendation_latency_seconds_sum") == 7.0
        assert recmon.value("recommendation_slo_responses_total") == 1

    @pytest.mark.parametrize("path", ["/recommendations", "/movies"])
    def test_a_stream_of_a_monitored_generator_is_one_request(self, recmon: Recorded, path: str) -> None:
        app = FastAPI()

        @monitor_latency(MetricsCollector())
        async def body() -> AsyncIterator[bytes]:
            yield b'["a",'
            yield b'"b"]'

        @app.get(path)
        async def handler() -> StreamingResponse:
            return StreamingResponse(body(), media_type="application/json")

        answer = Client(app).get(path)

        assert answer.json() == ["a", "b"]
        assert recmon.value("recommendation_requests_total") == 1
        assert recmon.value("recommendation_latency_seconds_count") == 1

    def test_a_rejected_request_has_no_latency(self, recmon: Recorded) -> None:
        app = FastAPI()

        @app.get("/recommendations")
        @monitor_latency(MetricsCollector())
        async def handler() -> None:
            raise HTTPException(404)

        answer = Client(app).get("/recommendations")

        assert answer.status_code == 404
        assert recmon.value("recommendation_requests_total", status="rejected") == 1
        assert recmon.value("recommendation_requests_total") == 1
        assert recmon.value("recommendation_latency_seconds_count") == 0
