"""Slates and requests, counted once each with their outcome, categories, scores and latency."""

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_recmon import MetricsCollector
from otel_recmon.catalog import ERROR, FAILED, REJECTED, SERVED, SUCCESS
from otel_recmon.config import Settings
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.request_context import RequestContext
from otel_recmon.recording.request_counts import close_request
from tests.unit.conftest import Read, exported, labelled, named
from tests.unit.in_progress import in_progress
from tests.unit.recording.expected_series import dropped, nonzero, slate, v1


class Array(list[Any]):
    """A sequence without a truth value, like a numpy array or a pandas column."""

    def __bool__(self) -> bool:
        msg = "the truth value of an array with more than one element is ambiguous"
        raise ValueError(msg)


class TestSlate:
    def test_a_slate_counts_request_outcome_impressions_categories_and_top_score(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        metrics.track_recommendations("u", ["a", "b"], ["drama", "crime"], [0.4, 0.9])

        assert nonzero(series()) == slate(drama=1, crime=1) | {
            v1("recommendation_score_count"): 1,
            v1("recommendation_score_sum"): 0.9,
        }

    @pytest.mark.parametrize(
        ("arguments", "outcome"),
        [
            pytest.param({}, "served", id="served by default"),
            pytest.param({"requested": 2}, "served", id="as many items as requested"),
            pytest.param({"requested": 3}, "partial", id="fewer items than requested"),
            pytest.param({"requested": "3"}, "served", id="an unusable requested number"),
            pytest.param({"outcome": "fallback"}, "fallback", id="a reported outcome"),
            pytest.param(
                {"outcome": "fallback", "requested": 3},
                "fallback",
                id="a reported outcome and fewer items than requested",
            ),
            pytest.param({"outcome": "error"}, "error", id="an error"),
            pytest.param({"outcome": "unrecognized"}, "unrecognized", id="unrecognized"),
        ],
    )
    def test_the_outcome_is_the_reported_one_or_follows_from_the_number_of_items(
        self, metrics: MetricsCollector, series: Read, arguments: dict[str, Any], outcome: str
    ) -> None:
        metrics.track_recommendations("u", ["a", "b"], **arguments)

        assert nonzero(series()) == slate(outcome)

    def test_an_empty_slate_is_a_request_with_the_outcome_empty(self, metrics: MetricsCollector, series: Read) -> None:
        metrics.track_recommendations("u", [], requested=5)

        assert nonzero(series()) == slate("empty", ())

    def test_items_after_the_tenth_count_at_position_11_plus(self, metrics: MetricsCollector, series: Read) -> None:
        metrics.track_recommendations("u", range(14))

        shown = named(series(), "recommendation_impressions_total")
        assert shown == {labelled(model_version="v1", position=str(position)): 1 for position in range(1, 11)} | {
            labelled(model_version="v1", position="11+"): 4
        }

    def test_given_positions_replace_the_order_of_the_list(self, metrics: MetricsCollector, series: Read) -> None:
        metrics.track_recommendations("u", ["a", "b", "c"], positions=[4, "2", "top"])

        assert nonzero(series()) == slate("served", ("4", "2", "unknown")) | dropped("position_invalid")

    def test_with_impression_routes_a_returned_slate_counts_no_impressions(
        self, provider: MeterProvider, series: Read
    ) -> None:
        recorder(provider).configure(Settings(model_version="v1", impression_routes="POST /seen"))

        MetricsCollector("v1", meter_provider=provider).track_recommendations("u", ["a", "b"])

        assert nonzero(series()) == slate("served", (), _none=2)

    def test_a_slate_of_more_than_10000_items_is_cut(self, metrics: MetricsCollector, series: Read) -> None:
        metrics.track_recommendations("u", range(25_000))

        found = series()
        assert sum(named(found, "recommendation_impressions_total").values()) == 10_000
        assert dropped("slate_too_long").items() <= found.items()

    def test_slates_with_only_negative_scores_are_counted_and_logged_once(
        self, metrics: MetricsCollector, series: Read, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(3):
            metrics.track_recommendations("u", ["a"], None, [-1.5])

        found = series()
        assert len(caplog.records) <= 1
        assert named(found, "recommendation_score_count") or named(found, "recmon_events_dropped_total")

    def test_categories_and_scores_in_arrays_count_like_those_in_lists(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        metrics.track_recommendations("u", Array(["a", "b"]), Array(["x", "y"]), Array([0.5, 0.25]))

        assert nonzero(series()) == slate(x=1, y=1) | {
            v1("recommendation_score_count"): 1,
            v1("recommendation_score_sum"): 0.5,
        }


class TestCategories:
    def test_an_item_counts_once_in_each_of_its_categories_or_in_none(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        metrics.track_recommendations("u", ["a", "b"], [["drama", "crime", "drama"], None])

        assert nonzero(series()) == slate(drama=1, crime=1, _none=1)

    def test_a_slate_without_any_category_counts_no_items(self, metrics: MetricsCollector, series: Read) -> None:
        metrics.track_recommendations("u", ["a", "b"], [None, ""])

        assert nonzero(series()) == slate()

    def test_known_and_new_categories_count_alike(self, metrics: MetricsCollector, series: Read) -> None:
        for categories in (["x", "y"], ["x", "y"], ["y", "y"], ["x", "z"], ["x", ["y", "z"]], ["x", {}]):
            metrics.track_recommendations("u", ["a", "b"], categories)

        items = named(series(), "recommendation_items_total")
        assert {dict(labels)["category"]: value for labels, value in items.items()} == {
            "x": 5,
            "y": 5,
            "z": 2,
            "_none": 1,
        }

    def test_a_nan_category_is_a_missing_category(self, metrics: MetricsCollector, series: Read) -> None:
        metrics.track_recommendations("u", ["a", "b"], ["x", float("nan")])

        assert nonzero(series()) == slate(x=1, _none=1)


class TestRequest:
    def test_a_request_counts_as_success_or_error(self, metrics: MetricsCollector, series: Read) -> None:
        metrics.track_request()
        metrics.track_request(success=True)
        metrics.track_request(success=False)

        assert nonzero(series()) == {
            v1("recommendation_requests_total", status="success"): 2,
            v1("recommendation_requests_total", status="error"): 1,
            v1("recommendation_outcomes_total", outcome="served"): 2,
            v1("recommendation_outcomes_total", outcome="error"): 1,
        }

    def test_a_latency_falls_into_its_bucket(self, metrics: MetricsCollector, reader: InMemoryMetricReader) -> None:
        for seconds in (0, 0.01, 0.011, 0.3, 5, 60):
            metrics.track_latency(seconds)

        buckets = [list(p.bucket_counts) for name, p in exported(reader) if name == "recommendation_latency_seconds"]
        assert buckets == [[2, 1, 0, 0, 1, 0, 0, 1, 1]]


class TestRequestInProgress:
    def test_a_request_without_recordings_is_counted_when_it_is_closed(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        close_request(metrics.defaults, RequestContext(), SUCCESS, 0.1, SERVED)
        close_request(metrics.defaults, RequestContext(), ERROR, 0.1, FAILED)
        close_request(metrics.defaults, RequestContext(), REJECTED, 0.1, SERVED)

        found = nonzero(series())
        assert found.pop(v1("recommendation_latency_seconds_sum")) == pytest.approx(0.2)
        assert found == {
            v1("recommendation_requests_total", status="success"): 1,
            v1("recommendation_requests_total", status="error"): 1,
            v1("recommendation_requests_total", status="rejected"): 1,
            v1("recommendation_outcomes_total", outcome="served"): 1,
            v1("recommendation_outcomes_total", outcome="error"): 1,
            v1("recommendation_slo_responses_total", good="true"): 1,
            v1("recommendation_slo_responses_total", good="false"): 1,
            v1("recommendation_latency_seconds_count"): 2,
        }

    @pytest.mark.parametrize(
        ("seconds", "outcome", "good"),
        [(0.5, "served", "true"), (0.5, "partial", "true"), (0.501, "served", "false"), (0.1, "fallback", "false"),
         (0.1, "empty", "false"), (0.1, "unrecognized", "false")],
    )  # fmt: skip
    def test_a_good_response_is_served_or_partial_and_fast_enough(
        self, metrics: MetricsCollector, series: Read, seconds: float, outcome: str, good: str
    ) -> None:
        close_request(metrics.defaults, RequestContext(), SUCCESS, seconds, outcome)

        responses = named(series(), "recommendation_slo_responses_total")
        assert {dict(labels)["good"] for labels, value in responses.items() if value} == {good}

    def test_results_recorded_by_the_handler_win_over_those_at_the_close(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        with in_progress(RequestContext()) as request:
            metrics.track_recommendations("u", ["a", "b"], outcome="fallback")
            metrics.track_request(success=False)
            metrics.track_latency(0.25)
        close_request(metrics.defaults, request, SUCCESS, 9.0, SERVED)

        assert nonzero(series()) == slate("fallback") | {
            v1("recommendation_latency_seconds_count"): 1,
            v1("recommendation_latency_seconds_sum"): 0.25,
            v1("recommendation_slo_responses_total", good="false"): 1,
        }

    def test_a_request_and_its_slate_count_as_one_request(self, metrics: MetricsCollector, series: Read) -> None:
        with in_progress(RequestContext()) as request:
            metrics.track_request()
            metrics.track_recommendations("u", ["a", "b"])
        close_request(metrics.defaults, request, SUCCESS, 0.1, SERVED)

        requests = named(series(), "recommendation_requests_total")
        assert sum(requests.values()) == 1

    def test_a_request_whose_slate_failed_half_way_is_counted_once(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        with in_progress(RequestContext()) as request:
            metrics.track_recommendations("u", ["a"], 5)  # type: ignore[arg-type]

        close_request(metrics.defaults, request, SUCCESS, 0.1, SERVED)

        assert series()[v1("recommendation_requests_total", status="success")] == 1
