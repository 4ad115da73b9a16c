"""The notes of the request in progress: its slates, its reported result, its end, and repeats after it."""

import pytest

from otel_recmon.catalog import CLICK, EMPTY, ERROR, FAILED, FALLBACK, SERVED, SUCCESS
from otel_recmon.recording.experiments import Subject
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.request_context import SLATE, RequestContext, active_request, consume_repeat
from tests.unit.in_progress import in_progress

FIRST, SECOND = Labels("v1"), Labels("v2", "b")


class TestAddSlate:
    def test_the_first_slate_decides_everything_but_the_number_of_items(self) -> None:
        request = RequestContext()

        request.add_slate("first collector", FIRST, FALLBACK, 3, Subject("ranker", "jane"))
        request.add_slate("second collector", SECOND, EMPTY, 2, Subject("layout", "joe"))

        assert request == RequestContext(
            recorded_by="first collector",
            labels=FIRST,
            outcome=FALLBACK,
            slates=2,
            items=5,
            subject=Subject("ranker", "jane"),
        )

    def test_a_failed_slate_makes_the_request_an_error(self) -> None:
        request = RequestContext()

        request.add_slate("collector", FIRST, FAILED, 0, None)

        assert (request.status, request.outcome) == (ERROR, FAILED)

    def test_a_slate_of_a_failed_request_has_the_outcome_error(self) -> None:
        request = RequestContext(status=ERROR)

        request.add_slate("collector", FIRST, SERVED, 1, None)

        assert (request.status, request.outcome) == (ERROR, FAILED)

    def test_a_slate_without_a_subject_keeps_the_subject_of_the_request(self) -> None:
        request = RequestContext(subject=Subject("ranker", "jane"))

        request.add_slate("collector", FIRST, SERVED, 1, None)

        assert request.subject == Subject("ranker", "jane")


class TestSetResult:
    def test_a_reported_result_is_kept(self) -> None:
        request = RequestContext()

        request.set_result("collector", FIRST, SUCCESS, SERVED)

        assert request == RequestContext(recorded_by="collector", labels=FIRST, status=SUCCESS, outcome=SERVED)

    def test_a_slate_that_was_recorded_before_takes_precedence(self) -> None:
        request = RequestContext()
        request.add_slate("first collector", FIRST, SERVED, 1, None)

        request.set_result("second collector", SECOND, ERROR, FAILED)

        assert request == RequestContext(recorded_by="first collector", labels=FIRST, outcome=SERVED, slates=1, items=1)


class TestClose:
    def test_a_closed_request_is_over_and_keeps_what_the_plugin_recorded(self) -> None:
        request = RequestContext()

        request.close(frozenset({SLATE}))

        assert request == RequestContext(over=True, repeats=frozenset({SLATE}))

    def test_a_request_is_active_until_it_is_closed(self) -> None:
        with in_progress(RequestContext()) as request:
            before = active_request()
            request.close(frozenset())
            after = active_request()

        assert before is request
        assert (after, active_request()) == (None, None)


class TestConsumeRepeat:
    def test_without_a_request_nothing_is_a_repeat(self) -> None:
        assert not consume_repeat(SLATE)

    @pytest.mark.parametrize("recorded", [frozenset({SLATE}), frozenset({SLATE, CLICK})])
    def test_each_kind_that_the_plugin_recorded_is_a_repeat_once(self, recorded: frozenset[str]) -> None:
        with in_progress(RequestContext()) as request:
            before = consume_repeat(SLATE)
            request.close(recorded)

            assert [before, consume_repeat(SLATE), consume_repeat(SLATE)] == [False, True, False]
            assert [consume_repeat(CLICK), consume_repeat(CLICK)] == [CLICK in recorded, False]
