"""Two hours of samples of a shop with two model versions, and of the same hours a week before."""

from datetime import timedelta

from otel_recmon.definitions import Definition
from otel_recmon.query.service import Service
from otel_recmon.report.figures import Figures
from otel_recmon.report.period import WEEK, Period, moment
from tests.unit.report.held import Held, Labels, Samples, held, series

NINE = moment("2026-01-08T09:00")
PERIOD = Period(NINE, NINE + timedelta(hours=3))
SHOP = Service("shop", "test")


def counted(name: str, *hours: float, **labels: str) -> tuple[Labels, Samples]:
    """Return a counter with an increase half an hour into each hour, and a quarter of it a week before."""
    at = NINE.timestamp()
    before = [(at - WEEK.total_seconds() + 3600 * n + 1800, value // 4) for n, value in enumerate(hours)]
    return series(
        name, [*before, (at - 60, 0.0), *((at + 3600 * n + 1800, value) for n, value in enumerate(hours))], **labels
    )


def values(figures: Figures, *of: Definition) -> tuple[float | None, ...]:
    """Return the figures of several definitions."""
    return tuple(map(figures.value, of))


def shop(*more: tuple[Labels, Samples]) -> Held:
    """Return a fake Prometheus with two hours of traffic, and then no data."""
    requests, latency = "recommendation_requests_total", "recommendation_latency_seconds"
    return held(
        counted(requests, 40, 80, model_version="v1", status="success"),
        counted(requests, 4, 20, model_version="v1", status="error"),
        counted(requests, 100, 120, model_version="v2", status="success"),
        counted("recommendations_clicked_total", 4, 8, model_version="v1", position="1"),
        counted("recommendations_clicked_total", 10, 12, model_version="v2", position="2"),
        counted("recommendations_converted_total", 0, 4, model_version="v1"),
        counted("recommendation_revenue_dollars_sum", 0, 50, model_version="v1"),
        counted("recommendation_revenue_dollars_count", 0, 2, model_version="v1"),
        counted(f"{latency}_bucket", 100, 200, model_version="v1", le="0.1"),
        counted(f"{latency}_bucket", 100, 220, model_version="v1", le="1"),
        counted(f"{latency}_bucket", 100, 220, model_version="v1", le="+Inf"),
        counted(f"{latency}_sum", 5, 22, model_version="v1"),
        counted("recommendation_items_total", 100, 120, model_version="v1", category="drama"),
        counted("recommendation_items_total", 100, 120, model_version="v1", category="war"),
        counted("recommendation_cache_hits_total", 3, 9),
        counted("recommendation_cache_misses_total", 1, 3),
        series("recommendation_catalog_coverage", [(NINE.timestamp() + 1800, 40.0)], model_version="v1"),
        series("recommendation_catalog_coverage", [(NINE.timestamp() + 1800, 60.0)], model_version="v2"),
        series("recommendation_model_staleness_hours", [(NINE.timestamp() + 1800, 26.5)], model_version="v1"),
        *more,
    )
