"""The demo recommender with one change to its code: it records cache lookups, which responses do not show."""

from otel_recmon import MetricsCollector
from otel_recmon.demo.recommender import app

__all__ = ["app"]
app.state.on_cache_lookup = MetricsCollector().track_cache_hit
