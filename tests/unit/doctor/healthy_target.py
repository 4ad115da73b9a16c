"""A service whose environment yields no finding, and variants of it."""

from otel_recmon.doctor.target import Target

HEALTHY = {
    "OTEL_RECMON_ENABLED": "true",
    "OTEL_SERVICE_NAME": "shop",
    "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_METRIC_EXPORT_INTERVAL": "15000",
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
}


def healthy_target(**changes: str) -> Target:
    """Return the service with some variables changed."""
    return Target({**HEALTHY, **changes})
