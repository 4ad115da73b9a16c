"""The recommender with what its owner would add to say what its cache does, which no response shows."""

from otel_recmon import MetricsCollector
from otel_recmon.demo.recommender import app

__all__ = ["app"]
app.state.looked_up = MetricsCollector().track_cache_hit
