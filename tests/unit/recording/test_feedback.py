"""Clicks, conversions, impressions and other events that a client reports, counted."""

from otel_recmon import MetricsCollector
from tests.unit.conftest import Read
from tests.unit.recording.expected_series import nonzero, v1


def test_a_click_counts_at_its_position(metrics: MetricsCollector, series: Read) -> None:
    for position in (1, "1", 10, 57):
        metrics.track_click(position)

    assert nonzero(series()) == {
        v1("recommendations_clicked_total", position="1"): 2,
        v1("recommendations_clicked_total", position="10"): 1,
        v1("recommendations_clicked_total", position="11+"): 1,
    }


def test_a_click_without_a_position_counts_at_position_unknown(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_click()

    assert nonzero(series()) == {v1("recommendations_clicked_total", position="unknown"): 1}


def test_conversions_are_counted_and_their_revenue_is_added_up(metrics: MetricsCollector, series: Read) -> None:
    for revenue in (19.5, 0.5, 10):
        metrics.track_conversion(revenue)

    assert nonzero(series()) == {
        v1("recommendations_converted_total"): 3,
        v1("recommendation_revenue_dollars_count"): 3,
        v1("recommendation_revenue_dollars_sum"): 30.0,
    }


def test_a_conversion_without_revenue_adds_nothing_to_the_revenue_histogram(
    metrics: MetricsCollector, series: Read
) -> None:
    metrics.track_conversion()
    metrics.track_conversion(0)

    assert nonzero(series()) == {v1("recommendations_converted_total"): 2}


def test_reported_impressions_count_at_their_positions(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_impressions([1, 1, "12"])

    assert nonzero(series()) == {
        v1("recommendation_impressions_total", position="1"): 2,
        v1("recommendation_impressions_total", position="11+"): 1,
    }


def test_other_events_count_by_action_up_to_the_cap(metrics: MetricsCollector, series: Read) -> None:
    for action in ("like", "like", "add_to_cart"):
        metrics.track_event(action)

    assert nonzero(series()) == {
        v1("recommendation_events_total", action="add_to_cart"): 1,
        v1("recommendation_events_total", action="like"): 2,
    }


def test_actions_over_the_cap_count_as_other(metrics: MetricsCollector, series: Read) -> None:
    for number in range(22):
        metrics.track_event(f"action-{number}")

    found = nonzero(series())
    assert found[v1("recommendation_events_total", action="_other")] == 2
    assert found["recmon_label_overflow_total", (("label", "action"),)] == 2
    assert len(found) == 22
