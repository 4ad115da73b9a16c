"""Figures by their definitions, and unknown figures, which are not 0."""

import pytest

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.signals import traffic
from otel_recmon.artifacts.signals.kinds import Share
from otel_recmon.report.counts import TRACKED
from otel_recmon.report.figures import Figures, merged
from otel_recmon.report.services import Service
from otel_recmon.stats.intervals import Rate

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
FIGURES = Figures(COUNTS, ALL, users=30.0)


class TestCounts:
    def test_the_counts_are_those_of_the_series(self) -> None:
        assert (FIGURES.requests, FIGURES.successes, FIGURES.failures, FIGURES.rejected) == (107, 80, 20, 7)
        assert (FIGURES.impressions, FIGURES.clicks, FIGURES.conversions, FIGURES.sales) == (160, 8, 4, 3)
        assert FIGURES.outcomes == {"served": 70}

    def test_what_a_service_does_not_count_is_unknown(self) -> None:
        nothing = Figures()

        names = [name for name, value in vars(Figures).items() if isinstance(value, property)]
        assert {name: getattr(nothing, name) for name in names if name not in ("outcomes", "latency")} == dict.fromkeys(
            set(names) - {"outcomes", "latency"}
        )
        assert nothing.outcomes == {}
        assert nothing.latency.count == 0

    def test_what_a_service_counts_and_did_not_happen_is_0(self) -> None:
        quiet = Figures({}, ALL)

        assert (quiet.requests, quiet.clicks, quiet.conversions, quiet.revenue) == (0, 0, 0, 0.0)
        assert quiet.ctr is quiet.conversion_rate is quiet.error_rate is None

    def test_figures_of_several_times_add_up(self) -> None:
        twice = merged([Figures(COUNTS, frozenset({"recommendation_requests_total"})), Figures(COUNTS, ALL), Figures()])

        assert (twice.requests, twice.revenue) == (214, 120.0)
        assert twice.known == ALL


class TestRatios:
    def test_the_shares_are_those_of_the_definitions(self) -> None:
        assert FIGURES.ctr == Rate(8, 80)
        assert FIGURES.item_ctr == Rate(8, 160)
        assert FIGURES.conversion_rate == Rate(4, 8)
        assert FIGURES.error_rate == Rate(20, 100)
        assert FIGURES.good == Rate(60, 100)
        assert FIGURES.list_length == 2.0

    def test_revenue_is_split_by_what_there_is_of_each(self) -> None:
        assert FIGURES.revenue == 60.0
        assert (FIGURES.revenue_per_request, FIGURES.revenue_per_sale, FIGURES.revenue_per_user) == (0.75, 20.0, 2.0)

    def test_revenue_per_user_is_unknown_where_users_are(self) -> None:
        assert Figures(COUNTS, ALL).revenue_per_user is None

    def test_a_cache_that_never_misses_is_always_hit(self) -> None:
        assert FIGURES.cache_hits == Rate(3, 3)


class TestDistributions:
    def test_latency_is_in_seconds_and_bounds_are_read_however_they_are_written(self) -> None:
        assert (FIGURES.latency.mean, FIGURES.latency.count) == (0.125, 100.0)
        assert FIGURES.latency.quantile(0.75) == pytest.approx(0.55)

    def test_diversity_is_of_the_categories_that_were_there(self) -> None:
        assert FIGURES.diversity == 1.0


class TestDashboards:
    @pytest.mark.parametrize(
        ("signal", "figure"),
        [
            (traffic.CTR, Figures.ctr),
            (traffic.ITEM_CTR, Figures.item_ctr),
            (traffic.CONVERSION_RATE, Figures.conversion_rate),
            (traffic.ERROR_RATE, Figures.error_rate),
            (traffic.GOOD_RESPONSES, Figures.good),
            (traffic.LIST_LENGTH, Figures.list_length),
            (traffic.REVENUE_PER_REQUEST, Figures.revenue_per_request),
        ],
        ids=lambda each: getattr(each, "name", ""),
    )
    def test_a_figure_is_defined_as_that_of_the_dashboards(self, signal: Share, figure: property) -> None:
        names = {metric.prometheus for metric in signal.metrics}
        known = frozenset(tracked.name for tracked in TRACKED if tracked.metric.prometheus in names)

        assert figure.__get__(Figures(COUNTS, known)) is not None
        for name in names:
            assert figure.__get__(Figures(COUNTS, frozenset(n for n in known if not n.startswith(name)))) is None

    def test_a_service_is_told_apart_as_the_dashboards_do(self) -> None:
        assert Service._fields == promql.IDENTITY
