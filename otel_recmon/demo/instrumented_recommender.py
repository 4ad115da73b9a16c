"""The demo recommender with one addition by its owner: it records cache lookups, which no response shows."""

from otel_recmon import MetricsCollector
from otel_recmon.demo.recommender import app

__all__ = ["app"]
app.state.on_cache_lookup = MetricsCollector().track_cache_hit
