"""The names of series that other programs export and that panels and alerts query."""

from typing import Final

QUEUE_SIZE: Final = "otelcol_exporter_queue_size"
QUEUE_CAPACITY: Final = "otelcol_exporter_queue_capacity"
SEND_FAILED: Final = "otelcol_exporter_send_failed_metric_points_total"
ENQUEUE_FAILED: Final = "otelcol_exporter_enqueue_failed_metric_points_total"
SENT: Final = "otelcol_exporter_sent_metric_points_total"
REFUSED: Final = "otelcol_receiver_refused_metric_points_total"
RECEIVE_FAILED: Final = "otelcol_receiver_failed_metric_points_total"
ACCEPTED: Final = "otelcol_receiver_accepted_metric_points_total"
FILTERED: Final = "otelcol_processor_filter_datapoints_filtered_total"
UP: Final = "up"
ALERTS: Final = "ALERTS"
MESSAGES_FAILED: Final = "alertmanager_notifications_failed_total"
HTTP_DURATION: Final = "http_server_request_duration_seconds"
"""The request duration histogram of the instrumentation of the web framework."""

FOREIGN: Final = (
    QUEUE_SIZE,
    QUEUE_CAPACITY,
    SEND_FAILED,
    ENQUEUE_FAILED,
    SENT,
    REFUSED,
    RECEIVE_FAILED,
    ACCEPTED,
    FILTERED,
    UP,
    ALERTS,
    MESSAGES_FAILED,
    HTTP_DURATION,
)
