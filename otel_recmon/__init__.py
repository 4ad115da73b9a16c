"""Business, technical and quality metrics of a recommendation service, as an OpenTelemetry plugin."""

from otel_recmon._version import __version__
from otel_recmon.integrations.decorator import monitor_latency
from otel_recmon.plugin import RecmonInstrumentor
from otel_recmon.recording.attributor import recommendation_id
from otel_recmon.recording.collector import MetricsCollector
from otel_recmon.stats.quality import QualityMonitor

__all__ = [
    "MetricsCollector",
    "QualityMonitor",
    "RecmonInstrumentor",
    "__version__",
    "monitor_latency",
    "recommendation_id",
]
