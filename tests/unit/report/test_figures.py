"""Figures by their definitions, and unknown figures, which are not 0."""

import pytest

from otel_recmon import definitions
from otel_recmon.artifacts import promql
from otel_recmon.definitions import (
    CACHE_HIT_RATE,
    CLICKS,
    CONVERSION_RATE,
    CONVERSIONS,
    CTR,
    DISTINCT_USERS,
    DIVERSITY,
    ERROR_RATE,
    FAILURES,
    GOOD_RESPONSES,
    IMPRESSIONS,
    ITEM_CTR,
    LIST_LENGTH,
    ORDER_VALUE,
    REJECTED,
    REQUESTS,
    REVENUE,
    REVENUE_PER_REQUEST,
    REVENUE_PER_USER,
    SALES,
    SUCCESSES,
    Definition,
)
from otel_recmon.query.service import Service
from otel_recmon.report.figures import Figures, merged
from otel_recmon.stats.intervals import Rate
from tests.unit.report.shop import values

COUNTS = {
    ("recommendation_requests_total", "success"): 80.0,
    ("recommendation_requests_total", "error"): 20.0,
    ("recommendation_requests_total", "rejected"): 7.0,
    ("recommendation_slo_responses_total", "true"): 60.0,
    ("recommendation_slo_responses_total", "false"): 40.0,
    ("recommendation_outcomes_total", "served"): 70.0,
    ("recommendation_outcomes_total", "fallback"): 0.0,
    ("recommendation_impressions_total", "1"): 80.0,
    ("recommendation_impressions_total", "2"): 80.0,
    ("recommendations_clicked_total", "1"): 6.0,
    ("recommendations_clicked_total", "unknown"): 2.0,
    ("recommendations_converted_total", ""): 4.0,
    ("recommendation_revenue_dollars_sum", ""): 60.0,
    ("recommendation_revenue_dollars_count", ""): 3.0,
    ("recommendation_items_total", "drama"): 5.0,
    ("recommendation_items_total", "comedy"): 5.0,
    ("recommendation_items_total", "war"): 0.0,
    ("recommendation_cache_hits_total", ""): 3.0,
    ("recommendation_latency_seconds_bucket", "0.1"): 50.0,
    ("recommendation_latency_seconds_bucket", "1.0"): 100.0,
    ("recommendation_latency_seconds_bucket", "+Inf"): 100.0,
    ("recommendation_latency_seconds_sum", ""): 12.5,
}
ALL = frozenset(name for name, _ in COUNTS)
FIGURES = Figures(COUNTS, ALL, {DISTINCT_USERS: 30.0})


class TestCounts:
    def test_counts_come_from_the_series(self) -> None:
        assert values(FIGURES, REQUESTS, SUCCESSES, FAILURES, REJECTED) == (107, 80, 20, 7)
        assert values(FIGURES, IMPRESSIONS, CLICKS, CONVERSIONS, SALES, REVENUE) == (160, 8, 4, 3, 60.0)
        assert FIGURES.outcomes == {"served": 70}

    def test_a_figure_without_its_series_is_unknown(self) -> None:
        nothing = Figures()

        every = [value for value in vars(definitions).values() if isinstance(value, Definition)]
        assert len(every) > 30
        assert set(values(nothing, *every)) == {None}
        assert nothing.outcomes == {}
        assert nothing.latency.count == 0

    def test_a_figure_with_series_and_without_events_is_0(self) -> None:
        quiet = Figures({}, ALL)

        assert values(quiet, REQUESTS, CLICKS, CONVERSIONS, REVENUE) == (0, 0, 0, 0.0)
        assert values(quiet, CTR, CONVERSION_RATE, ERROR_RATE) == (None, None, None)

    def test_figures_of_several_periods_add_up(self) -> None:
        twice = merged([Figures(COUNTS, frozenset({"recommendation_requests_total"})), Figures(COUNTS, ALL), Figures()])

        assert values(twice, REQUESTS, REVENUE) == (214, 120.0)
        assert twice.known == ALL


class TestRatios:
    def test_ratios_follow_their_definitions(self) -> None:
        rates = [
            FIGURES.rate(definition) for definition in (CTR, ITEM_CTR, CONVERSION_RATE, ERROR_RATE, GOOD_RESPONSES)
        ]

        assert rates == [
            Rate(8, 80, unbounded=True),
            Rate(8, 160, unbounded=True),
            Rate(4, 8, unbounded=True),
            Rate(20, 100),
            Rate(60, 100),
        ]
        assert FIGURES.value(LIST_LENGTH) == pytest.approx(160 / 70)

    def test_revenue_is_divided_by_requests_orders_and_users(self) -> None:
        assert values(FIGURES, REVENUE_PER_REQUEST, ORDER_VALUE, REVENUE_PER_USER) == (0.75, 20.0, 2.0)

    def test_revenue_per_user_is_unknown_without_the_number_of_users(self) -> None:
        assert Figures(COUNTS, ALL).value(REVENUE_PER_USER) is None

    def test_the_hit_rate_of_a_cache_without_misses_is_1(self) -> None:
        assert FIGURES.rate(CACHE_HIT_RATE) == Rate(3, 3)


class TestDistributions:
    def test_latency_is_in_seconds_and_bounds_may_have_any_number_format(self) -> None:
        assert (FIGURES.latency.mean, FIGURES.latency.count) == (0.125, 100.0)
        assert FIGURES.latency.quantile(0.75) == pytest.approx(0.55)

    def test_diversity_ignores_categories_without_items(self) -> None:
        assert FIGURES.value(DIVERSITY) == 1.0


class TestIdentity:
    def test_a_service_has_the_identity_labels_of_the_dashboards(self) -> None:
        assert Service._fields == promql.IDENTITY
