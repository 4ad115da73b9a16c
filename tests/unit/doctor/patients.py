"""A service in whose environment nothing is wrong, and what is found once something is."""

from otel_recmon.doctor.target import Patient

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


def patient(**changes: str) -> Patient:
    """The service with some variables changed."""
    return Patient({**HEALTHY, **changes})
