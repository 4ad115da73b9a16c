"""The alerts about the telemetry: silent services, lost data and lost messages."""

from typing import Final

from otel_recmon import catalog
from otel_recmon.artifacts.alerts import conditions
from otel_recmon.artifacts.alerts.rule import WATCHDOG, Alert, Comparison
from otel_recmon.artifacts.promql import IDENTITY
from otel_recmon.artifacts.signals import telemetry as signals

ALERTS: Final = (
    Alert(
        "ServiceSilent",
        signals.SILENT,
        Comparison.EQUAL,
        "the service sent metrics within the last {offset}, but sends none now",
        "Check the health of the service. If it is up, check its OTEL_* environment variables and the Collector.",
        conditions.silent_service,
        IDENTITY,
    ),
    Alert(
        "TelemetryLost",
        signals.LOST_POINTS,
        Comparison.ABOVE,
        "the Collector loses {value} data points per second",
        "Find the reason in the Collector's log. Check that Prometheus is up and that its disk is not full.",
        conditions.plain(signals.LOST_POINTS),
        IDENTITY,
    ),
    Alert(
        "CollectorQueueFilling",
        signals.QUEUE_FILL,
        Comparison.ABOVE,
        "a sending queue of the Collector is {value} full (limit {threshold})",
        "Check that Prometheus is up and accepts data.",
        conditions.plain(signals.QUEUE_FILL),
        IDENTITY,
    ),
    Alert(
        "MessagesLost",
        signals.MESSAGES_LOST,
        Comparison.ABOVE,
        "about {value} messages did not reach Slack in the last {window}; look at Alertmanager's list of alerts",
        "Act on the alerts that Alertmanager lists. Then check the webhook.",
        conditions.plain(signals.MESSAGES_LOST),
        IDENTITY,
    ),
    Alert(
        "EventsDropped",
        signals.DROPPED_SHARE,
        Comparison.ABOVE,
        "{value} of requests, clicks and conversions contain an unusable value, which is dropped (limit {threshold})",
        "Find the reason in the service's log, and correct the client or the settings.",
        conditions.with_traffic(signals.DROPPED_SHARE, signals.DROPPED_SHARE.trials),
        IDENTITY,
        traffic="requests, clicks and conversions",
    ),
    Alert(
        "LabelsOverflowing",
        signals.OVERFLOW,
        Comparison.ABOVE,
        "{value} values per second exceed the cap and become _other (limit {threshold})",
        "Find the client that sends ids or free text in this label, or raise the cap.",
        conditions.rate_by(catalog.LABEL, catalog.OVERFLOW),
        (*IDENTITY, catalog.LABEL.name),
    ),
    Alert(
        "PluginFailing",
        signals.PLUGIN_ERRORS,
        Comparison.ABOVE,
        "otel-recmon fails {value} times per second; the service is not affected",
        "Report the traceback from the service's log. Use the previous version of otel-recmon until a fix is released.",
        conditions.rate_by(catalog.SITE, catalog.ERRORS),
        (*IDENTITY, catalog.SITE.name),
    ),
    # A dead man's switch outside the stack receives this alert again and again. If it stops coming, alerting is down.
    Alert(
        WATCHDOG,
        signals.ALERTING,
        Comparison.ABOVE,
        "Alerting works. This alert always fires; if it stops, alerting is broken.",
        "Send this alert to a dead man's switch, which calls you when the alert stops.",
        conditions.always,
        (),
    ),
)
